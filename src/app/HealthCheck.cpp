// mox healthcheck: for container engines and monitors that ask by running a command.
//
// A server is well when its control socket takes connections and each of its mail ports greets as its protocol says
// (RFC 5321 §3.1, RFC 9051 §7.1) or, with TLS from the start, accepts. It asks from where it runs: loopback for
// listeners on all addresses.
#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Timespan.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstring>
#include <ostream>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/ListenPlan.h"
#include "app/Serving.h"

namespace mox::app {

namespace {

constexpr long checkSeconds = 4;  ///< for each port: less than the five that engines usually give the whole command

Endpoint reachable(Endpoint at) {
  if (at.ip.isUnspecified()) at.ip = *IpAddress::parse(at.ip.isV4() ? "127.0.0.1" : "::1");
  return at;
}

/// How the first octets of the service begin; "" where TLS comes first or the client speaks first.
std::string_view greetingOf(Service service) {
  switch (service) {
    case Service::smtp:
    case Service::submission: return "220";
    case Service::imap: return "* ";
    default: return "";
  }
}

/// "" if all is well, else what is wrong.
std::string checkPort(const PlannedSocket& plan) {
  auto expected = greetingOf(plan.service);
  try {
    Poco::Net::StreamSocket socket;
    Poco::Timespan limit(checkSeconds, 0);
    socket.connect(Poco::Net::SocketAddress(reachable(plan.at).text()), limit);
    socket.setReceiveTimeout(limit);
    std::string got;
    while (got.size() < expected.size()) {
      std::array<char, 64> buffer{};
      int count = socket.receiveBytes(buffer.data(), static_cast<int>(buffer.size()));
      if (count <= 0) return "closed the connection";
      got.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return got.starts_with(expected) ? "" : "does not greet";
  } catch (const Poco::Exception& error) {
    return error.displayText();
  }
}

std::string checkControl(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return "the path is too long";
  std::memcpy(address.sun_path, path.data(), path.size());
  net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return "";
  return std::strerror(errno);
}

}  // namespace

int commandHealthCheck(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  if (!loaded.config) return 1;
  int status = 0;
  auto tell = [&](const std::string& what, const std::string& wrong) {
    if (wrong.empty()) return;
    call.err << "unhealthy: " << what << ": " << wrong << "\n";
    status = 1;
  };
  tell("control socket", checkControl(ctlPath(loaded.config->dataDir())));
  for (const auto& plan : planSockets(*loaded.config))
    tell(std::string(serviceName(plan.service)) + " at " + plan.at.text(), checkPort(plan));
  if (status == 0) call.out << "healthy\n";
  return status;
}

}  // namespace mox::app
