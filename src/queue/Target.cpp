#include "queue/Target.h"

#include <algorithm>
#include <set>

#include "base/Text.h"

namespace mox::queue {

namespace {

tl::unexpected<Refusal> refuse(bool permanent, std::string enhanced, std::string text) {
  return tl::unexpected(Refusal{permanent, 0, std::move(enhanced), std::move(text)});
}

tl::unexpected<Refusal> lookupFailed(const std::string& what, const dns::LookupError& error) {
  return refuse(false, "4.4.3", "looking up " + what + ": " + error.text);
}

struct Expanded {
  std::string name;  ///< absolute
  bool authentic = true;
};

/// The aliases are followed by hand: each step counts, and a loop is the domain's mistake and not a resolver's whim.
tl::expected<Expanded, Refusal> expand(dns::Resolver& resolver, std::string name, const dns::Ask& ask) {
  Expanded out{std::move(name), true};
  std::set<std::string> seen{out.name};
  for (int steps = 0;; ++steps) {
    auto alias = resolver.cname(out.name, ask);
    if (!alias) {
      if (alias.error().failure == dns::Failure::noData) return out;
      if (alias.error().failure == dns::Failure::noName) return refuse(true, "5.1.2", "domain does not exist");
      return lookupFailed("the domain", alias.error());
    }
    if (steps == maxCnames) return refuse(true, "5.4.4", "domain is an alias of more than " + std::to_string(maxCnames) + " aliases");
    out.authentic = out.authentic && alias->authentic;
    out.name = lower(alias->records.front());
    if (!seen.insert(out.name).second) return refuse(true, "5.4.4", "aliases of the domain form a loop");
  }
}

struct Candidates {
  std::vector<TargetHost> hosts;  ///< without addresses
  bool authentic = false;
  bool implicit = false;  ///< the domain itself, for want of MX records
};

Candidates usable(const std::vector<dns::Mx>& records, Random& random) {
  Candidates out;
  for (const auto& mx : records) {
    auto name = Domain::make(mx.host);  // drops "." among others, and names that are none
    if (name) out.hosts.push_back({name->ascii(), mx.preference, {}});
  }
  auto& hosts = out.hosts;
  for (std::size_t i = hosts.size(); i > 1; --i) std::swap(hosts[i - 1], hosts[random.below(i)]);
  std::stable_sort(hosts.begin(), hosts.end(), [](const auto& a, const auto& b) { return a.preference < b.preference; });
  if (hosts.size() > maxTargetHosts) hosts.resize(maxTargetHosts);
  return out;
}

tl::expected<Candidates, Refusal> candidates(dns::Resolver& resolver, const Expanded& domain, const dns::Ask& ask, Random& random) {
  auto mx = resolver.mx(domain.name, ask);
  if (!mx) {
    if (!mx.error().notFound()) return lookupFailed("MX of the domain", mx.error());
    auto self = Domain::make(domain.name);
    if (!self) return refuse(true, "5.1.2", "domain is an alias of something that is no host name");
    return Candidates{{{self->ascii(), 0, {}}}, domain.authentic && mx.error().authentic, true};
  }
  if (mx->records.size() == 1 && mx->records.front().host == ".") return refuse(true, "5.1.10", "domain does not accept mail (null MX)");
  auto out = usable(mx->records, random);
  if (out.hosts.empty()) return refuse(false, "4.4.4", "domain has no usable MX host");
  out.authentic = domain.authentic && mx->authentic;
  return out;
}

tl::expected<Target, Refusal> withAddresses(dns::Resolver& resolver, Candidates from, const dns::Ask& ask) {
  Target out{{}, from.authentic};
  std::optional<dns::LookupError> soft;
  for (auto& host : from.hosts) {
    auto found = resolver.addresses(host.name + ".", ask);
    if (!found) {
      if (!found.error().notFound() && !soft) soft = found.error();
      continue;
    }
    host.ips = std::move(found->records);
    // Both families must keep a chance when there are too many.
    auto [v4, v6] = std::pair<std::vector<IpAddress>, std::vector<IpAddress>>();
    for (const auto& ip : host.ips) (ip.isV4() ? v4 : v6).push_back(ip);
    if (host.ips.size() > maxHostAddresses) {
      auto half = maxHostAddresses / 2;
      if (v4.size() > half) v4.resize(std::max(half, maxHostAddresses - std::min(v6.size(), half)));
      if (v6.size() > maxHostAddresses - v4.size()) v6.resize(maxHostAddresses - v4.size());
      host.ips = v6;
      host.ips.insert(host.ips.end(), v4.begin(), v4.end());
    }
    out.hosts.push_back(std::move(host));
  }
  if (!out.hosts.empty()) return out;
  if (soft) return lookupFailed("addresses of its hosts", *soft);
  // A domain without MX and address takes no mail; one whose MX hosts have none has a mistake in its zone, which is mended.
  if (from.implicit) return refuse(true, "5.1.2", "host has no address");
  return refuse(false, "4.4.4", "none of its MX hosts has an address");
}

}  // namespace

tl::expected<Target, Refusal> resolveTarget(dns::Resolver& resolver, const Host& recipient, const dns::Ask& ask, Random& random) {
  if (const auto* ip = std::get_if<IpAddress>(&recipient)) return Target{{{ip->literal(), 0, {*ip}}}, false};
  auto domain = expand(resolver, std::get<Domain>(recipient).ascii() + ".", ask);
  if (!domain) return tl::unexpected(domain.error());
  auto from = candidates(resolver, *domain, ask, random);
  if (!from) return tl::unexpected(from.error());
  return withAddresses(resolver, std::move(*from), ask);
}

tl::expected<Target, Refusal> resolveHost(dns::Resolver& resolver, const std::string& name, const dns::Ask& ask) {
  if (auto ip = IpAddress::parse(name)) return Target{{{name, 0, {*ip}}}, false};
  auto target = withAddresses(resolver, Candidates{{{name, 0, {}}}, false, true}, ask);
  // What is wrong with our own smarthost is no reason to give mail back.
  if (!target) target.error() = {false, 0, "4.4.4", "smarthost " + name + ": " + target.error().text};
  return target;
}

std::vector<IpAddress> orderAddresses(const std::vector<IpAddress>& addresses, const std::vector<IpAddress>& before) {
  bool firstV4 = before.empty() ? false : !before.back().isV4();
  auto tries = [&](bool v4) { return std::count_if(before.begin(), before.end(), [&](const auto& ip) { return ip.isV4() == v4; }); };
  auto lastUse = [&](const IpAddress& ip) {
    auto at = std::find(before.rbegin(), before.rend(), ip);
    return at == before.rend() ? std::ptrdiff_t{0} : before.rend() - at;
  };
  // Lower goes first: family, then the once-tried address, then the one tried longest ago.
  auto rank = [&](const IpAddress& ip) {
    bool sticky = tries(ip.isV4()) == 1 && lastUse(ip) > 0;
    return std::pair<bool, std::ptrdiff_t>(ip.isV4() != firstV4, sticky ? -1 : lastUse(ip));
  };
  auto out = addresses;
  std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
  return out;
}

std::optional<IpAddress> sourceFor(const IpAddress& to, const config::OutgoingIps& outgoing) {
  const auto& source = to.isV4() ? outgoing.v4 : outgoing.v6;
  if (to.isLoopback() || (source && to.isPrivate() && !source->isPrivate())) return std::nullopt;
  return source;
}

}  // namespace mox::queue
