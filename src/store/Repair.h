// Repair: what `mox reparse` and its like do to an account. Nothing of it is needed while the server keeps its promises;
// it is for what a damaged disk, an old backup or an earlier version left behind, as `mox verifydata` tells.
//
// Each change is durable when the call returns. Those marked alone change UIDs or threads under clients that know them:
// nobody may have the account in use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Result.h"
#include "store/Account.h"

namespace mox::store {

/// Contents looked up, parsed and written at a time.
inline constexpr std::size_t repairBatch = 50;

class Repair {
 public:
  explicit Repair(Account& account) : account_(account) {}

  /// Alone. A new UIDVALIDITY, so that clients read the mailbox (or, if "", all) anew; how many. Errc::notFound.
  Result<std::size_t> bumpUidValidity(const std::string& mailbox);
  /// Alone. UIDs from 1 in the order they had, under a new UIDVALIDITY; how many messages. Errc::notFound.
  Result<std::size_t> reassignUids(const std::string& mailbox);
  /// Alone. UIDNEXT above all UIDs, UIDVALIDITYs different and given out; how many mailboxes were wrong.
  Result<std::size_t> fixUidMeta();
  /// Alone. Threads anew, by the rules of delivery in the order messages came; how many messages changed theirs.
  std::size_t reassignThreads();

  /// Sizes as their octets have them; how many messages were wrong. Counts follow.
  std::size_t fixMessageSizes();
  /// Counts of mailboxes and the sums for the quotas; how many were wrong.
  std::size_t recount();
  /// ENVELOPE, BODYSTRUCTURE, preview and the rest anew, or only where they lack; how many contents. `told` hears how
  /// many so far after each batch, which is durable then; it may throw to end this.
  std::size_t reparse(bool onlyMissing, const std::function<void(std::size_t count)>& told = {});

  /// A message whose body file is missing.
  struct Lost {
    MailboxId mailbox;
    std::string name;  ///< of the mailbox
    Uid uid;
    std::string subject;
  };
  /// In order of mailboxes and UIDs.
  std::vector<Lost> lost() const;
  /// Expunges them, so that sessions hear of it.
  void remove(const std::vector<Lost>& messages);

 private:
  struct Parsed;
  std::optional<Parsed> parseAgain(ContentId content);
  void keep(const std::vector<Parsed>& all);
  Account& account_;
};

}  // namespace mox::store
