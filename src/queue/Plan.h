// Plan: how one attempt reaches its destination. Entries with the same key share connections.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "base/Metrics.h"
#include "config/Config.h"
#include "net/TlsContext.h"
#include "queue/Row.h"
#include "queue/Target.h"
#include "smtp/Client.h"

namespace mox::queue {

struct DialHost {
  std::string name;            ///< for SNI, logs and Remote-MTA
  std::vector<IpAddress> ips;  ///< in the order to try them
  bool dualStack = false;
  std::size_t rank = 0;        ///< hosts of the same preference have the same
};

struct Plan {
  std::string key;
  std::string transport;  ///< its name, "" for direct delivery
  std::vector<DialHost> hosts;
  std::uint16_t port = 25;
  std::string hello;
  smtp::ClientTls tls = smtp::ClientTls::opportunistic;
  std::shared_ptr<net::TlsContext> tlsContext;
  std::optional<smtp::ClientAuth> auth;
  bool smarthost = false;
  bool strict8bit = false;
  /// Recipients of several domains may go in one transaction.
  bool joinDomains = false;
  config::OutgoingIps sources;
};

struct PlannerOptions {
  std::optional<Endpoint> deliverAllTo;
  std::uint16_t smtpPort = 25;
  config::Authorities authorities;  ///< for smarthosts
  Duration lookupTimeout = std::chrono::seconds(30);
};

/// Makes plans. Blocks as its resolver does. Thread safe.
class Planner {
 public:
  Planner(PlannerOptions options, const Clock& clock, Random& random, Metrics& metrics);

  /// Claims of one lane; lookups are made once for all of them. `each` is called for every claim, in order.
  using Each = std::function<void(const Claim& claim, tl::expected<std::shared_ptr<const Plan>, Refusal> plan)>;
  void plan(dns::Resolver& resolver, const config::Config& config, const std::vector<Claim>& claims, const Each& each);

 private:
  struct Lookups;
  tl::expected<Plan, Refusal> make(const config::Config& config, const Claim& claim, Lookups& lookups);
  tl::expected<Plan, Refusal> direct(const config::Config& config, const Claim& claim, const config::TransportInfo* transport, Lookups& lookups);
  tl::expected<Plan, Refusal> smarthost(const config::Config& config, const Claim& claim, const config::TransportInfo& transport, Lookups& lookups);
  dns::Ask ask() const;

  const PlannerOptions options_;
  const Clock& clock_;
  Random& random_;
  std::shared_ptr<net::TlsContext> opportunistic_, verified_;
  Counter& destinations_;
  Counter& authentic_;
  Counter& noPolicy_;
};

}  // namespace mox::queue
