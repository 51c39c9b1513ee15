// QuickstartChecks: will mail work from this machine? What DNS and network say, told to the person who sets it up.
//
// No check stops anything; each has a time limit, and without DNS those that need it are left out.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "app/DnsRecords.h"
#include "base/Address.h"
#include "base/Clock.h"
#include "dns/Resolver.h"

namespace mox::app {

/// Addresses of this machine. An interface with a private or loopback address counts as private as a whole.
struct HostAddresses {
  std::vector<IpAddress> loopback, privateIps, publicIps;
};
HostAddresses interfaceAddresses();

/// The world as quickstart sees it; tests give their own.
struct QuickstartWorld {
  dns::Resolver& resolver;
  const Clock& clock;
  HostAddresses addresses;
  std::string osHostname;
  /// True if a TCP connection comes about in time.
  std::function<bool(const Endpoint&, Duration timeout)> dial;
};
bool dialTcp(const Endpoint& to, Duration timeout);

/// What is known after the checks.
struct QuickstartFacts {
  explicit QuickstartFacts(Domain host) : hostname(std::move(host)) {}

  Domain hostname;
  /// Addresses the world reaches this machine at through a router; empty without one.
  std::vector<IpAddress> natIps;
  DnssecState dnssec = DnssecState::unknown;
};

class QuickstartChecks {
 public:
  QuickstartChecks(QuickstartWorld& world, std::ostream& out) : world_(world), out_(out) {}

  /// `given` is -hostname.
  QuickstartFacts run(const Domain& emailDomain, const std::optional<Domain>& given, bool skipDial);

 private:
  dns::Ask ask(Duration limit) const;
  void warn(const std::string& text);
  void checkResolver();
  Domain findHostname(const Domain& emailDomain, const std::optional<Domain>& given);
  std::optional<Domain> hostnameByReverse();
  void checkHost(QuickstartFacts& facts);
  void checkReverse(const QuickstartFacts& facts, const std::vector<IpAddress>& ips);
  void checkDial();
  void checkBlockLists(const std::vector<IpAddress>& ips);

  QuickstartWorld& world_;
  std::ostream& out_;
  bool offline_ = false;
};

}  // namespace mox::app
