// Storage: everything kept in the data directory that sessions use, opened and in order.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "app/Foundations.h"
#include "config/Config.h"
#include "delivery/ReceivedId.h"
#include "dkim/PublicSuffix.h"
#include "store/Accounts.h"
#include "store/AuthDb.h"
#include "store/Mailbox.h"
#include "store/Passwords.h"

namespace mox::app {

/// Shorter passwords are refused, AUT-07.
using config::minPasswordLength;

/// Inbox and what InitialMailboxes (or the older DefaultMailboxes) say; without either the usual five with roles.
std::vector<std::pair<std::string, store::SpecialUses>> initialMailboxes(const config::Static& fixed);

/// One line of input as a password: without its line end, of `minimum` octets at least. Errc::syntax.
Result<std::string> passwordFromInput(std::string_view input, std::size_t minimum = minPasswordLength);

class Storage {
 public:
  /// `foundations` outlives this. Makes keys that are missing. Throws if anything cannot be used.
  Storage(Foundations& foundations, const std::string& dataDir);

  /// Creates accounts that are configured and have no database, with their first mailboxes. Names of the new ones.
  std::vector<std::string> createAccounts(const config::Config& config);
  /// Errc::notFound for an account not configured, syntax for a password that will not do, denied if a file gives it and
  /// it is not PasswordMutable.
  Result<void> setPassword(const config::Config& config, const std::string& account, std::string_view password);

  const dkim::PublicSuffixList suffixes;
  const std::string saltKey;
  const delivery::ReceivedId receivedId;
  store::Accounts accounts;
  store::AuthDb authDb;
  store::PasswordChecker passwords;

 private:
  Foundations& foundations_;
};

}  // namespace mox::app
