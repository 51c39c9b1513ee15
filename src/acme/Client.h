// Client: gets a certificate for one host name from an ACME provider, from the account to the chain.
//
// RFC 8555 §7; proofs are TLS-ALPN-01 (RFC 8737) and HTTP-01 (RFC 8555 §8.3). Blocks, for minutes if the provider takes them:
// for a thread of its own. Not thread safe.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "acme/Documents.h"
#include "acme/Jws.h"
#include "base/Clock.h"
#include "base/Result.h"
#include "net/HttpClient.h"

namespace mox::acme {

enum class Proof { tlsAlpn01, http01 };
/// "tls-alpn-01", "http-01".
std::string_view proofName(Proof proof);

/// Where the provider looks for proofs while it checks a name.
class ProofPlace {
 public:
  virtual ~ProofPlace() = default;
  /// Visible when this returns, until withdraw().
  virtual void present(Proof proof, const std::string& host, const std::string& token, const std::string& keyAuthorization) = 0;
  virtual void withdraw(Proof proof, const std::string& host, const std::string& token) = 0;
};

struct ProviderSettings {
  std::string directoryUrl;
  std::string contactEmail;
  std::optional<ExternalAccount> externalAccount;
};

/// Why there is no certificate.
struct Refusal {
  enum class Kind {
    unreachable,  ///< no answer, or none that makes sense: nothing was judged
    refused,      ///< the provider said no: account, order, rate limit
    unproven,     ///< it could not verify that the name is ours
    stopped,      ///< the wait was cut short
  };
  Kind kind = Kind::unreachable;
  std::string text;                   ///< one printable line
  std::optional<Duration> retryAfter;  ///< as the provider wishes
};

template <class T>
using Outcome = tl::expected<T, Refusal>;

/// Waits that long; false if the wait was cut short because the server stops.
using Wait = std::function<bool(Duration)>;

class Client {
 public:
  static constexpr Duration checkLimit = std::chrono::minutes(3);  ///< for each of: a name's check, making the certificate
  static constexpr int nonceTries = 10;                            ///< of one request, RFC 8555 §6.5

  /// All outlive the client.
  Client(net::HttpClient& http, const AccountKey& key, ProviderSettings settings, ProofPlace& place, const Clock& clock, Wait wait);

  /// The chain in PEM for `host` (A-label form) and its `keyPem`. The account is made at the first call.
  Outcome<std::string> obtain(const std::string& host, const std::string& keyPem, Proof proof);

 private:
  Outcome<net::HttpResponse> fetch(const net::HttpRequest& request);
  Outcome<void> start();
  Outcome<void> makeAccount();
  Outcome<std::string> nonce();
  /// A signed request; answers of 400 and above are refusals.
  Outcome<net::HttpResponse> post(const std::string& url, const std::string& payload);
  Outcome<void> prove(const std::string& authorizationUrl, const std::string& host, Proof proof);
  Outcome<void> check(const std::string& authorizationUrl, const ChallengeOffer& offer, Proof proof);
  /// Asks for the order until it is neither pending nor processing.
  Outcome<Order> settled(const std::string& orderUrl, Order order);
  Outcome<void> pauseFor(const net::HttpResponse& last, int round, Steady until, const char* what);
  Refusal refusal(const net::HttpResponse& response) const;

  net::HttpClient& http_;
  const AccountKey& key_;
  ProviderSettings settings_;
  ProofPlace& place_;
  const Clock& clock_;
  Wait wait_;
  std::optional<Directory> directory_;
  std::string nonce_, accountUrl_;
};

}  // namespace mox::acme
