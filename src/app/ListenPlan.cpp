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

/// Mail does not hang on these. Another web server may have the ports, also on machines where they asked for nothing before.
bool isExtra(Service service) { return service == Service::https || service == Service::acme || service == Service::acmeHttp; }

bool isForProofs(Service service) { return service == Service::acme || service == Service::acmeHttp; }

/// What comes to `at` comes to `other` as well, or would if `at` were not bound itself.
bool covers(const Endpoint& other, const Endpoint& at) {
  return other.port == at.port && other.ip.isV4() == at.ip.isV4() && (other.ip.isUnspecified() || other.ip == at.ip);
}

/// Proofs are shown wherever clients say what they speak.
bool doesAsMuch(Service other, Service service) { return other == service || (other == Service::https && service == Service::acme); }

/// Whether another socket of the plan does what this one would.
bool isCovered(const std::vector<PlannedSocket>& plan, const PlannedSocket& one) {
  return isForProofs(one.service) && std::any_of(plan.begin(), plan.end(), [&](const auto& other) {
    return &other != &one && doesAsMuch(other.service, one.service) && covers(other.at, one.at);
  });
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
    case Service::https: return "https";
    case Service::acme: return "acme";
    case Service::acmeHttp: return "acme-http";
  }
  return "";
}

std::vector<PlannedSocket> planSockets(const config::Config& config) {
  std::vector<PlannedSocket> out;
  for (const auto& listener : config.listeners()) {
    const std::pair<Service, std::uint16_t> services[] = {
        {Service::smtp, listener.smtp},   {Service::submission, listener.submission}, {Service::submissions, listener.submissions},
        {Service::imap, listener.imap},   {Service::imaps, listener.imaps},           {Service::metrics, listener.metrics},
        {Service::https, listener.https}, {Service::acme, listener.acme},             {Service::acmeHttp, listener.acmeHttp},
    };
    for (auto [service, port] : services)
      for (const auto& ip : listener.ips)
        if (port != 0) out.push_back({listener.name, service, {ip, port}});
  }
  // One at a time from the end: of two that cover each other the first stays.
  for (std::size_t i = out.size(); i-- > 0;)
    if (isCovered(out, out[i])) out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
  return out;
}

Result<std::vector<BoundSocket>> getSockets(const std::vector<PlannedSocket>& plan, std::vector<net::PassedSocket> passed, const Log& log) {
  std::vector<BoundSocket> out;
  for (const auto& planned : plan) {
    auto fd = takePassed(passed, planned.at);
    if (!fd) {
      auto bound = net::listenTcp(planned.at, backlog);
      if (!bound && isExtra(planned.service)) {
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
