// Mailboxes: names, counts, special uses.
//
// Names are UTF-8 NFC with "/" between levels, already normalised by imap::MailboxName ("Inbox" spelled so).
// The store checks again what would break its own rules (checkMailboxName).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Limits.h"
#include "base/Result.h"
#include "base/Strong.h"
#include "store/Flags.h"

namespace mox::store {

/// RFC 6154 §2, RFC 8457 §3. Bits, values are on disk.
enum SpecialUse : std::uint8_t { archiveUse = 1, draftsUse = 2, junkUse = 4, sentUse = 8, trashUse = 16, importantUse = 32 };
using SpecialUses = std::uint8_t;

// Of an account. Met by Errc::tooMany, and counted by who asked: the store knows nobody to tell.
inline constexpr Limit mailboxLimit{"mailboxes", 10'000, "mailboxes"};
inline constexpr Limit subscriptionLimit{"subscriptions", 20'000, "subscriptions"};

// METADATA of an account, the server's and all mailboxes' together: RFC 5464 §4.1 lets a server bound them.
inline constexpr Limit annotationEntries{"annotation-entries", 1'000, "entries"};
inline constexpr Limit annotationBytes{"annotation-bytes", 1'000'000, "bytes"};  ///< keys and values

struct MailboxCounts {
  std::int64_t total = 0, deleted = 0, unseen = 0;
  std::int64_t unread = 0;  ///< neither \Seen nor \Deleted
  std::int64_t size = 0;    ///< octets
  std::int64_t deletedSize = 0;  ///< octets of those with \Deleted
  friend bool operator==(const MailboxCounts&, const MailboxCounts&) = default;
};

struct MailboxRow {
  MailboxId id;
  std::string name;
  UidValidity uidValidity;
  Uid uidNext;
  ModSeq createSeq, modSeq;  ///< modSeq is HIGHESTMODSEQ, RFC 7162 §3.1.2.1
  SpecialUses uses = 0;
  MailboxCounts counts;
  Keywords keywords;
  bool subscribed = false;
  bool hasChildren = false;
};

/// Fails for an empty name or component, ".", "..", a leading "#", controls, U+2028/2029, invalid or non-NFC
/// UTF-8, a spelling of Inbox other than "Inbox" as the first component, and names too long.
Result<void> checkMailboxName(std::string_view name);
/// "a/b" of "a/b/c"; "" at the top.
std::string_view parentName(std::string_view name);
/// True if `name` is below `ancestor` (not if it is the same).
bool isBelow(std::string_view name, std::string_view ancestor);

struct Annotation {
  MailboxId mailbox;  ///< 0 is the server's
  std::string key;    ///< lower case
  std::string value;
  bool isString = true;  ///< else it came as literal8
  ModSeq modSeq;
};

/// No value deletes the entry.
struct AnnotationChange {
  std::string key;  ///< lower case
  std::optional<std::string> value;
  bool isString = true;
};

/// Of all annotations of an account: see annotationEntries and annotationBytes.
struct AnnotationUse {
  std::int64_t entries = 0, bytes = 0;
};

}  // namespace mox::store
