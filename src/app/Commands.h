// The functions behind the command table, by file.
#pragma once

#include <string>
#include <string_view>

#include "app/Command.h"
#include "base/Clock.h"

namespace mox::app {

int commandServe(Invocation& call);       // ServeCommand.cpp
int commandLocalserve(Invocation& call);  // Localserve.cpp
int commandQuickstart(Invocation& call);  // Quickstart.cpp
int commandImportImap(Invocation& call);   // ImapImport.cpp
int commandHealthCheck(Invocation& call);  // HealthCheck.cpp

// StopCommand.cpp
/// `mox stop` waits so long: the server has stopGrace, and may wait for its disk.
inline constexpr Duration stopCommandPatience = std::chrono::seconds(10);
int commandStop(Invocation& call);
/// Status 1 if the server at the control socket is not gone by then.
int stopServer(Invocation& call, const std::string& ctlPath, Duration patience);

int commandImapServe(Invocation& call);   // ImapTunnel.cpp

// ConfigCommands.cpp
int commandConfigCheck(Invocation& call);
int commandConfigPlan(Invocation& call);
int commandDescribeStatic(Invocation& call);
int commandDescribeDomains(Invocation& call);
int commandConfigSchema(Invocation& call);
int commandPrintService(Invocation& call);
int commandDnsRecords(Invocation& call);
int commandDnsRecordsFormatted(Invocation& call);
int commandDnsCheck(Invocation& call);

// TransferCommands.cpp
int commandImportMaildir(Invocation& call);
int commandImportMbox(Invocation& call);
int commandExportMaildir(Invocation& call);
int commandExportMbox(Invocation& call);

int commandManaged(Invocation& call);    // ManagedCommands.cpp
int commandTlsKeyGen(Invocation& call);  // TlsKeyCommands.cpp

int commandBackup(Invocation& call);  // BackupCommand.cpp

// RepairCommands.cpp
int commandBumpUidValidity(Invocation& call);
int commandReassignUids(Invocation& call);
int commandFixUidMeta(Invocation& call);
int commandReassignThreads(Invocation& call);
int commandFixMsgSize(Invocation& call);
int commandRecalculateCounts(Invocation& call);
int commandReparse(Invocation& call);
int commandEnsureParsed(Invocation& call);
int commandLostMessages(Invocation& call);
int commandRetrain(Invocation& call);
int commandRemoveData(Invocation& call);

// LocalCommands.cpp
int commandSetAdminPassword(Invocation& call);
int commandSetAccountPassword(Invocation& call);
int commandCid(Invocation& call);
int commandVerifyData(Invocation& call);
int commandTlsKeyAdd(Invocation& call);
/// A password from the terminal, unseen, or from standard input. Errc::syntax.
Result<std::string> askPassword(Invocation& call, std::size_t minimum);
/// Has the running server do it, with the call's arguments as they are.
int forwardToServer(Invocation& call, std::string_view words, std::string input = "");

}  // namespace mox::app
