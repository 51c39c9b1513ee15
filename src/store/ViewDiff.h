// What happened to a mailbox between two of its views: what a session tells its client.
#pragma once

#include <vector>

#include "store/MailboxView.h"

namespace mox::store {

struct Removed {
  std::size_t index;  ///< position in the older view
  Uid uid;
};

struct ViewDiff {
  std::vector<Removed> removed;      ///< ascending
  std::vector<std::size_t> changed;  ///< positions in the newer view of messages in both whose modseq differs, ascending
  std::size_t added = 0;             ///< new messages, all at the end of the newer view
};

/// Chunks the two share are skipped, so one change in a large mailbox costs little.
ViewDiff difference(const MailboxView& older, const MailboxView& newer);

}  // namespace mox::store
