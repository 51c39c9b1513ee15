// mox stop: returns when the server is gone, since what comes next copies its files or starts another.
//
// The command passes one end of a pipe with the request. The server keeps it until it has closed everything, and does
// nothing with it: that it is closed says all, also if the server was killed meanwhile, and can be waited for by who may
// not look into the data directory.
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <ostream>
#include <system_error>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/ServerCommands.h"
#include "app/Serving.h"

namespace mox::app {

namespace {

/// False if somebody still has the other end of the pipe after that long.
bool isClosed(int pipe, Duration patience) {
  pollfd wait{pipe, 0, 0};  // a hang-up is always told of
  int milliseconds = static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(patience).count());
  int got = 0;
  do got = ::poll(&wait, 1, milliseconds);
  while (got < 0 && errno == EINTR);
  return got > 0;
}

}  // namespace

int stopServer(Invocation& call, const std::string& ctlPath, Duration patience) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  net::Fd mine(ends[0]);
  CtlRequest request{{"stop"}, "", std::make_shared<net::Fd>(ends[1])};
  auto status = ctlCall(ctlPath, request, call.out, call.err);
  if (!status) return call.err << "error: " << status.error().text << "\n", 1;
  if (*status != 0) return *status;
  request.passed.reset();  // the server's is the only other one
  if (!isClosed(mine.get(), patience)) {
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience).count();
    return call.err << "error: the server stops, but still uses its data directory after " << seconds << " seconds\n", 1;
  }
  call.out << "stopped\n";
  return 0;
}

int commandStop(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  auto dataDir = configuredDataDir(call.configPath);
  if (!dataDir) return call.err << "error: " << dataDir.error().text << "\n", 1;
  return stopServer(call, ctlPath(*dataDir), stopCommandPatience);
}

int serverStop(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  server.requestStop(server.passed);
  call.out << "stopping\n" << std::flush;
  return 0;
}

}  // namespace mox::app
