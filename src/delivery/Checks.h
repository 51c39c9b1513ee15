// Checks: what DNS says of a sender. Everything here waits for others: call it in a job pool, never on a worker, unless it
// asks a dns::Remembered.
//
// A Checks is a handle that is cheap to copy; what it refers to outlives every job. Thread safe.
#pragma once

#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Metrics.h"
#include "dkim/PublicSuffix.h"
#include "dkim/Verifier.h"
#include "dns/Resolver.h"
#include "iprev/Iprev.h"
#include "spf/Spf.h"

namespace mox::delivery {

/// For each check as a whole, smtp.md §1.
inline constexpr Duration checkTimeout = std::chrono::minutes(1);

class Checks {
 public:
  Checks(dns::Resolver& resolver, const dkim::PublicSuffixList& suffixes, const Clock& clock, Metrics& metrics)
      : resolver_(&resolver), suffixes_(&suffixes), clock_(&clock), metrics_(&metrics) {}

  /// The same checks with other answers.
  Checks with(dns::Resolver& resolver) const { return {resolver, *suffixes_, *clock_, *metrics_}; }

  spf::Verdict spf(const spf::Arguments& arguments) const;
  iprev::Result iprev(const IpAddress& ip) const;
  std::vector<dkim::Outcome> dkim(std::string_view message) const;

  /// Could a bounce reach this domain? RFC 5321 §5.1, RFC 7505.
  enum class Reachable {
    yes,
    no,        ///< neither MX nor address, or a null MX
    unknown,   ///< DNS trouble
  };
  Reachable takesMail(const Domain& domain) const;
  /// Has the name an address? For HELO.
  Reachable resolves(const Domain& domain) const;

 private:
  Steady deadline() const { return clock_->steady() + checkTimeout; }
  dns::Resolver* resolver_;
  const dkim::PublicSuffixList* suffixes_;
  const Clock* clock_;
  Metrics* metrics_;
};

}  // namespace mox::delivery
