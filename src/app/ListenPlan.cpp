#include "app/ListenPlan.h"

#include <algorithm>
#include <utility>

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

std::string_view serviceName(Service service) {
  switch (service) {
    case Service::smtp: return "smtp";
    case Service::submission: return "submission";
    case Service::submissions: return "submissions";
    case Service::imap: return "imap";
    case Service::imaps: return "imaps";
    case Service::metrics: return "metrics";
  }
  return "";
}

std::vector<PlannedSocket> planSockets(const config::Config& config) {
  std::vector<PlannedSocket> out;
  for (const auto& listener : config.listeners()) {
    const std::pair<Service, std::uint16_t> services[] = {
        {Service::smtp, listener.smtp},   {Service::submission, listener.submission}, {Service::submissions, listener.submissions},
        {Service::imap, listener.imap},   {Service::imaps, listener.imaps},           {Service::metrics, listener.metrics},
    };
    for (auto [service, port] : services)
      for (const auto& ip : listener.ips)
        if (port != 0) out.push_back({listener.name, service, {ip, port}});
  }
  return out;
}

Result<std::vector<BoundSocket>> getSockets(const std::vector<PlannedSocket>& plan, std::vector<net::PassedSocket> passed, const Log& log) {
  std::vector<BoundSocket> out;
  for (const auto& planned : plan) {
    auto fd = takePassed(passed, planned.at);
    if (!fd) {
      auto bound = net::listenTcp(planned.at, backlog);
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
