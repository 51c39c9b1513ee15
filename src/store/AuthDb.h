// AuthDb: data/auth.db — TLS client keys that log in, and the record of login attempts.
//
// Login attempts are written in batches by a thread of its own, which also does the upkeep; equal ones only count up. Thread
// safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "base/Log.h"
#include "base/Result.h"
#include "base/Strong.h"
#include "store/Backup.h"

namespace mox::store {

struct TlsPublicKey {
  std::string fingerprint;  ///< SHA-256 of SubjectPublicKeyInfo, raw-url base64, as net::TlsInfo has it
  Time created{};
  std::string type;  ///< "ecdsa-p256", "rsa-2048", ...
  std::string name;  ///< for people
  bool noImapPreauth = false;
  std::string account, loginAddress;
  std::string certificate;  ///< DER
};

/// Values are on disk and shown as loginResultName.
enum class LoginResult : std::uint8_t {
  ok, badUser, badPassword, badCredentials, badChannelBinding, badProtocol, loginDisabled, error, aborted
};
std::string_view loginResultName(LoginResult result);

struct LoginAttempt {
  std::string account;       ///< "-" if unknown, "(admin)"
  std::string loginAddress;  ///< "" if unknown
  std::string remoteIp, localIp;
  std::string tls;  ///< "version= ciphersuite= sni= resumed= alpn=" text, "" without
  std::string tlsKeyFingerprint;
  std::string protocol;   ///< "imap", "submission", ...
  std::string userAgent;  ///< IMAP ID
  std::string mechanism;  ///< "plain", "scram-sha-256-plus", ...
  LoginResult result = LoginResult::error;
  Time first{}, last{};
  std::int64_t count = 1;
};

inline constexpr std::size_t loginAttemptQueue = 100;     ///< waiting to be written; more are dropped and counted
inline constexpr std::size_t maxFailedAttempts = 10'000;  ///< kept an account
inline constexpr Duration loginAttemptAge = std::chrono::hours(24 * 30);
inline constexpr Duration loginUpkeepInterval = std::chrono::minutes(10);  ///< at most; without attempts there is nothing to do

class AuthDb {
 public:
  AuthDb(const std::string& path, const Clock& clock, Log log, const char* vfs = nullptr);
  ~AuthDb();
  AuthDb(const AuthDb&) = delete;
  AuthDb& operator=(const AuthDb&) = delete;

  /// Errc::exists.
  Result<void> addKey(const TlsPublicKey& key);
  /// Changes name, noImapPreauth and loginAddress. Errc::notFound.
  Result<void> updateKey(const TlsPublicKey& key);
  Result<void> removeKey(const std::string& fingerprint);
  std::optional<TlsPublicKey> key(const std::string& fingerprint) const;
  /// "" for all accounts.
  std::vector<TlsPublicKey> keys(const std::string& account) const;
  /// Consistent copy, while in use; Backup.h.
  void backup(Files& files, const std::string& path);
  /// For removed accounts.
  void removeAccount(const std::string& account);

  /// Never blocks on the disk. `first` and `last` are set to now if zero.
  void add(LoginAttempt attempt);
  /// Waits until all added so far are durable.
  void flush();
  /// Newest first; "" for all accounts.
  std::vector<LoginAttempt> attempts(const std::string& account, std::size_t limit = 1'000) const;
  /// Deletes those older than loginAttemptAge, and moves the WAL. Done now and then without being called.
  void prune();
  /// Attempts not recorded because the queue was full.
  std::uint64_t dropped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
