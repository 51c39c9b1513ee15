// Operation: one change to an account inside a write transaction. It loads the account's counters and the
// mailboxes it touches, keeps them in memory, writes them back once in finish(), and collects what views and
// listeners are told after the commit. One modseq an operation. Private to the room.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"
#include "store/ChangeFeed.h"
#include "store/Mailbox.h"
#include "store/ViewBuilder.h"

namespace mox::store {

class Db;

/// Thrown inside an operation to undo it and give the caller a value.
struct Refused {
  Error error;
};

/// Modseqs set aside on disk at a time for changes that ride.
inline constexpr std::int64_t modSeqsSetAside = 1 << 20;

/// Thrown where a change that would ride must be forced: none of it has happened, it is to be submitted again.
struct MustBeForced {};

/// The row of table state.
struct Counters {
  ModSeq modSeq, historyFrom;
  std::int64_t nextUidValidity = 0, nextMessage = 0, nextContent = 0, messageBytes = 0, messageCount = 0;
  ModSeq ridingTo;  ///< see SCHEMA.md
  friend bool operator==(const Counters&, const Counters&) = default;
};

/// A mailbox being changed.
struct MailboxEdit {
  MailboxRow row;
  ViewDelta delta;
  std::vector<Uid> added, changed, expunged;
  bool gone = false;

  /// Adds (sign 1) or takes away (sign -1) a message in the counts.
  void count(FlagBits flags, std::int64_t size, int sign);
  /// Takes the keywords into the mailbox's list. Refused (tooMany).
  void learn(const Keywords& keywords);
  /// Refused when the 32 bits are used up.
  Uid takeUid();
};

class Operation {
 public:
  explicit Operation(Db& db);

  /// Says that the commit may ride on the next forced one. Throws MustBeForced if `forced` is false and the modseq this
  /// takes has not been set aside on disk; sets some aside if `forced`.
  void ride(bool forced);

  Db& db() { return db_; }
  Counters& counters() { return counters_; }
  /// This operation's modseq: taken on first use.
  ModSeq modSeq();
  UidValidity takeUidValidity();
  /// Refused (notFound).
  MailboxEdit& mailbox(MailboxId id);
  MailboxEdit* find(std::string_view name);
  /// A mailbox that was just inserted.
  MailboxEdit& insert(const MailboxRow& row);
  void erase(MailboxId id);
  Change& tell(Change::Kind kind, MailboxId mailbox, std::string name = {});
  /// A body file whose last message has gone.
  void free(std::int64_t file) { freed_.push_back(file); }
  /// Neither the sum of sizes nor the number of messages may grow past these (negative: no limit). Refused (overQuota).
  void checkQuota(std::int64_t bytes, std::int64_t messages) const;
  /// Writes back what changed.
  void finish();

  std::vector<ViewDelta> takeDeltas();
  Changes takeChanges();
  const std::vector<std::int64_t>& freed() const { return freed_; }

 private:
  void finish(MailboxEdit& edit);
  Db& db_;
  Counters counters_, loaded_;
  ModSeq modSeq_;
  std::map<MailboxId, MailboxEdit> mailboxes_;
  std::vector<Change> changes_;
  std::vector<std::int64_t> freed_;
};

}  // namespace mox::store
