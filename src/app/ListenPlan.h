// Which sockets the configuration asks for, and getting them: from a service manager, or by binding.
//
// Done before privileges are dropped and before threads start; the engine takes the sockets over later.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/Ip.h"
#include "base/Log.h"
#include "base/Result.h"
#include "config/Config.h"
#include "net/Sockets.h"

namespace mox::app {

enum class Service { smtp, submission, submissions, imap, imaps, metrics, https, acme, acmeHttp };
/// "smtp", "submissions", ...
std::string_view serviceName(Service service);

struct PlannedSocket {
  std::string listener;
  Service service = Service::smtp;
  Endpoint at;
};

struct BoundSocket {
  PlannedSocket plan;
  net::Fd fd;
};

/// In the order of listeners, services and addresses. Proofs for ACME are the same at every listener: where two want them
/// at one address, or one at all addresses, there is one socket.
std::vector<PlannedSocket> planSockets(const config::Config& config);

/// Takes the passed socket bound to each planned address, binds what is missing. Passed sockets that nothing asks
/// for are closed with a warning. All or nothing, but for the ports of ACME and of mail by ALPN: an error is logged for one
/// that cannot be bound.
Result<std::vector<BoundSocket>> getSockets(const std::vector<PlannedSocket>& plan, std::vector<net::PassedSocket> passed, const Log& log);

}  // namespace mox::app
