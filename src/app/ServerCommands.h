// Commands that the running server does, given over the control socket.
#pragma once

#include <string_view>

#include "app/Command.h"
#include "app/Ctl.h"
#include "app/Server.h"

namespace mox::app {

/// The table behind the control socket: the same words as the command line.
struct ServerCommand {
  std::string_view words;
  int (*run)(ServerParts& server, Invocation& call);
};

const std::vector<ServerCommand>& serverCommands();

/// Runs what the request asks for; 2 for an unknown command.
int runServerCommand(ServerParts& server, const CtlRequest& request, std::ostream& out, std::ostream& err);

// Handlers by file: ServerCommands.cpp, ReindexCommand.cpp, QueueCommands.cpp, TransferCommands.cpp, BackupCommand.cpp,
// RepairCommands.cpp, TlsKeyCommands.cpp, ImapTunnel.cpp, StopCommand.cpp.
int serverStop(ServerParts& server, Invocation& call);
int serverSetAccountPassword(ServerParts& server, Invocation& call);
int serverLogLevels(ServerParts& server, Invocation& call);
int serverReload(ServerParts& server, Invocation& call);
/// Prints "<service> <IP address> <port>" for each open port.
int serverHealthCheck(ServerParts& server, Invocation& call);
int serverReindex(ServerParts& server, Invocation& call);
int queueList(ServerParts& server, Invocation& call);
int queueHold(ServerParts& server, Invocation& call);
int queueUnhold(ServerParts& server, Invocation& call);
int queueSchedule(ServerParts& server, Invocation& call);
int queueTransport(ServerParts& server, Invocation& call);
int queueRequireTls(ServerParts& server, Invocation& call);
int queueFail(ServerParts& server, Invocation& call);
int queueDrop(ServerParts& server, Invocation& call);
int queueDump(ServerParts& server, Invocation& call);
int serverFixMsgSize(ServerParts& server, Invocation& call);
int serverRecalculateCounts(ServerParts& server, Invocation& call);
int serverReparse(ServerParts& server, Invocation& call);
int serverEnsureParsed(ServerParts& server, Invocation& call);
int serverLostMessages(ServerParts& server, Invocation& call);
int serverRemoveData(ServerParts& server, Invocation& call);
int serverBackup(ServerParts& server, Invocation& call);
int serverImportMaildir(ServerParts& server, Invocation& call);
int serverImportMbox(ServerParts& server, Invocation& call);
int serverImportImap(ServerParts& server, Invocation& call);
int serverExportMaildir(ServerParts& server, Invocation& call);
int serverExportMbox(ServerParts& server, Invocation& call);
int tlsKeyList(ServerParts& server, Invocation& call);
int tlsKeyGet(ServerParts& server, Invocation& call);
int tlsKeyAdd(ServerParts& server, Invocation& call);
int serverImapServe(ServerParts& server, Invocation& call);
int tlsKeyRemove(ServerParts& server, Invocation& call);
int serverManaged(ServerParts& server, Invocation& call);  // ManagedCommands.cpp

}  // namespace mox::app
