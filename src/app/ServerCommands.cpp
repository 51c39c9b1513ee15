#include "app/ServerCommands.h"

#include <algorithm>
#include <istream>
#include <iterator>
#include <ostream>
#include <sstream>

#include "app/ManagedCommands.h"
#include "app/Storage.h"
#include "base/Text.h"

namespace mox::app {

namespace {

std::vector<ServerCommand> allCommands() {
  std::vector<ServerCommand> table{
      {"stop", serverStop},
      {"setaccountpassword", serverSetAccountPassword},
      {"loglevels", serverLogLevels},
      {"reload", serverReload},
      {"healthcheck", serverHealthCheck},
      {"reindex", serverReindex},
      {"queue list", queueList},
      {"queue hold", queueHold},
      {"queue unhold", queueUnhold},
      {"queue schedule", queueSchedule},
      {"queue transport", queueTransport},
      {"queue requiretls", queueRequireTls},
      {"queue fail", queueFail},
      {"queue drop", queueDrop},
      {"queue dump", queueDump},
      {"fixmsgsize", serverFixMsgSize},
      {"recalculatemailboxcounts", serverRecalculateCounts},
      {"reparse", serverReparse},
      {"ensureparsed", serverEnsureParsed},
      {"lostmessages", serverLostMessages},
      {"account remove-data", serverRemoveData},
      {"backup", serverBackup},
      {"import maildir", serverImportMaildir},
      {"import mbox", serverImportMbox},
      {"import imap", serverImportImap},
      {"export maildir", serverExportMaildir},
      {"export mbox", serverExportMbox},
      {"config tlspubkey list", tlsKeyList},
      {"config tlspubkey get", tlsKeyGet},
      {"config tlspubkey add", tlsKeyAdd},
      {"config tlspubkey rm", tlsKeyRemove},
      {"admin imapserve", serverImapServe},
  };
  for (auto words : managedCommands()) table.push_back({words, serverManaged});
  return table;
}

}  // namespace

const std::vector<ServerCommand>& serverCommands() {
  static const std::vector<ServerCommand> table = allCommands();
  return table;
}

int runServerCommand(ServerParts& server, const CtlRequest& request, std::ostream& out, std::ostream& err) {
  if (request.words.empty()) return err << "no command\n", 2;
  for (const auto& command : serverCommands()) {
    if (command.words != request.words[0]) continue;
    std::istringstream in(request.input);
    server.passed = request.passed;
    Invocation call{"", false, "", {request.words.begin() + 1, request.words.end()}, in, out, err, command.words};
    return command.run(server, call);
  }
  err << "the server does not know the command " << printable(request.words[0]) << "\n";
  return 2;
}

int serverSetAccountPassword(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto password = passwordFromInput(std::string(std::istreambuf_iterator<char>(call.in), {}));
  auto done = password ? server.storage.setPassword(*server.config.current(), call.args[0], *password) : tl::unexpected(password.error());
  if (!done) return call.err << done.error().text << "\n", 1;
  call.out << "password set\n";
  return 0;
}

int serverReload(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  auto report = server.reload();
  for (const auto& warning : report.warnings) call.err << "warning: " << warning << "\n";
  for (const auto& error : report.errors) call.err << "error: " << error << "\n";
  if (!report.ok) return call.err << "refused, the configuration before stays\n", 1;
  for (const auto& change : report.changes) call.out << change << "\n";
  if (report.changes.empty()) call.out << "nothing changed\n";
  return 0;
}

int serverLogLevels(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 2)) return 2;
  auto& sink = server.foundations.sink;
  if (call.args.empty()) {
    for (const auto& [room, level] : sink.levels()) call.out << (room.empty() ? "(default)" : room) << ": " << logLevelName(level) << "\n";
    return 0;
  }
  std::string room = call.args.size() > 1 ? call.args[1] : "";
  auto level = parseLogLevel(call.args[0]);
  if (!level && !call.args[0].empty()) return call.err << "unknown log level " << printable(call.args[0]) << "\n", 2;
  if (!level && room.empty()) return call.err << "the default log level cannot be cleared\n", 2;
  const auto& rooms = config::logRooms();
  if (!room.empty() && std::find(rooms.begin(), rooms.end(), room) == rooms.end())
    return call.err << "unknown package " << printable(room) << ", there are " << join({rooms.begin(), rooms.end()}, ", ") << "\n", 2;
  sink.setLevel(room, level);
  return 0;
}

}  // namespace mox::app
