// Inside of Config, shared by the files that build and read it; for nobody else.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "config/Config.h"

namespace mox::config {

/// A Route, ready to match.
struct RouteRule {
  struct Pattern {
    Domain domain;
    bool withSubdomains = false;
    bool matches(const Domain& other) const { return withSubdomains ? other.isWithin(domain) : other == domain; }
  };
  std::vector<Pattern> from, to;  ///< empty: any
  std::int64_t minimumAttempts = 0;
  const TransportInfo* transport = nullptr;
};

struct Config::Tables {
  Static fixed;
  Dynamic dynamic;
  /// What `fixed` was read from: a reload keeps it, positions and all.
  std::string staticText;
  std::string dynamicText;  ///< the same for `dynamic`; of JSON both are the whole file
  std::string configDir, dataDir;
  std::optional<Domain> hostname;  ///< always set in a Config
  Authorities authorities;

  std::vector<ListenerInfo> listeners;
  std::vector<IpAddress> smtpIps;
  OutgoingIps outgoing;
  std::map<std::string, TransportInfo> transports;
  std::map<std::string, AccountInfo> accounts;
  std::map<std::string, DomainInfo> domains;  ///< by A-label

  /// By "localpart@a-label", canonical. Elements do not move.
  std::unordered_map<std::string, Target> targets;
  std::unordered_map<std::string, AliasTarget> aliases;
  std::unordered_map<std::string, Target> catchalls;  ///< by A-label
  std::set<Domain> hostnames;                         ///< global and of SMTP listeners
  Target postmaster;
  std::optional<std::pair<std::string, Target>> hostTlsReports;  ///< with localpart in lower case

  std::vector<RouteRule> routes;
  std::map<std::string, std::vector<RouteRule>> domainRoutes;   ///< by A-label
  std::map<std::string, std::vector<RouteRule>> accountRoutes;  ///< by account
};

/// Key of targets and aliases.
std::string addressKey(const Localpart& localpart, const Domain& domain);

}  // namespace mox::config
