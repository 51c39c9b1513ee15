#include "queue/Plan.h"

#include <algorithm>
#include <map>
#include <stdexcept>

#include "base/Text.h"

namespace mox::queue {

namespace {

using config::TransportInfo;

tl::unexpected<Refusal> refuse(bool permanent, int code, std::string enhanced, std::string text) {
  return tl::unexpected(Refusal{permanent, code, std::move(enhanced), std::move(text)});
}

std::shared_ptr<net::TlsContext> clientContext(const config::Authorities& authorities) {
  net::TlsClientOptions options;
  options.systemRoots = authorities.system;
  options.extraRootsPem = authorities.pem;
  auto context = net::TlsContext::client(options);
  if (!context) throw std::runtime_error("TLS context of the queue: " + context.error().text);
  return *context;
}

std::optional<Domain> domainOf(const ReversePath& path) {
  if (!path) return std::nullopt;
  const auto* domain = std::get_if<Domain>(&path->host);
  return domain != nullptr ? std::optional(*domain) : std::nullopt;
}

std::optional<Domain> domainOf(const Mailbox& mailbox) { return domainOf(ReversePath(mailbox)); }

/// The address belongs to a port 25 of ours. A listener on all addresses listens on the loopback ones for certain.
bool isOurs(const config::Config& config, const IpAddress& ip, std::uint16_t port) {
  for (const auto& listener : config.listeners()) {
    if (listener.smtp != port) continue;
    for (const auto& own : listener.ips)
      if (own == ip || (own.isUnspecified() && ip.isLoopback())) return true;
  }
  return false;
}

/// Port 25 takes it: a domain of ours, or the postmaster of this host, whose name need not be one.
bool isLocal(const config::Config& config, const Mailbox& recipient) {
  auto address = recipient.address();
  return address && config.lookup(address->localpart, address->domain).kind != config::Lookup::Kind::unknownDomain;
}

/// RFC 5321 §5.1: hosts that are not better than we are would send the message back to us.
bool dropLoops(const config::Config& config, std::vector<TargetHost>& hosts, std::uint16_t port) {
  auto self = std::find_if(hosts.begin(), hosts.end(), [&](const auto& host) {
    return std::any_of(host.ips.begin(), host.ips.end(), [&](const auto& ip) { return isOurs(config, ip, port); });
  });
  if (self == hosts.end()) return true;
  auto preference = self->preference;
  std::erase_if(hosts, [&](const auto& host) { return host.preference >= preference; });
  return !hosts.empty();
}

std::vector<DialHost> ordered(const std::vector<TargetHost>& hosts, const std::vector<Dial>& dialled) {
  std::vector<DialHost> out;
  std::size_t rank = 0;
  for (const auto& host : hosts) {
    if (!out.empty() && host.preference != hosts[out.size() - 1].preference) ++rank;
    std::vector<IpAddress> before;
    for (const auto& dial : dialled)
      if (dial.host == host.name) before.push_back(dial.ip);
    auto isV4 = [](const auto& ip) { return ip.isV4(); };
    bool dual = std::any_of(host.ips.begin(), host.ips.end(), isV4) && !std::all_of(host.ips.begin(), host.ips.end(), isV4);
    out.push_back({host.name, orderAddresses(host.ips, before), dual, rank});
  }
  return out;
}

/// The addresses by preference (RFC 5321 §5.1), so that domains with the same MX hosts share connections whatever the order of equals
/// is; and what an entry with a history wants first.
std::string keyOf(const Plan& plan, const std::vector<Dial>& dialled, const std::optional<bool>& requireTls) {
  std::vector<std::pair<std::size_t, std::string>> hosts;
  for (const auto& host : plan.hosts) {
    std::vector<std::string> ips;
    for (const auto& ip : host.ips) ips.push_back(ip.text());
    std::sort(ips.begin(), ips.end());
    hosts.emplace_back(host.rank, host.name + "=" + join(ips, ","));
  }
  std::sort(hosts.begin(), hosts.end());
  std::vector<std::string> names;
  for (const auto& [rank, name] : hosts) names.push_back(std::to_string(rank) + " " + name);
  auto key = plan.transport + "|" + join(names, ";") + "|" + std::to_string(plan.port) + (requireTls ? *requireTls ? "|tls" : "|notls" : "|");
  if (!dialled.empty() && !plan.hosts.empty()) key += "|first " + plan.hosts.front().ips.front().text();
  return key;
}

tl::unexpected<Refusal> failTransport(const TransportInfo& transport) {
  int code = transport.settings.fail->smtpCode == 0 ? 554 : static_cast<int>(transport.settings.fail->smtpCode);
  const auto& text = transport.settings.fail->smtpMessage;
  return refuse(code >= 500, code, code >= 500 ? "5.7.0" : "4.7.0", text.empty() ? "transport " + transport.name + " always fails" : text);
}

}  // namespace

struct Planner::Lookups {
  dns::Resolver& resolver;
  std::map<std::string, tl::expected<Target, Refusal>> made;  ///< by smarthost, "" is the recipient's domain
};

Planner::Planner(PlannerOptions options, const Clock& clock, Random& random, Metrics& metrics)
    : options_(std::move(options)),
      clock_(clock),
      random_(random),
      opportunistic_(clientContext(options_.authorities)),
      verified_(opportunistic_->withPolicy({net::TlsPolicy::Verify::pkix, {}, {}})),
      destinations_(metrics.counter("mox_queue_destinations_total", "Destinations looked up for direct delivery.")),
      authentic_(metrics.counter("mox_queue_destinations_authentic_total", "Destinations whose hosts DNSSEC vouches for.")),
      noPolicy_(metrics.counter("mox_queue_requiretls_unsupported_total", "Messages with REQUIRETLS that could not be sent.",
                                {{"reason", "nopolicy"}})) {}

dns::Ask Planner::ask() const { return {clock_.steady() + options_.lookupTimeout, "queue"}; }

void Planner::plan(dns::Resolver& resolver, const config::Config& config, const std::vector<Claim>& claims, const Each& each) {
  Lookups lookups{resolver, {}};
  std::map<std::string, std::shared_ptr<const Plan>> made;
  for (const auto& claim : claims) {
    auto plan = make(config, claim, lookups);
    if (!plan) {
      each(claim, tl::unexpected(plan.error()));
      continue;
    }
    auto& shared = made[plan->key];
    if (!shared) shared = std::make_shared<const Plan>(std::move(*plan));
    each(claim, shared);
  }
}

tl::expected<Plan, Refusal> Planner::make(const config::Config& config, const Claim& claim, Lookups& lookups) {
  auto from = domainOf(claim.message->mailFrom);
  if (from) {
    const auto* domain = config.domain(*from);
    if (domain != nullptr && domain->disabled) return refuse(false, 0, "4.3.0", "the sender's domain is disabled");
  }
  const TransportInfo* transport = config.route(claim.message->account, from, domainOf(claim.recipient), claim.attempts - 1);
  if (!claim.transport.empty()) {
    auto named = config.transports().find(claim.transport);
    if (named == config.transports().end()) return refuse(false, 0, "4.3.5", "there is no transport \"" + printable(claim.transport) + "\"");
    transport = &named->second;
  }
  auto kind = transport != nullptr ? transport->kind : TransportInfo::Kind::plain;
  switch (kind) {
    case TransportInfo::Kind::fail: return failTransport(*transport);
    case TransportInfo::Kind::socks: return refuse(false, 0, "4.3.5", "SOCKS transports are not available in this version");
    case TransportInfo::Kind::submissions:
    case TransportInfo::Kind::submission:
    case TransportInfo::Kind::smtp: return smarthost(config, claim, *transport, lookups);
    case TransportInfo::Kind::plain:
    case TransportInfo::Kind::direct: break;
  }
  return direct(config, claim, transport, lookups);
}

tl::expected<Plan, Refusal> Planner::direct(const config::Config& config, const Claim& claim, const TransportInfo* transport, Lookups& lookups) {
  Plan plan;
  plan.transport = transport != nullptr ? transport->name : "";
  plan.hello = config.hostname().ascii();
  plan.strict8bit = config.fixed().pedantic;
  plan.tlsContext = opportunistic_;
  if (options_.deliverAllTo) {
    plan.hosts = {{options_.deliverAllTo->ip.literal(), {options_.deliverAllTo->ip}, false}};
    plan.port = options_.deliverAllTo->port;
    plan.joinDomains = true;
    plan.key = keyOf(plan, {}, claim.requireTls);
    return plan;
  }
  if (claim.requireTls.value_or(false)) {
    // RFC 8689 §4.2.1 wants the host's name to be vouched for, by DANE or MTA-STS; neither is there yet.
    noPolicy_.inc();
    return refuse(true, 0, "5.7.30", "REQUIRETLS: the destination has no policy that vouches for its hosts");
  }
  auto [found, fresh] = lookups.made.try_emplace("", Target{});
  if (fresh) {
    found->second = resolveTarget(lookups.resolver, claim.recipient.host, ask(), random_);
    destinations_.inc();
    if (found->second && found->second->authentic) authentic_.inc();
  }
  if (!found->second) return tl::unexpected(found->second.error());
  auto hosts = found->second->hosts;
  if (!isLocal(config, claim.recipient) && !dropLoops(config, hosts, options_.smtpPort)) return refuse(true, 0, "5.4.6", "mail for the domain would loop back to this server");
  if (transport != nullptr && transport->settings.direct) {
    const auto& families = *transport->settings.direct;
    for (auto& host : hosts) std::erase_if(host.ips, [&](const auto& ip) { return ip.isV4() ? families.disableIpv4 : families.disableIpv6; });
    std::erase_if(hosts, [](const auto& host) { return host.ips.empty(); });
    if (hosts.empty()) return refuse(false, 0, "4.4.4", "no host has an address of the family that transport " + transport->name + " allows");
  }
  plan.hosts = ordered(hosts, claim.dialled);
  plan.port = options_.smtpPort;
  plan.sources = config.outgoing();
  plan.key = keyOf(plan, claim.dialled, claim.requireTls);
  return plan;
}

tl::expected<Plan, Refusal> Planner::smarthost(const config::Config& config, const Claim& claim, const TransportInfo& transport, Lookups& lookups) {
  const auto& server = *transport.server();
  bool immediate = transport.kind == TransportInfo::Kind::submissions;
  bool unverified = server.startTlsInsecureSkipVerify || server.noStartTls;
  if (claim.requireTls.value_or(false) && unverified)
    return refuse(true, 554, "5.7.30", "REQUIRETLS: transport " + transport.name + " does not verify its server");
  Plan plan;
  plan.transport = transport.name;
  plan.hello = config.hostname().ascii();
  plan.strict8bit = config.fixed().pedantic;
  plan.smarthost = plan.joinDomains = true;
  plan.port = transport.port;
  plan.tls = immediate ? smtp::ClientTls::immediate : server.noStartTls ? smtp::ClientTls::none : smtp::ClientTls::required;
  plan.tlsContext = unverified ? opportunistic_ : verified_;
  if (server.auth) {
    plan.auth.emplace();
    plan.auth->credentials = {server.auth->username, server.auth->password, ""};
    plan.auth->mechanisms = transport.mechanisms;
  }
  auto [found, fresh] = lookups.made.try_emplace(transport.host->ascii(), Target{});
  if (fresh) found->second = resolveHost(lookups.resolver, transport.host->ascii(), ask());
  if (!found->second) return tl::unexpected(found->second.error());
  plan.hosts = ordered(found->second->hosts, claim.dialled);
  plan.sources = config.outgoing();
  plan.key = keyOf(plan, claim.dialled, claim.requireTls);
  return plan;
}

}  // namespace mox::queue
