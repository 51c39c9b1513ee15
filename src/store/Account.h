// Account: one person's mail, in one SQLite database (index and bodies up to 256 KB) and files for larger bodies.
//
// Writing: every method that changes something returns after its commit is durable, except setFlags(), whose changes
// are on disk with the next commit of another kind or after upkeepInterval; several threads' changes share one commit
// (GroupCommit). "250", "OK" and the like may be said when the method has returned, not before.
// Reading: reader() gives a consistent look on a connection of its own; snapshot() the shared view of a mailbox.
// Changes are told through feed().
//
// Any thread may call anything. No lock is held across file or network I/O, but a writer may wait for the commit.
// Errors: Result for what a client can cause; DatabaseError and FileError for the machine. A method that throws
// has changed nothing.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/Clock.h"
#include "base/Log.h"
#include "base/Metrics.h"
#include "base/Random.h"
#include "base/Result.h"
#include "store/Backup.h"
#include "store/ChangeFeed.h"
#include "store/Files.h"
#include "store/Mailbox.h"
#include "store/MailboxNames.h"
#include "store/MailboxView.h"
#include "store/Message.h"
#include "store/Passwords.h"
#include "store/Reader.h"

namespace mox::store {

class GroupCommit;

// How long the account remembers what was expunged, for clients that come back (RFC 7162 §3.2.5.2); whichever is less.
// A client that was away longer gets the UIDs of all that is gone, which costs more and loses nothing.
inline constexpr Duration historyAge = std::chrono::hours(24 * 180);
inline constexpr std::int64_t historyTombstones = 200'000;
/// How often upkeep looks.
inline constexpr Duration historyInterval = std::chrono::hours(24);

/// What an account needs of the house; all outlive it.
struct Environment {
  Files* files = nullptr;
  const Clock* clock = nullptr;
  Random* random = nullptr;
  Log log;
  const char* vfs = nullptr;  ///< for fault tests
  /// Organisational domain (A-labels) of a domain, by the public suffix list; the domain itself if not set.
  std::function<std::string(const std::string& domain)> organisationalDomain;
  Metrics* metrics = nullptr;  ///< null: nothing is counted
};

struct Delivered {
  MessageId id;
  MailboxId mailbox;
  Uid uid;
  ModSeq modSeq;
  ThreadId thread;
};

/// How often an import has put the same octets into a mailbox; SCHEMA.md, table imported.
struct ImportMark {
  MailboxId mailbox;
  std::string digest;
  std::int64_t count = 0;
  std::int64_t run = 0, seen = 0;
};

/// A message of another server and what an import made of it; SCHEMA.md, table imported_from.
struct ImportOrigin {
  std::int64_t source = 0;  ///< a mailbox there, as the importer numbers it; never 0
  Uid there;
  MailboxId mailbox;  ///< here
  Uid uid;
  ModSeq modSeq;  ///< of the import; with a higher one it was changed here
  Flags flags;    ///< as they were there
};

struct DeliverOptions {
  /// Sum of message sizes the account may hold, octets; negative is no limit.
  std::int64_t quota = -1;
  /// Expunged in the same commit: REPLACE (RFC 8508), and rejects that were delivered after all.
  MailboxId expungeFrom;
  std::vector<Uid> expunge;
  bool expungeMustExist = false;  ///< Errc::conflict, and nothing is stored, if one of them is not there
  /// Messages the account may hold; negative is no limit.
  std::int64_t quotaMessages = -1;
  /// Written in the same commit; messages need not come with them.
  std::vector<ImportMark> imported;
  /// Where the messages came from, as many as there are messages or none; `source` 0 for those of which nothing is kept.
  /// What they are here is filled in.
  std::vector<ImportOrigin> origins;
};

struct FlagChange {
  enum class Mode { replace, add, remove };
  Mode mode = Mode::replace;
  Flags flags;
  /// Messages with a higher modseq are left alone and listed, RFC 7162 §3.1.3.
  std::optional<ModSeq> unchangedSince;
  /// What the caller knows of: messages that others had changed after this come back in FlagsSet::overtaken.
  std::optional<ModSeq> known = {};
};

struct FlagsSet {
  ModSeq modSeq;              ///< of this change; 0 if nothing changed
  std::vector<Uid> changed;   ///< ascending
  std::vector<Uid> modified;  ///< failed unchangedSince, ascending
  std::vector<std::pair<Uid, ModSeq>> overtaken;  ///< of `changed`, with the modseq they had, beyond FlagChange::known
};

struct CopyOptions {
  /// As DeliverOptions::quota; a move takes no room.
  std::int64_t quota = -1;
  /// Changed on the way: $Junk and $NotJunk by destination (imap.md §5). Masks of imap::Flag.
  FlagBits setFlags = 0, clearFlags = 0;
  /// As DeliverOptions::quotaMessages.
  std::int64_t quotaMessages = -1;
};

/// COPYUID: from[i] became to[i].
struct Copied {
  MailboxId destination;
  UidValidity uidValidity;
  std::vector<Uid> from, to;
  ModSeq modSeq;
};

struct Expunged {
  std::vector<Uid> uids;  ///< ascending, those that were there
  ModSeq modSeq;          ///< 0 if nothing was there
  ModSeq before;          ///< HIGHESTMODSEQ of the mailbox until then
};

struct MailboxesMade {
  std::vector<MailboxRow> created;  ///< parents first
  std::vector<std::pair<std::string, std::string>> renamed;  ///< old and new names, children after their parent
  ModSeq modSeq;
};

class Account {
 public:
  /// Opens or creates `directory`/account.db, finishes what a crash interrupted. Throws if it cannot be used.
  /// Accounts does this; tests may.
  Account(std::string name, std::string directory, std::string spoolDirectory, Environment environment);
  ~Account();
  Account(const Account&) = delete;
  Account& operator=(const Account&) = delete;

  const std::string& name() const;
  Reader reader() const;
  /// As reader() would find it, without reading while mailboxes stay as they are.
  std::optional<MailboxKey> findMailbox(const std::string& name);
  ChangeFeed& feed();

  // Mailboxes ---------------------------------------------------------------------------------------------
  /// Creates those that are missing, subscribed; the special use goes to the one named. For new accounts.
  void ensureMailboxes(const std::vector<std::pair<std::string, SpecialUses>>& mailboxes);
  /// Creates the mailbox and missing parents, subscribed. Errc::exists. Special uses are taken from others.
  Result<MailboxesMade> createMailbox(const std::string& name, SpecialUses uses = 0);
  /// Errc::notFound; conflict if it has children; denied for Inbox.
  Result<ModSeq> deleteMailbox(const std::string& name);
  /// With its children; Inbox: its messages move to a new mailbox (imap.md §4). notFound, exists, syntax.
  Result<MailboxesMade> renameMailbox(const std::string& from, const std::string& to);
  /// Any valid name.
  Result<ModSeq> subscribe(const std::string& name);
  /// notFound if neither subscribed nor existing.
  Result<ModSeq> unsubscribe(const std::string& name);
  Result<ModSeq> setSpecialUse(MailboxId mailbox, SpecialUses uses);
  /// All or nothing. `mailbox` 0: the server's. tooMany (annotationEntries), tooLong (annotationBytes), notFound.
  /// The modseq of the change, 0 if nothing changed.
  Result<ModSeq> setAnnotations(MailboxId mailbox, const std::vector<AnnotationChange>& changes);

  // Messages ----------------------------------------------------------------------------------------------
  /// All or none, in order: one commit. overQuota, notFound (a mailbox is gone), conflict.
  Result<std::vector<Delivered>> deliver(std::vector<NewMessage> messages, const DeliverOptions& options = {});
  /// Only real changes count. Unknown UIDs are skipped. notFound, tooMany (keywords). A power cut in the next second
  /// may undo it; its modseq then never means anything else.
  Result<FlagsSet> setFlags(MailboxId mailbox, const std::vector<Uid>& uids, const FlagChange& change);
  /// Bodies are shared. notFound, overQuota, conflict if source is destination.
  Result<Copied> copy(MailboxId from, const std::vector<Uid>& uids, MailboxId to, const CopyOptions& options = {});
  /// The messages keep their id and content, get new UIDs.
  Result<Copied> move(MailboxId from, const std::vector<Uid>& uids, MailboxId to, const CopyOptions& options = {});
  /// `onlyDeleted`: those with \Deleted at the moment of the commit (EXPUNGE); else all of them.
  Result<Expunged> expunge(MailboxId mailbox, const std::vector<Uid>& uids, bool onlyDeleted);
  /// All with \Deleted and a UID below `end`: what EXPUNGE of a session does that has been told of UIDs up to there.
  Result<Expunged> expungeDeleted(MailboxId mailbox, Uid end);
  /// The mailbox as it is now, shared. Null if there is no such mailbox.
  View snapshot(MailboxId mailbox);
  /// RFC 3501 §2.3.2: messages with this UID or a higher one were told to no session as new; 1 if the mailbox is gone.
  Uid recentFrom(MailboxId mailbox);
  /// The same, and no session is told of messages below `end` any more. Kept in memory and written with the account's next
  /// commit, so that SELECT forces nothing to disk; after a crash in between messages are recent once more.
  Uid takeRecent(MailboxId mailbox, Uid end);
  /// New messages of a muted thread arrive \Seen.
  void setThreadMuted(ThreadId thread, bool muted);

  /// Writes what changed of origins, and forgets others, in one commit.
  void updateOrigins(const std::vector<ImportOrigin>& changed, const std::vector<ImportOrigin>& gone);
  void forgetOrigins(std::int64_t source);
  /// Held by an import; null while another holds it. Two imports at a time would miscount each other's messages.
  std::shared_ptr<void> beginImport();

  // Outgoing ----------------------------------------------------------------------------------------------
  enum class OutgoingLimit { messages, firstTimeRecipients };
  struct OutgoingLimits {
    std::int64_t messages = 0;             ///< recipients since `since`
    std::int64_t firstTimeRecipients = 0;  ///< of them never written to before
  };
  /// Room within the limits for one submission, taken until it is kept or given back. The account outlives it.
  class OutgoingRoom {
   public:
    OutgoingRoom(Account& account, std::uint64_t ticket) : account_(&account), ticket_(ticket) {}
    OutgoingRoom(OutgoingRoom&& other) noexcept : account_(std::exchange(other.account_, nullptr)), ticket_(other.ticket_) {}
    OutgoingRoom& operator=(OutgoingRoom&&) = delete;
    /// Gives back what was not kept.
    ~OutgoingRoom();
    /// The message is in the queue. Counts at once, even if this throws, and is on disk a second later (maintain()): a crash
    /// may forget what was sent in the last moment.
    void keep();

   private:
    Account* account_;
    std::uint64_t ticket_;
  };
  /// Takes room for these recipients, or tells which limit leaves none. One step: many at once get no more than the limit.
  tl::expected<OutgoingRoom, OutgoingLimit> reserveOutgoing(const std::vector<Mailbox>& recipients, Time when, Time since, const OutgoingLimits& limits);
  /// The same without limits, and kept.
  void addOutgoing(const std::vector<Mailbox>& recipients, Time when);
  struct OutgoingUse {
    std::int64_t messages = 0;         ///< recipients since `since`
    std::int64_t firstTimeRecipients = 0;  ///< of them (and of those asked about) never written to before
  };
  /// Whether the account ever wrote to the address.
  bool hasWrittenTo(const Address& address);
  /// Counts as if `recipients` were added now.
  OutgoingUse outgoingUse(Time since, const std::vector<Mailbox>& recipients);
  /// Forgets outgoing entries before `before`.
  void pruneOutgoing(Time before);

  // Secrets and settings ----------------------------------------------------------------------------------
  /// `source` tells where it came from, such as a digest of a file; "" if a person set it.
  void setPassword(const PasswordSecrets& secrets, const std::string& source = "");
  /// What setPassword() was told last.
  std::string passwordSource() const;
  /// Secrets that were not known with the hash; nothing happens if that is not the hash any more.
  void addSaslSecrets(const std::string& hash, const sasl::PasswordSecrets& secrets);
  /// Nothing if none was set.
  std::optional<PasswordSecrets> password() const;
  void setSetting(std::string_view key, const std::optional<std::string>& value);

  // Upkeep ------------------------------------------------------------------------------------------------
  /// Background work: force flag changes, checkpoint, unlink bodies of expunged messages, give back space, overcome failed fsyncs. Cheap if
  /// there is none.
  void maintain();
  /// One bounded round of work on the full-text index (SearchIndex.h); true if there is more to do at once. None while
  /// the WAL is long. For a background thread; `hurry`: new messages are not waited for to come together.
  bool updateSearch(bool hurry = false);
  /// Throws the full-text index away; updateSearch() makes it anew.
  void resetSearch();
  struct SearchProgress {
    std::int64_t done = 0, all = 0;  ///< contents ever stored, and up to which of them the index has looked
  };
  SearchProgress searchProgress() const;
  /// What SQLite finds wrong with the index, one line each: a warning at most, as it can be made anew.
  std::vector<std::string> checkSearch() const;
  /// Forgets expunge history up to this modseq; clients older than that get everything (RFC 7162 §3.2.5.2).
  void pruneHistory(ModSeq upTo);
  /// The same by the limits above; maintain() does it once in a historyInterval. Tests give a smaller `tombstones`.
  void pruneOldHistory(std::int64_t tombstones = historyTombstones);
  /// Consistent copy of the database, and links of the body files, while the account is in use; Backup.h. A directory
  /// with an earlier copy becomes like a new one. A body file that is missing is named among what lacks, and does not keep
  /// the others from being copied; an earlier copy of it stays.
  BackupCounts backup(const std::string& directory);
  /// For the writer's statistics: tests and benchmarks.
  const GroupCommit& writer() const;
  const std::string& directory() const;

 private:
  friend class Reader;
  friend class Repair;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
