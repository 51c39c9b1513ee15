// Passwords: what is kept of one, and checking one without telling strangers whether the account exists.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Random.h"
#include "base/Result.h"
#include "sasl/Secrets.h"

namespace mox::store {

class Account;

/// Everything derived from the password when it was set. Secret: never log.
struct PasswordSecrets {
  std::string hash;  ///< for PLAIN and LOGIN: "$2b$10$...", or one of any kind of crypt(5) that was given
  /// Empty if only a hash was given, until the password is first seen: PasswordChecker::check() adds them then.
  sasl::PasswordSecrets sasl;
};

/// Prepares the password (RFC 8265) and derives everything. About 60 ms of CPU: call in a job pool.
/// Errc::syntax and tooLong are sasl::preparePassword's.
Result<PasswordSecrets> makeSecrets(std::string_view password, Random& random);

inline constexpr unsigned bcryptCost = 10;
/// Successful checks are remembered this long.
inline constexpr Duration passwordCacheTime = std::chrono::minutes(15);
/// Shorter passwords are never cached: their digest in memory would be easy to guess from.
inline constexpr std::size_t passwordCacheMinimum = 8;
/// bcrypt looks at 72 bytes; longer passwords are hashed with SHA-256 before it.
inline constexpr std::size_t bcryptMaxBytes = 72;

/// "$2b$" hash of the password (any bytes but NUL count). About 50 ms of CPU: call in a job pool.
std::string bcryptHash(std::string_view password, Random& random);
/// Checks against a hash of any kind that crypt(5) knows. As long as that hash asks for; 50 ms for our own, the same for
/// any password.
bool passwordVerify(std::string_view password, const std::string& hash);

/// Checks passwords. One a process; thread safe.
class PasswordChecker {
 public:
  PasswordChecker(const Clock& clock, Random& random);
  ~PasswordChecker();

  /// Prepares the password (RFC 8265) and checks it. `account` null: the login is unknown; the same work is done
  /// and false returned. Call in a job pool.
  bool check(Account* account, std::string_view password);
  /// True if the password is cached as right for this account, at once and without hashing.
  bool cached(const Account& account, std::string_view password);
  /// How often a hash was computed: for tests and metrics.
  std::uint64_t hashesRun() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
