// Which sockets the configuration asks for, and getting them: from a service manager, or by binding.
//
// Done before privileges are dropped and before threads start; the engine takes the sockets over later.
#pragma once

#include <vector>

#include "base/Log.h"
#include "base/Result.h"
#include "config/SocketPlan.h"
#include "net/Sockets.h"

namespace mox::app {

using config::PlannedSocket;
using config::Service;
using config::serviceName;

struct BoundSocket {
  PlannedSocket plan;
  net::Fd fd;
};

std::vector<PlannedSocket> planSockets(const config::Config& config);

/// Takes the passed socket bound to each planned address, binds what is missing. Passed sockets that nothing asks
/// for are closed with a warning. All or nothing, but for the ports of ACME and of mail by ALPN: an error is logged for one
/// that cannot be bound.
Result<std::vector<BoundSocket>> getSockets(const std::vector<PlannedSocket>& plan, std::vector<net::PassedSocket> passed, const Log& log);

}  // namespace mox::app
