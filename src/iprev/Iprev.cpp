#include "iprev/Iprev.h"

#include <algorithm>

namespace mox::iprev {

namespace {

constexpr std::string_view pkg = "iprev";

/// Only the family of the address in question.
dns::Lookup<IpAddress> forward(dns::Resolver& resolver, const IpAddress& ip, const std::string& name, const dns::Ask& ask) {
  return ip.isV4() ? resolver.a(name, ask) : resolver.aaaa(name, ask);
}

Result evaluate(dns::Resolver& resolver, const IpAddress& ip, const dns::Ask& ask) {
  Result out;
  auto names = resolver.ptr(ip, ask);
  if (!names) {
    const auto& error = names.error();
    bool forGood = error.notFound() || error.failure == dns::Failure::malformed;
    out.status = forGood ? Status::permerror : Status::temperror;
    out.authentic = error.authentic;
    out.reason = "reverse lookup: " + error.text;
    return out;
  }
  out.names = names->records;
  out.name = out.names.front();
  bool authentic = names->authentic;
  bool temporary = false;
  for (std::size_t i = 0; i < std::min(out.names.size(), maxNames); ++i) {
    auto addresses = forward(resolver, ip, out.names[i], ask);
    if (!addresses) {
      authentic = authentic && addresses.error().authentic;
      bool forGood = addresses.error().notFound() || addresses.error().failure == dns::Failure::malformed;
      if (!forGood) {
        temporary = true;
        out.reason = "forward lookup: " + addresses.error().text;
      }
      continue;
    }
    if (std::find(addresses->records.begin(), addresses->records.end(), ip) != addresses->records.end()) {
      return Result{Status::pass, out.names[i], std::move(out.names), names->authentic && addresses->authentic, ""};
    }
    authentic = authentic && addresses->authentic;
  }
  out.authentic = authentic;
  out.status = temporary ? Status::temperror : Status::fail;
  if (!temporary) out.reason = "no name leads back to the address";
  return out;
}

}  // namespace

std::string_view statusName(Status status) {
  switch (status) {
    case Status::pass: return "pass";
    case Status::fail: return "fail";
    case Status::temperror: return "temperror";
    case Status::permerror: return "permerror";
  }
  return "temperror";
}

Result check(dns::Resolver& resolver, const Clock& clock, const IpAddress& ip, Steady deadline, Metrics* metrics) {
  auto start = clock.steady();
  auto out = evaluate(resolver, ip, dns::Ask(deadline, pkg));
  if (metrics != nullptr) {
    metrics
        ->histogram("mox_iprev_lookup_total", "Reverse and forward lookups of client addresses.",
                    {{"status", std::string(statusName(out.status))}})
        .observe(std::chrono::duration<double>(clock.steady() - start).count());
  }
  return out;
}

}  // namespace mox::iprev
