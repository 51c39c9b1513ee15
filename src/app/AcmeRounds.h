// AcmeRounds: which certificates are wanted now, and getting them, one after the other.
//
// A round looks at every name once. A certificate is renewed when less is left of it than RenewBefore or a third of its
// lifetime, whichever is less. What failed is tried again later and later, so that a provider's limits (of Let's Encrypt
// five failed checks of a name an hour) are not met. Nothing is ordered that the disk has no room for, and what it does not
// take when it comes is not ordered again but written later (of Let's Encrypt one gets five of a name a week). Blocks for
// minutes: for a thread of its own; only retryNow() may come from others.
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "acme/Client.h"
#include "app/AcmeFiles.h"
#include "app/AcmeProofs.h"
#include "base/Limits.h"
#include "base/Metrics.h"
#include "config/Files.h"
#include "config/Source.h"
#include "dns/Resolver.h"
#include "net/HttpClient.h"

namespace mox::app {

/// Let's Encrypt takes 300 in three hours. What is beyond waits.
inline constexpr Limit acmeOrders{"acme-orders", 60, "orders/hour"};

/// All references outlive the rounds.
struct AcmeServices {
  config::ConfigSource& config;
  const config::FileReader& secrets;  ///< keys of ExternalAccountBinding
  dns::Resolver& resolver;
  net::HttpClient& http;
  AcmeFiles& files;
  AcmeProofs& proofs;
  const Clock& clock;
  Random& random;
  Metrics& metrics;
  LimitHits& limits;
  Log log;
  /// PEM of host keys, by listener.
  std::map<std::string, std::string> hostKeys;
  /// Called when a new certificate is kept.
  std::function<void()> install;
  acme::Wait wait;
};

class AcmeRounds {
 public:
  static constexpr Duration longestRest = std::chrono::hours(1);       ///< between rounds: the wall clock may have been set
  static constexpr Duration renewBeforeDefault = std::chrono::hours(30 * 24);
  static constexpr Duration firstRetry = std::chrono::seconds(30);
  static constexpr Duration judgedRetry = std::chrono::minutes(10);    ///< the second after a judgement; doubled from there
  static constexpr Duration longestRetry = std::chrono::hours(12);
  static constexpr Duration longestUnreachable = std::chrono::hours(1);  ///< between tries to reach a provider
  static constexpr Duration noAddressRetry = std::chrono::minutes(10);
  static constexpr Duration lookupLimit = std::chrono::seconds(30);

  explicit AcmeRounds(AcmeServices services);

  /// How long until the next is due. Throws if an account's key is damaged; what was ordered then is not ordered again at once.
  Duration round();
  /// The next round tries at once what had failed.
  void retryNow() { retryNow_ = true; }

 private:
  struct State {
    std::optional<acme::Validity> validity;
    bool looked = false;   ///< whether there is one on disk
    bool addressless = false;
    int judged = 0, unreachable = 0;  ///< failures in a row; of the second since the last of the first
    std::optional<Steady> retryAt;
    std::optional<net::CertificatePem> unwritten;  ///< came, and could not be written
  };
  struct Session {
    acme::AccountKey key;
    std::unique_ptr<acme::Client> client;
  };

  Duration untilDue(const AcmeName& name, State& state, const config::AcmeProvider& provider);
  /// These two: false if the server stops.
  bool attempt(const config::Config& config, const AcmeName& name, State& state);
  bool orderAndKeep(const config::Config& config, const AcmeName& name, State& state);
  Result<bool> hasAddress(const std::string& host);
  acme::Outcome<acme::Client*> client(const config::Config& config, const std::string& provider);
  Time renewalOf(const acme::Validity& validity, const config::AcmeProvider& provider) const;
  /// PEM.
  std::string keyFor(const AcmeName& name) const;
  acme::Outcome<net::CertificatePem> order(const config::Config& config, const AcmeName& name, const State& state, const std::string& key);
  acme::Proof proof(const config::Config& config, const AcmeName& name, const State& state) const;
  bool mayOrder(const AcmeName& name);
  Result<void> judge(const AcmeName& name, const net::CertificatePem& pem) const;
  void keep(const AcmeName& name, State& state, const config::AcmeProvider& provider);
  static Duration pauseAfterJudgement(State& state);
  /// False if it is that the server stops.
  bool failed(const AcmeName& name, State& state, const acme::Refusal& refusal);

  AcmeServices services_;
  Counter &errors_, &kept_;
  std::map<std::pair<std::string, std::string>, State> states_;  // by provider and host
  std::map<std::string, Session> sessions_;                       // by provider, for one round
  std::deque<Steady> orders_;                                     // of the last hour
  std::atomic<bool> retryNow_{false};
};

/// When a certificate should be renewed.
Time renewalTime(const acme::Validity& validity, Duration renewBefore);

}  // namespace mox::app
