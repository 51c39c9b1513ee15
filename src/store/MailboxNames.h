// MailboxNames: what is asked of a mailbox by name for each message that comes, remembered until the mailboxes change.
//
// A commit makes every page that a reading connection holds stale, and APPEND reads after each: without this it read half a
// dozen pages of the mailbox table again for each message.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/Guarded.h"
#include "store/ChangeFeed.h"

namespace mox::store {

/// Of a mailbox, what stays as long as it is there.
struct MailboxKey {
  MailboxId id;
  UidValidity uidValidity;
};

/// Thread safe.
class MailboxNames {
 public:
  static constexpr std::size_t most = 1'000;  ///< remembered names

  /// `read` asks the database; only mailboxes that are there are remembered.
  std::optional<MailboxKey> find(const std::string& name, const std::function<std::optional<MailboxKey>()>& read);
  /// For the account's writer, after each commit and before it is answered: forgets all unless only messages changed.
  void committed(const std::vector<Change>& changes);

 private:
  struct Known {
    std::map<std::string, MailboxKey> keys;
    std::uint64_t version = 0;  ///< of the mailboxes: what was read of an older one is not remembered
  };
  Guarded<Known> known_;
};

}  // namespace mox::store
