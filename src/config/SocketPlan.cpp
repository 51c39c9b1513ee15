#include "config/SocketPlan.h"

#include <algorithm>

namespace mox::config {

namespace {

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

bool isExtra(Service service) { return service == Service::https || isForProofs(service); }

std::array<std::pair<Service, std::uint16_t>, 9> servicePorts(const ListenerInfo& listener) {
  return {{{Service::smtp, listener.smtp},
           {Service::submission, listener.submission},
           {Service::submissions, listener.submissions},
           {Service::imap, listener.imap},
           {Service::imaps, listener.imaps},
           {Service::metrics, listener.metrics},
           {Service::https, listener.https},
           {Service::acme, listener.acme},
           {Service::acmeHttp, listener.acmeHttp}}};
}

std::vector<PlannedSocket> planSockets(const std::vector<ListenerInfo>& listeners) {
  std::vector<PlannedSocket> out;
  for (const auto& listener : listeners)
    for (auto [service, port] : servicePorts(listener))
      for (const auto& ip : listener.ips)
        if (port != 0) out.push_back({listener.name, service, {ip, port}});
  // One at a time from the end: of two that cover each other the first stays.
  for (std::size_t i = out.size(); i-- > 0;)
    if (isCovered(out, out[i])) out.erase(out.begin() + static_cast<std::ptrdiff_t>(i));
  return out;
}

bool excludeEachOther(const Endpoint& a, const Endpoint& b) { return covers(a, b) || covers(b, a); }

}  // namespace mox::config
