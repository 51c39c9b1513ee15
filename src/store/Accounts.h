// Accounts: opens accounts on demand and closes those least recently used.
//
// Holding the shared_ptr keeps an account open; when the last user lets go it stays open until room is needed or
// it was idle for a while. Thread safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "store/Account.h"

namespace mox::store {

/// How often open accounts are looked after: soon enough that a WAL stays small and flag changes are forced, seldom
/// enough to cost nothing.
inline constexpr Duration upkeepInterval = std::chrono::seconds(1);
/// Idle accounts kept open.
inline constexpr std::size_t maxIdleAccounts = 100;
/// Idle accounts are closed after this long.
inline constexpr Duration accountIdleTime = std::chrono::minutes(10);

class Accounts {
 public:
  /// Throws FileError if another process uses the directory, std::runtime_error if an account is of a newer version; of
  /// damaged ones it only logs. Empties data/tmp; starts the background threads for upkeep and for the full-text indexes.
  Accounts(std::string dataDirectory, Environment environment);
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  /// Opens, or creates with no mailboxes. Fails (syntax) for names that are no file names; throws if the
  /// database cannot be used: AccountDamaged if somebody must mend it first.
  Result<std::shared_ptr<Account>> open(const std::string& name);
  /// True if the account has a database, or something is left of one that had.
  bool exists(const std::string& name) const;
  /// Accounts that could not be opened for damage, with the reason; those mended meanwhile are not among them.
  std::map<std::string, std::string> damaged();
  /// Removes all of an account's mail for good. The name is free once the commit point is passed, a rename; a crash after
  /// it leaves the rest to the next start. Errc::notFound; conflict if somebody uses the account.
  Result<void> remove(const std::string& name);
  /// Names that exist(), sorted; configured or not.
  std::vector<std::string> list() const;
  /// A spool in data/tmp.
  std::unique_ptr<Spool> spool();
  /// data/tmp.
  const std::string& spoolDirectory() const;
  /// One round of upkeep, as the background thread does: maintain() on open accounts, closing idle ones.
  void tick();
  /// Accounts open now: for tests and metrics.
  std::size_t openCount() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Held while a process uses accounts/; throws FileError if another one does.
Fd lockAccounts(const std::string& accountsDirectory);

/// Letters, digits, "-", "_", "." and "@" (not first), at most 100 bytes; and UTF-8 beyond ASCII without controls.
bool isAccountName(std::string_view name);

}  // namespace mox::store
