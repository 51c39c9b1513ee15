// Where mail for a domain goes: RFC 5321 §5.1, RFC 7505 (null MX), RFC 2181 §10.3.
//
// Blocks for DNS: for job pools only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/Address.h"
#include "base/Random.h"
#include "config/Config.h"
#include "dns/Resolver.h"

namespace mox::queue {

inline constexpr int maxCnames = 16;                ///< of the recipient's domain
inline constexpr std::size_t maxTargetHosts = 20;   ///< of an MX list that are looked at, best first
inline constexpr std::size_t maxHostAddresses = 10; ///< of one host

struct TargetHost {
  std::string name;  ///< A-labels without final dot; the literal if there is no name
  std::uint16_t preference = 0;
  std::vector<IpAddress> ips;  ///< not empty
};

struct Target {
  std::vector<TargetHost> hosts;  ///< in the order to try them, not empty
  bool authentic = false;         ///< by DNSSEC, up to the list of hosts
};

/// Why there is none; also what is said of an attempt that ended before anybody was dialled.
struct Refusal {
  bool permanent = false;
  int code = 0;          ///< 0: ours
  std::string enhanced;  ///< "5.1.10"
  std::string text;
};

/// MX hosts of the recipient's domain, or that domain itself, or the address literal.
tl::expected<Target, Refusal> resolveTarget(dns::Resolver& resolver, const Host& recipient, const dns::Ask& ask, Random& random);
/// Addresses of one host: a smarthost.
tl::expected<Target, Refusal> resolveHost(dns::Resolver& resolver, const std::string& name, const dns::Ask& ask);

/// The addresses of a host in the order to try them, for an entry that has tried `before` (oldest first): the family other
/// than last time first; an address of that family that was tried just once again (greylisting), else those not tried
/// lately. smtp.md §13.
std::vector<IpAddress> orderAddresses(const std::vector<IpAddress>& addresses, const std::vector<IpAddress>& before);

/// What a connection there is bound to; nothing: the kernel chooses. A public address cannot reach the loopback network, and
/// need not reach a private one.
std::optional<IpAddress> sourceFor(const IpAddress& to, const config::OutgoingIps& outgoing);

}  // namespace mox::queue
