// Messages put in, changed, moved and removed inside an Operation. Private to the room.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/Clock.h"
#include "store/Message.h"
#include "store/Operation.h"

namespace mox::store {

/// Flags set and cleared when a message enters a mailbox.
struct FlagAdjustment {
  FlagBits set = 0, clear = 0;
};

/// What writing messages needs to know of the house.
struct WriteContext {
  Time now{};
  std::function<std::string(const std::string&)> organisationalDomain;
};

/// A body as it will be stored: `body` in the database, and the number of its file if it is large.
struct StoredBody {
  std::string_view body;
  std::uint64_t size = 0;
  std::optional<std::int64_t> file;
};

struct Placed {
  MessageId id;
  Uid uid;
  ThreadId thread;
};

Placed insertMessage(Operation& op, const WriteContext& context, const NewMessage& message, const StoredBody& body);
/// A second message with the same content.
Placed copyMessage(Operation& op, const WriteContext& context, const MessageRow& from, MailboxEdit& to, FlagAdjustment adjust);
/// The same message elsewhere.
Placed moveMessage(Operation& op, const WriteContext& context, const MessageRow& from, MailboxEdit& to, FlagAdjustment adjust);
/// What a change of flags needs to know of a message.
struct FlagRow {
  ViewEntry entry;  ///< without keywords
  Flags flags;
  bool follows = false;  ///< no message of the mailbox is between this and the one before it in the list
};
/// Of those that are there. `uids` ascending.
std::vector<FlagRow> loadFlags(Operation& op, MailboxId mailbox, std::span<const Uid> uids);

/// Writes new flags of messages in ascending order: one statement for a range of neighbours. flush() at the end.
class FlagsWrite {
 public:
  /// Bits become (bits & ~clear) | set. `keywords`: whether those may change.
  FlagsWrite(Operation& op, MailboxEdit& mailbox, FlagAdjustment bits, bool keywords) : op_(op), mailbox_(mailbox), bits_(bits), keywords_(keywords) {}
  /// `flags` are those of the message with the bits as said above, and may be the same as before.
  void change(const FlagRow& message, const Flags& flags);
  void flush();

 private:
  struct Range {
    Uid first, last;
    std::int64_t changed = 0;
    std::string from, to;  ///< keywords, if they may change
  };
  void note(const FlagRow& message, const Flags& flags);
  Operation& op_;
  MailboxEdit& mailbox_;
  FlagAdjustment bits_;
  bool keywords_;
  std::optional<Range> range_;
};

/// Removes the message, its content if it was the last to have it, and leaves a tombstone.
void expungeMessage(Operation& op, MailboxEdit& mailbox, const MessageRow& message);
std::optional<MessageRow> loadMessage(Operation& op, MailboxId mailbox, Uid uid);

/// "localpart@domain" lines of To, Cc and Bcc, domain in A-labels: for the recipient table once the message is in a
/// Sent mailbox. "" for null.
std::string recipientLines(const message::Parsed* parsed);

/// A reply without ids belongs to a message with its subject received within these seconds before it, or a little later.
inline constexpr std::int64_t threadSubjectBefore = std::chrono::seconds(std::chrono::hours(24 * 28)).count();
inline constexpr std::int64_t threadSubjectAfter = std::chrono::seconds(std::chrono::hours(24)).count();

/// Where a message belongs, store.md §8.
struct ThreadPlace {
  ThreadId thread;  ///< 0: it starts one
  MessageId parent;
  bool muted = false;
};
ThreadPlace findThread(Db& db, const NewMessage& message);

}  // namespace mox::store
