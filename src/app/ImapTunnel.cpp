// mox admin imapserve: IMAP on standard input and output, by the running server. The command makes a pair of sockets, gives
// the server one of them over the control socket, and carries octets between the other and its own descriptors.
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ostream>
#include <system_error>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/ServerCommands.h"
#include "app/Serving.h"
#include "imapserver/Services.h"
#include "net/Engine.h"

namespace mox::app {

namespace {

/// Nobody else can be at the other end: the server may be reached at no address.
const Endpoint here{IpAddress::v4({127, 0, 0, 1}), 0};

/// Writes all of it; false if nobody takes it.
bool writeAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) {
      pollfd wait{fd, POLLOUT, 0};
      ::poll(&wait, 1, -1);
      continue;
    }
    if (put <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return true;
}

/// Moves what is there; false at the end.
bool carry(int from, int to) {
  std::array<char, 64 * 1024> buffer;
  auto got = ::read(from, buffer.data(), buffer.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  return got > 0 && writeAll(to, {buffer.data(), static_cast<std::size_t>(got)});
}

/// Until the server ends the connection, or the client does and was answered.
void relay(int server, int in, int out) {
  std::array<pollfd, 2> waits{pollfd{server, POLLIN, 0}, pollfd{in, POLLIN, 0}};
  for (;;) {
    if (::poll(waits.data(), waits.size(), -1) < 0 && errno != EINTR) return;
    if (waits[0].revents != 0 && !carry(server, out)) return;
    if (waits[1].revents == 0 || carry(in, server)) continue;
    ::shutdown(server, SHUT_WR);
    waits[1].fd = -1;
  }
}

bool isStream(int fd) {
  int type = 0;
  socklen_t size = sizeof type;
  return ::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

int commandImapServe(Invocation& call) {
  bool onZero = false;
  Flags flags;
  flags.toggle("fd0", onZero, "Answers go to descriptor 0, too.");
  if (!parseFlags(call, flags, 1, 1)) return 2;
  auto loaded = loadConfig(call.configPath, false, call.err);
  if (!loaded.config) return 1;
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) throw std::system_error(errno, std::generic_category(), "socketpair");
  net::Fd mine(pair[0]);
  CtlRequest request{{"admin imapserve", call.args[0]}, "", std::make_shared<net::Fd>(pair[1])};
  auto status = ctlCall(ctlPath(loaded.config->dataDir()), request, call.err, call.err);
  if (!status) return call.err << status.error().text << "\n", 1;
  if (*status != 0) return *status;
  request.passed.reset();  // the server has it: its end is the only other one
  relay(mine.get(), STDIN_FILENO, onZero ? STDIN_FILENO : STDOUT_FILENO);
  return 0;
}

int serverImapServe(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  if (!server.passed || !isStream(server.passed->get())) return call.err << "no connection came with the request\n", 2;
  auto config = server.config.current();
  auto account = config->loginLookup(call.args[0]);
  if (!account) return call.err << account.error().text << "\n", 1;
  if ((*account)->loginDisabled) return call.err << *(*account)->loginDisabled << "\n", 1;
  auto settings = std::make_shared<imapserver::ListenerSettings>();
  settings->hostname = config->hostname().ascii();
  settings->requireTls = false;  // it does not leave this machine
  settings->clientCertificates = false;
  auto session = imapserver::makePreauthenticatedSession(*server.imap, settings, (*account)->name, call.args[0]);
  if (server.engine->serve(server.passed->release(), here, here, std::move(session))) return 0;
  return call.err << "the server stops\n", 1;
}

}  // namespace mox::app
