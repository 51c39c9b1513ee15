// Authenticator: who may log in. One a process, shared by submission, IMAP and later the web.
//
// It answers strangers alike whether an account exists or not: an unknown login costs the work of some account's and gets the
// same reply. Failures count against the client's networks (smtp.md §1), every attempt is recorded (AUT-06) and
// logged in the form fail2ban rules look for. Thread safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Clock.h"
#include "base/Ip.h"
#include "base/Log.h"
#include "base/Metrics.h"
#include "base/Random.h"
#include "config/Source.h"
#include "net/Session.h"
#include "net/WindowLimiter.h"
#include "sasl/Server.h"
#include "store/Accounts.h"
#include "store/AuthDb.h"
#include "store/Passwords.h"

namespace mox::login {

/// What everything here needs; all outlive it.
struct Services {
  config::ConfigSource& config;
  store::Accounts& accounts;
  store::AuthDb& authDb;
  store::PasswordChecker& passwords;
  net::JobPool& pool;  ///< for password hashes
  const Clock& clock;
  Random& random;
  Log log;
  Metrics& metrics;
  std::string saltKey;  ///< 32 secret octets that never change, see sasl::CredentialSource
};

enum class Verdict {
  ok,
  badCredentials,   ///< unknown user or wrong password: never told apart
  disabled,         ///< right credentials, but the account may not log in; text says why
  channelBinding,   ///< SCRAM was bound to another connection
  protocol,         ///< a malformed response
  cancelled,        ///< the client sent "*"
  denied,           ///< asked to act as somebody else, or has another's client certificate
  unknownMechanism,
  rateLimited,      ///< too many failures from this network
  overloaded,       ///< no room for another password hash now
  broken,           ///< our own fault
};

struct Outcome {
  Verdict verdict = Verdict::badCredentials;
  std::string account;       ///< set if ok
  std::string loginAddress;  ///< set if ok: the address logged in with
  std::string text;          ///< one line for the client
};

/// From whom and over what somebody tries.
struct Peer {
  IpAddress remote, local;
  const net::TlsInfo* tls = nullptr;
  std::string_view protocol;   ///< "imap", "submission"
  std::string_view userAgent;  ///< IMAP ID, "" elsewhere
  ConnectionId cid;
};

/// A client certificate that is registered.
struct CertificateLogin {
  std::string account, loginAddress;
  bool imapPreauth = false;
};

class Authenticator {
 public:
  explicit Authenticator(Services services);
  ~Authenticator();

  /// SASL mechanisms to announce, strongest first. -PLUS ones are listed without TLS too, so that a client can see
  /// that somebody cut the list (RFC 5802 §6). `withPasswords`: PLAIN and LOGIN may be used now.
  std::vector<std::string> mechanisms(const net::TlsInfo* tls, bool withPasswords) const;
  /// True if this client's networks have failed too often; the caller answers that and closes.
  bool isLimited(const IpAddress& remote);
  /// Nothing for an unknown key, or one of an account that is gone.
  std::optional<CertificateLogin> certificate(const std::string& fingerprint) const;

  /// Makes the server side of a mechanism; null if unknown or not usable on this connection.
  std::unique_ptr<sasl::ServerMechanism> mechanism(std::string_view name, const Peer& peer, const std::string& hostname);
  /// Burns CPU: in services().pool.
  Outcome checkPassword(const std::string& login, std::string_view password);
  /// The verdict for a login whose secret was proved; `authzid` as in sasl::Success.
  Outcome admit(const std::string& login, const std::string& authzid) const;
  /// Counts, records and logs the attempt, and gives what the client may be told of it. Once for each, whatever came of it.
  Outcome conclude(Outcome outcome, const Peer& peer, std::string_view mechanism, std::string_view login);

  Services& services() { return services_; }

 private:
  class Secrets;
  Outcome ofCertificate(Outcome outcome, const Peer& peer) const;
  Outcome withinLimit(Outcome outcome, const Peer& peer);
  void record(const Outcome& outcome, const Peer& peer, std::string_view mechanism, std::string_view login);
  Services services_;
  std::unique_ptr<Secrets> secrets_;
  net::WindowLimiter failures_;
};

}  // namespace mox::login
