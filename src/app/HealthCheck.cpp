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

#include <array>
#include <ostream>

#include "app/Commands.h"
#include "app/Ctl.h"
#include "app/DataDir.h"
#include "app/ListenPlan.h"
#include "config/Source.h"

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

}  // namespace

int commandHealthCheck(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  // Who asks need not be able to read keys and passwords.
  auto loaded = config::load(call.configPath, config::diskFiles(), {.withoutSecrets = true});
  for (const auto& problem : loaded.errors) call.err << "error: " << problem.text() << "\n";
  if (!loaded.config) return 1;
  int status = 0;
  auto tell = [&](const std::string& what, const std::string& wrong) {
    if (wrong.empty()) return;
    call.err << "unhealthy: " << what << ": " << wrong << "\n";
    status = 1;
  };
  auto control = ctlConnect(ctlPath(loaded.config->dataDir()));
  tell("control socket", control ? "" : control.error().text);
  for (const auto& plan : planSockets(*loaded.config))
    tell(std::string(serviceName(plan.service)) + " at " + plan.at.text(), checkPort(plan));
  if (status == 0) call.out << "healthy\n";
  return status;
}

}  // namespace mox::app
