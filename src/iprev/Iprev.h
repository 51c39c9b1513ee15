// iprev, RFC 8601 §3: does the host name of an address lead back to the address?
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/Ip.h"
#include "base/Metrics.h"
#include "dns/Resolver.h"

namespace mox::iprev {

/// Names of one address that are looked up; others are ignored.
inline constexpr std::size_t maxNames = 10;

enum class Status {
  pass,       ///< a name leads back
  fail,       ///< names, but none leads back
  temperror,  ///< could not be found out now
  permerror,  ///< no name at all
};
/// As in Authentication-Results.
std::string_view statusName(Status status);

struct Result {
  Status status = Status::temperror;
  /// The first name that led back, absolute; else the first name found; else "".
  std::string name;
  std::vector<std::string> names;  ///< all the PTR records gave, absolute
  bool authentic = false;          ///< both directions by DNSSEC
  std::string reason;              ///< one line, "" on pass
};

/// Blocks until done or the deadline. With metrics: mox_iprev_lookup_total{status}, a histogram in seconds.
Result check(dns::Resolver& resolver, const Clock& clock, const IpAddress& ip, Steady deadline, Metrics* metrics = nullptr);

}  // namespace mox::iprev
