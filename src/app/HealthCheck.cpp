// mox healthcheck: for container engines and monitors that ask by running a command.
//
// A server is well when its control socket takes connections and each of its mail ports greets as its protocol says
// (RFC 5321 §3.1, RFC 9051 §7.1) or, with TLS from the start, accepts. Which ports these are the server says: the files may
// have changed since, and a mistake in them, which a reload refuses, must not have a healthy server killed. Nor a damaged
// account, which a restart does not mend: it is only named. It asks from where it runs: loopback for listeners on all addresses.
#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Timespan.h>

#include <algorithm>
#include <array>
#include <ostream>
#include <sstream>
#include <vector>

#include "app/Commands.h"
#include "app/Ctl.h"
#include "app/DataDir.h"
#include "app/ListenPlan.h"
#include "app/ServerCommands.h"
#include "app/Serving.h"
#include "app/Storage.h"
#include "base/Text.h"

namespace mox::app {

namespace {

constexpr long checkSeconds = 4;  ///< for each port: less than the five that engines usually give the whole command

Endpoint reachable(Endpoint at) {
  if (at.ip.isUnspecified()) at.ip = *IpAddress::parse(at.ip.isV4() ? "127.0.0.1" : "::1");
  return at;
}

constexpr std::size_t greetingLimit = 512;  ///< octets of a line, RFC 5321 §4.5.3.1.5

/// How the greeting of a service that is well begins; none where TLS comes first or the client speaks first. One that refuses
/// our address (by smtp.md §1: another program here failed to log in too often, say) is well, and a restart would not
/// change its mind. One that is busy or stops says 421 4.3.2.
std::vector<std::string_view> greetingsOf(std::string_view service) {
  if (service == serviceName(Service::smtp) || service == serviceName(Service::submission)) return {"220", "421 4.7.0 "};
  if (service == serviceName(Service::imap)) return {"* "};
  return {};
}

/// The first line, or as much of it as came before the connection ended.
std::string firstLine(Poco::Net::StreamSocket& socket) {
  std::string got;
  while (got.size() < greetingLimit && got.find('\n') == std::string::npos) {
    std::array<char, 64> buffer{};
    int count = socket.receiveBytes(buffer.data(), static_cast<int>(buffer.size()));
    if (count <= 0) break;
    got.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return got.substr(0, got.find_first_of("\r\n"));
}

/// "" if all is well, else what is wrong.
std::string checkPort(std::string_view service, const Endpoint& at) {
  auto expected = greetingsOf(service);
  try {
    Poco::Net::StreamSocket socket;
    Poco::Timespan limit(checkSeconds, 0);
    socket.connect(Poco::Net::SocketAddress(reachable(at).text()), limit);
    socket.setReceiveTimeout(limit);
    if (expected.empty()) return "";
    auto said = firstLine(socket);
    bool isWell = std::any_of(expected.begin(), expected.end(), [&](auto greeting) { return said.starts_with(greeting); });
    return isWell ? "" : said.empty() ? "closed the connection" : "greets with " + printable(said);
  } catch (const Poco::Exception& error) {
    return error.displayText();
  }
}

}  // namespace

int serverHealthCheck(ServerParts& server, Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  for (const auto& [name, reason] : server.storage.accounts.damaged()) call.err << "warning: account " << name << ": " << reason << "\n";
  for (const auto& open : server.listeners) call.out << serviceName(open.plan.service) << " " << open.at.ip.text() << " " << open.at.port << "\n";
  return 0;
}

int commandHealthCheck(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  auto dataDir = configuredDataDir(call.configPath);
  if (!dataDir) return call.err << "error: " << dataDir.error().text << "\n", 1;
  int status = 0;
  auto tell = [&](const std::string& what, const std::string& wrong) {
    if (wrong.empty()) return;
    call.err << "unhealthy: " << what << ": " << wrong << "\n";
    status = 1;
  };
  std::ostringstream ports;
  auto asked = ctlCall(ctlPath(*dataDir), {{"healthcheck"}, {}}, ports, call.err);
  tell("control socket", !asked ? asked.error().text : *asked != 0 ? "the server does not say how it is" : "");
  const auto said = ports.str();
  for (auto line : split(said, '\n')) {
    if (line.empty()) continue;  // after the last one
    auto words = split(line, ' ');
    auto ip = words.size() == 3 ? IpAddress::parse(words[1]) : std::nullopt;
    auto port = words.size() == 3 ? parseUnsigned(words[2]) : std::nullopt;
    if (!ip || !port) {
      tell("control socket", "the server names no port with \"" + printable(line) + "\"");
      continue;
    }
    Endpoint at{*ip, static_cast<std::uint16_t>(*port)};
    tell(std::string(words[0]) + " at " + at.text(), checkPort(words[0], at));
  }
  if (status == 0) call.out << "healthy\n";
  return status;
}

}  // namespace mox::app
