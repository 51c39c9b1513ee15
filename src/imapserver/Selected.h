// Selected: the mailbox a session has open, as its client knows it.
//
// Sequence numbers are positions in view(), which only sync() moves on: between two syncs nothing shifts under a
// client, whatever other sessions do (RFC 9051 §7.5.1, RFC 2180). What is true now is in current(). Views are shared by
// all sessions, so a session keeps nothing that grows with its mailbox.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imap/NumberSet.h"
#include "store/Account.h"

namespace mox::imapserver {

/// How a session is told of messages: what it has enabled.
struct TellMode {
  bool modSeq = false;    ///< MODSEQ goes with flags, RFC 7162 §3.1
  bool vanished = false;  ///< VANISHED instead of EXPUNGE, RFC 7162 §3.2.10
  bool uidOnly = false;   ///< UIDFETCH instead of FETCH, RFC 9586 §3
  bool recent = false;    ///< RECENT and \Recent, RFC 3501 §2.3.2
  bool flags = true;      ///< changes of flags are told at all: NOTIFY may say no
};

class SearchUpdates;

class Selected {
 public:
  Selected(std::shared_ptr<store::Account> account, store::View view, bool readOnly);

  MailboxId mailbox() const { return view_->mailbox(); }
  bool isReadOnly() const { return readOnly_; }
  const store::MailboxView& view() const { return *view_; }
  store::View held() const { return view_; }
  /// The mailbox as it is now; null if it was deleted.
  store::View current() const { return account_->snapshot(mailbox()); }

  /// RFC 3501 §2.3.2: the messages this session is told of first, unless it looks only (EXAMINE). rev2 clients know of
  /// none and take none.
  bool isRecent(Uid uid) const { return recent_.contains(uid.value); }
  const imap::NumberSet& recent() const { return recent_; }
  /// How many there are, for the client's ears.
  std::size_t tellRecent() { return toldRecent_ = count(recent_); }
  /// What is in view() from `from` on becomes recent, as far as nobody else was told of it. SELECT says 1.
  void takeRecent(Uid from);

  /// Moves view() on and tells the client: EXISTS, EXPUNGE, FETCH of changed flags. New messages come first, so that the
  /// one REPLACE has made is there before the one it replaces goes (RFC 8508 §3.4).
  void sync(std::string& out, const TellMode& tell);
  /// Calls `listener` for changes of this mailbox until quiet().
  void listen(store::ChangeFeed::Listener listener) { subscription_ = account_->feed().subscribe(mailbox(), std::move(listener)); }
  void quiet() { subscription_ = {}; }
  /// The client has been told, or knows, what this change of its own did: sync() says nothing of it.
  void told(ModSeq own) { own_.insert(std::upper_bound(own_.begin(), own_.end(), own), own); }
  /// The change is of this client and view() does not have it yet.
  bool isOwn(ModSeq change) const { return std::binary_search(own_.begin(), own_.end(), change); }
  /// Up to here the client has heard of all changes, its own not counted. What a client resynchronises from (RFC 7162
  /// §3.2.5) must not be beyond it: NOTIFY may keep changes of flags from it.
  ModSeq toldModSeq() const { return withheldFrom_.value_or(view_->highestModSeq()); }
  /// The client has heard of all that is in this state of the mailbox: it is view(), but for changes of its own.
  bool knows(const store::MailboxView& state) const;

  /// UIDs of the messages a client means: those of view() whose UID is in the set. UIDs that are in no message may be in
  /// it, so its size depends on what the client wrote. A sequence number beyond the end is an error (nothing), RFC 9051
  /// §9 seq-number.
  std::optional<imap::NumberSet> resolve(const imap::SequenceSet& set, bool uid) const;
  /// How many messages of view() `uids` has.
  std::size_t count(const imap::NumberSet& uids) const;
  /// The UID from which on there are `limit` of them; they must be more.
  Uid newest(const imap::NumberSet& uids, std::size_t limit) const;
  /// The messages of view() that `uids` has, ascending.
  std::vector<Uid> list(const imap::NumberSet& uids) const;
  /// Position plus one in view(); 0 if the client does not know the UID.
  std::uint32_t sequence(Uid uid) const;

  /// RFC 5182 `$`.
  imap::NumberSet saved;
  /// RFC 5267 contexts; null while there was none.
  std::shared_ptr<SearchUpdates> updates;

 private:
  std::shared_ptr<store::Account> account_;
  store::View view_;
  bool readOnly_;
  std::vector<ModSeq> own_;  ///< ascending; nearly always its end is what comes next
  std::optional<ModSeq> withheldFrom_;
  /// Positions in view() of a range's messages.
  std::pair<std::size_t, std::size_t> positions(const imap::NumberRange& range) const;
  imap::NumberSet recent_;
  std::size_t toldRecent_ = 0;
  store::ChangeFeed::Subscription subscription_;
};

/// Walks the messages a client means in UID order, with what it calls them and what they are now. Memory does not depend
/// on how many there are.
class MessageWalk {
 public:
  /// `known`: the client's view; `now`: the mailbox as it is, null if it was deleted.
  MessageWalk(store::View known, store::View now, imap::NumberSet uids);

  struct Step {
    std::uint32_t sequence = 0;
    Uid uid;
    const store::ViewEntry* entry = nullptr;  ///< in `now`; null if the message is gone
  };
  /// Nothing at the end.
  std::optional<Step> next();
  const store::View& now() const { return now_; }

 private:
  void seek();
  store::View known_, now_;
  imap::NumberSet uids_;
  std::size_t range_ = 0;                 ///< of uids_
  std::size_t chunk_ = 0, at_ = 0, index_ = 0;  ///< in known_
};

/// "* n FETCH (UID u" or "* u UIDFETCH (": the start of a line about a message.
void openFetch(std::string& out, std::uint32_t sequence, Uid uid, bool uidOnly);
/// A whole line about its flags, with MODSEQ where that is wanted.
void writeFlagsFetch(std::string& out, std::uint32_t sequence, const store::MailboxView& view, const store::ViewEntry& entry, bool isRecent, const TellMode& tell);
/// "(\Seen foo)" of an entry.
void writeEntryFlags(std::string& out, const store::MailboxView& view, const store::ViewEntry& entry, bool isRecent);

}  // namespace mox::imapserver
