// The resolver that asks the machine's recursive name servers. Wants a validating resolver on loopback (unbound)
// for DANE; without one everything works, but nothing is authentic.
//
// Each server is asked in turn, a few rounds, each try with its own time within the caller's deadline. SERVFAIL,
// refusals and silence go on to the next server; a DNSSEC failure does not, since going on would be looking for
// a server that does not check. "localhost" is answered here (RFC 6761 §6.3); /etc/hosts is not consulted.
#pragma once

#include <string>
#include <vector>

#include "base/Random.h"
#include "dns/Interrupt.h"
#include "dns/ResolvConf.h"
#include "dns/Resolver.h"

namespace mox::dns {

class LdnsResolver final : public Resolver {
 public:
  struct Options {
    /// Asked instead of those of resolv.conf if not empty.
    std::vector<Endpoint> servers;
    /// Believe the AD bit of `servers` that are not on loopback.
    bool trustAd = false;
    std::string resolvConf = "/etc/resolv.conf";
    /// Time for one try of the first round; doubled in each next round.
    Duration tryTime = std::chrono::seconds(3);
    unsigned rounds = 3;
  };

  LdnsResolver(const Clock& clock, Random& random, Options options);

  /// The server stops: lookups under way and all to come fail as temporary, at once. From any thread.
  void stop() { stopped_.raise(); }

  Lookup<Record> query(Type type, std::string_view name, const Ask& ask) override;
  /// Nothing is kept: always none.
  std::optional<Lookup<Record>> recall(Type, std::string_view, const Ask&) override { return std::nullopt; }

 private:
  const Clock& clock_;
  Random& random_;
  Options options_;
  ResolvConf resolvConf_;
  Interrupt stopped_;
};

}  // namespace mox::dns
