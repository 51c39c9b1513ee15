// The server side of SASL (RFC 4422), sans-I/O: a mechanism is fed the client's
// responses and says what to answer.
//
// A user that does not exist cannot be told from a wrong password: SCRAM and
// CRAM-MD5 go the whole way with made-up secrets (the salt the same each time)
// and fail at the end with the same reason. All comparisons of secrets take
// constant time. A mechanism is used for one exchange, by one thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/Clock.h"
#include "base/Random.h"
#include "sasl/ChannelBindings.h"
#include "sasl/Secrets.h"

namespace mox::sasl {

/// Where secrets come from: the store. Names are NFC. Calls may read our own disk.
class CredentialSource {
 public:
  virtual ~CredentialSource() = default;
  /// Nothing for unknown logins and for accounts without that secret (the two are then treated alike).
  virtual std::optional<ScramSecret> scram(HashKind kind, const std::string& login) = 0;
  virtual std::optional<HmacMd5States> cramMd5(const std::string& login) = 0;
  /// A key of this installation that never changes and never leaves it, 32 octets: from it the salts of
  /// users that do not exist are made.
  virtual std::string fakeSaltKey() = 0;
  /// What all spellings of one login have in common. If spellings of an existing login gave one salt and
  /// those of an unknown login several, that would tell them apart.
  virtual std::string canonicalLogin(const std::string& login);
};

struct ServerContext {
  std::string hostname;      ///< for CRAM-MD5's challenge
  ChannelBindings bindings;  ///< of this connection
  /// Whether -PLUS mechanisms were announced here. Only then is the gs2 flag "y" ("I could bind, but you
  /// cannot") a sign that somebody cut the list, and refused (RFC 5802 §6).
  bool plusAnnounced = true;
  /// Login address the TLS client certificate stands for, "" without one. For EXTERNAL.
  std::string certificateLogin;
  Random& random;
  const Clock& clock;
  CredentialSource& credentials;
};

enum class FailureReason {
  syntax,                  ///< not what the mechanism prescribes, or not base64
  tooLong,                 ///< a response over maxResponseOctets
  cancelled,               ///< the client sent "*"
  badCredentials,          ///< wrong password or unknown user
  authorizationDenied,     ///< asks to act as somebody else
  channelBindingMismatch,  ///< bound to another TLS connection, or a downgrade: somebody may be in the middle
  unsupportedBinding,      ///< a binding type this connection does not have
  unsupportedExtension,    ///< SCRAM's mandatory extension "m="
  internal,                ///< stored secrets are damaged
};
std::string_view failureName(FailureReason reason);

struct Challenge {
  std::string bytes;  ///< raw; the protocol encodes it
};
/// The client knows the secret. `authzid` is "" or whom it asks to act as (EXTERNAL only: the caller
/// decides); `authcid` is NFC as sent, the caller looks the account up.
struct Success {
  std::string authcid, authzid;
};
/// The caller checks `password` (prepared by OpaqueString) in a job pool, for it burns CPU.
struct NeedsPasswordCheck {
  std::string authcid, authzid, password;
};
struct Failure {
  FailureReason reason;
  std::string text;  ///< one line for the log; says nothing about which of name and password was wrong
};
using Step = std::variant<Challenge, Success, NeedsPasswordCheck, Failure>;

class ServerMechanism {
 public:
  virtual ~ServerMechanism() = default;
  virtual std::string_view name() const = 0;
  /// `initial` is the initial response if the client sent one ("" is one). Called once, first.
  virtual Step start(std::optional<std::string_view> initial) = 0;
  /// The answer to the last challenge. After anything but a Challenge the exchange is over.
  virtual Step step(std::string_view response) = 0;
  /// Whom the client has said it is, NFC; "" as long as it has not. For the record of what failed.
  virtual std::string_view authcid() const { return {}; }
};

/// Null for an unknown mechanism, and for EXTERNAL without certificate. -PLUS needs bindings.tls: without
/// it the mechanism is made and fails with unsupportedBinding. `context` references must outlive it.
std::unique_ptr<ServerMechanism> makeServer(std::string_view mechanism, ServerContext context);

/// Whether the password itself crosses the wire, so that TLS is a must: PLAIN and LOGIN.
bool sendsPassword(std::string_view mechanism);

/// Cap of one response as sent, in base64 (hostile inputs: 1 MB of base64).
inline constexpr std::size_t maxResponseOctets = 64 * 1024;

/// The wire side of an exchange, the same in SMTP (RFC 4954) and IMAP: base64, "=" for an empty initial
/// response, "*" to cancel. `line` is without line end.
class ServerExchange {
 public:
  explicit ServerExchange(std::unique_ptr<ServerMechanism> mechanism) : mechanism_(std::move(mechanism)) {}
  Step start(std::optional<std::string_view> initial);
  Step respond(std::string_view line);
  std::string_view mechanism() const { return mechanism_->name(); }
  std::string_view authcid() const { return mechanism_->authcid(); }

 private:
  Step checked(Step step);
  std::unique_ptr<ServerMechanism> mechanism_;
  bool over_ = false;
};

}  // namespace mox::sasl
