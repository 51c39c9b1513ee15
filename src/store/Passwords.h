// Passwords: what is kept of one, and checking one without telling strangers whether the account exists.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// What crypt(5) needs of a hash to compute one as costly: all but the digest at its end.
std::string hashSetting(const std::string& hash);

/// Checks passwords. One a process; thread safe.
///
/// Hashes that were given (PasswordHashFile) cost other work than our own, from a tenth to many times as much. So that the time
/// of an answer does not tell which logins exist, an unknown one costs what a hash of some account does: always the same for
/// one login, and each kind as often as accounts have it.
class PasswordChecker {
 public:
  using Verify = std::function<bool(std::string_view password, const std::string& hash)>;

  /// `secret` never changes, also from start to start: it decides what an unknown login costs. `verify` is for tests.
  PasswordChecker(const Clock& clock, Random& random, std::string secret, Verify verify = &passwordVerify);
  ~PasswordChecker();

  /// Of all accounts: the hashes that were given, and how many others there are.
  void useKinds(const std::vector<std::string>& given, std::size_t others);
  /// Prepares the password (RFC 8265) and checks it. `account` null: the login is unknown; false is returned after work
  /// that some account might have cost. `login` in one spelling of those that are the same. Call in a job pool.
  bool check(Account* account, std::string_view login, std::string_view password);
  /// True if the password is cached as right for this account, at once and without hashing.
  bool cached(const Account& account, std::string_view password);
  /// A hash, or the setting of one, that the password of an unknown login is checked against.
  std::string dummyFor(std::string_view login) const;
  /// How often a hash was computed: for tests and metrics.
  std::uint64_t hashesRun() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
