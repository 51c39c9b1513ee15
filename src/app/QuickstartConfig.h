// QuickstartConfig: the configuration that quickstart and new domains get (config.md §5).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "app/QuickstartChecks.h"
#include "base/Random.h"
#include "config/Dynamic.h"
#include "config/Static.h"

namespace mox::app {

inline constexpr std::size_t generatedPasswordLength = 12;  ///< characters, each of 77: 75 bits

/// Letters, digits and punctuation that needs no quoting in most places.
std::string generatePassword(Random& random);

/// Settings of a new account with one address.
config::Account newAccount(const Address& address);
/// Settings of a new domain whose reports go to an account. Its selectors name files for RSA keys of 2048 bits, still to be
/// made; the second key is published, and at hand when the first must go.
config::DomainSettings newDomain(const Domain& name, const Domain& hostname, const std::string& account, Time now);

struct QuickstartPlan {
  QuickstartPlan(Address a, QuickstartFacts f) : address(std::move(a)), facts(std::move(f)) {}

  Address address;        ///< of the first account
  QuickstartFacts facts;
  HostAddresses addresses;
  std::string account;    ///< its name
  std::string user;       ///< that the server runs as
  bool existingWebserver = false;
  Time now{};

  config::Static fixed() const;
  config::Dynamic dynamic() const;
  /// Key files below config/ and what kind they are to be: "rsa2048" or "ecdsap256".
  std::map<std::string, std::string> keyFiles() const;
  /// With -existing-webserver: names that get a certificate of their own to stand in, and its files below config/.
  std::map<std::string, config::KeyCert> certificates() const;

 private:
  config::Listener publicListener() const;
  config::Listener internalListener() const;
};

/// mox.conf with hints on what is left out, as comments.
std::string annotated(std::string sconf);
/// An example of a mailing list, as comments, for the end of domains.conf.
std::string aliasExample();

}  // namespace mox::app
