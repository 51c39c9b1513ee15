// Passwords: what is kept of one, and checking one without telling strangers whether the account exists.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Random.h"

namespace mox::store {

class Account;

/// Everything derived from the password when it was set. Secret: never log.
/// SCRAM and CRAM-MD5 secrets are kept as the texts sasl/ renders, "" where not made.
struct PasswordSecrets {
  std::string bcrypt;     ///< "$2b$10$..."
  std::string cramMd5;    ///< inner and outer state
  std::string scramSha1;
  std::string scramSha256;
};

inline constexpr unsigned bcryptCost = 10;
/// Successful checks are remembered this long.
inline constexpr Duration passwordCacheTime = std::chrono::minutes(15);
/// Shorter passwords are never cached: their digest in memory would be easy to guess from.
inline constexpr std::size_t passwordCacheMinimum = 8;
/// bcrypt looks at 72 bytes; longer passwords are hashed with SHA-256 before it.
inline constexpr std::size_t bcryptMaxBytes = 72;

/// "$2b$" hash of the password (any bytes but NUL count). About 50 ms of CPU: call in a job pool.
std::string bcryptHash(std::string_view password, Random& random);
/// About 50 ms, the same for any input.
bool bcryptVerify(std::string_view password, const std::string& hash);

/// Checks passwords. One a process; thread safe.
class PasswordChecker {
 public:
  PasswordChecker(const Clock& clock, Random& random);
  ~PasswordChecker();

  /// `account` null: the login is unknown; the same work is done and false returned. Call in a job pool.
  bool check(const Account* account, std::string_view password);
  /// True if the password is cached as right for this account, at once and without hashing.
  bool cached(const Account& account, std::string_view password);
  /// Hash against which unknown users are checked; and how often bcrypt ran: for tests.
  std::uint64_t hashesRun() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
