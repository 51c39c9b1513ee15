// Which sockets the listeners ask for.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/Ip.h"
#include "config/Config.h"

namespace mox::config {

enum class Service { smtp, submission, submissions, imap, imaps, metrics, https, acme, acmeHttp };
/// "smtp", "submissions", ...
std::string_view serviceName(Service service);
/// Mail does not hang on these. Another web server may have the ports, also on machines where they asked for nothing before.
bool isExtra(Service service);

/// Ports of a listener, 0 for a service that is off, in the order in which they are opened.
std::array<std::pair<Service, std::uint16_t>, 9> servicePorts(const ListenerInfo& listener);

struct PlannedSocket {
  std::string listener;
  Service service = Service::smtp;
  Endpoint at;
};

/// In the order of listeners, services and addresses. Proofs for ACME are the same at every listener: where two want them
/// at one address, or one at all addresses, there is one socket.
std::vector<PlannedSocket> planSockets(const std::vector<ListenerInfo>& listeners);

/// Whether only one of them can be listened at: the same address and port, or all addresses of a family (that of IPv6 is
/// without IPv4) beside one of it, for which the kernel says that it is in use.
bool excludeEachOther(const Endpoint& a, const Endpoint& b);

}  // namespace mox::config
