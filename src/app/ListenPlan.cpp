#include "app/ListenPlan.h"

#include <algorithm>

namespace mox::app {

namespace {

constexpr int backlog = 1024;

/// The descriptor bound to `at`, taken out of the list; none if there is none.
net::Fd takePassed(std::vector<net::PassedSocket>& passed, const Endpoint& at) {
  auto found = std::find_if(passed.begin(), passed.end(), [&](const auto& socket) { return net::localEndpoint(socket.fd) == at; });
  if (found == passed.end()) return net::Fd();
  net::Fd fd(found->fd);
  passed.erase(found);
  return fd;
}

}  // namespace

std::vector<PlannedSocket> planSockets(const config::Config& config) { return config::planSockets(config.listeners()); }

Result<std::vector<BoundSocket>> getSockets(const std::vector<PlannedSocket>& plan, std::vector<net::PassedSocket> passed, const Log& log) {
  std::vector<BoundSocket> out;
  for (const auto& planned : plan) {
    auto fd = takePassed(passed, planned.at);
    if (!fd) {
      auto bound = net::listenTcp(planned.at, backlog);
      if (!bound && config::isExtra(planned.service)) {
        log.error("port cannot be opened, the server works without it",
                  {{"listener", planned.listener}, {"service", serviceName(planned.service)}, {"address", planned.at.text()}, {"err", bound.error().text}});
        continue;
      }
      if (!bound) return fail(planned.listener + ", " + std::string(serviceName(planned.service)) + " at " + planned.at.text(), bound.error());
      fd = std::move(*bound);
    }
    out.push_back({planned, std::move(fd)});
  }
  for (const auto& unused : passed) {
    log.warn("passed socket is bound to no address of a listener, closing it", {{"address", net::localEndpoint(unused.fd).text()}, {"name", unused.name}});
    net::Fd closing(unused.fd);
  }
  return out;
}

}  // namespace mox::app
