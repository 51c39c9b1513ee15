// Selected: the mailbox a session has open, as its client knows it.
//
// Sequence numbers are positions in view(), which only sync() moves on: between two syncs nothing shifts under a
// client, whatever other sessions do (RFC 9051 §7.5.1, RFC 2180). What is true now is in current().
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imap/NumberSet.h"
#include "store/Account.h"

namespace mox::imapserver {

class Selected {
 public:
  Selected(std::shared_ptr<store::Account> account, store::View view, bool readOnly);

  MailboxId mailbox() const { return view_->mailbox(); }
  bool isReadOnly() const { return readOnly_; }
  const store::MailboxView& view() const { return *view_; }
  store::View held() const { return view_; }
  /// The mailbox as it is now; null if it was deleted.
  store::View current() const { return account_->snapshot(mailbox()); }

  /// For REPLACE: the new message is told before the old one leaves.
  enum class Order { removedFirst, addedFirst };
  /// Moves view() on and tells the client: EXPUNGE, EXISTS, FETCH of changed flags.
  void sync(std::string& out, bool condstore, Order order = Order::removedFirst);
  /// Calls `listener` for changes of this mailbox until quiet().
  void listen(store::ChangeFeed::Listener listener) { subscription_ = account_->feed().subscribe(mailbox(), std::move(listener)); }
  void quiet() { subscription_ = {}; }
  /// The client has been told, or knows, what this change of its own did: sync() says nothing of it.
  void told(ModSeq own) { own_.push_back(own); }

  /// UIDs of the messages a client means, ascending. Numbers beyond the end: of UIDs skipped, of sequence numbers
  /// an error (nothing), RFC 9051 §9 seq-number.
  std::optional<std::vector<Uid>> resolve(const imap::SequenceSet& set, bool uid) const;
  /// Position plus one in view(); 0 if the client does not know the UID.
  std::uint32_t sequence(Uid uid) const;

  /// RFC 5182 `$`.
  imap::NumberSet saved;

 private:
  std::shared_ptr<store::Account> account_;
  store::View view_;
  bool readOnly_;
  std::vector<ModSeq> own_;
  store::ChangeFeed::Subscription subscription_;
};

/// "* n FETCH (UID u FLAGS (...) [MODSEQ (m)])\r\n".
void writeFlagsFetch(std::string& out, std::uint32_t sequence, const store::MailboxView& view, const store::ViewEntry& entry, bool condstore);
/// "(\Seen foo)" of an entry.
void writeEntryFlags(std::string& out, const store::MailboxView& view, const store::ViewEntry& entry);

}  // namespace mox::imapserver
