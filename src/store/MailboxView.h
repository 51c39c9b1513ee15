// MailboxView: what a mailbox looked like at one moment. Immutable, shared by all sessions on that mailbox;
// a session's sequence numbers are positions in the view it holds, so nothing moves under it.
//
// Entries sit in chunks of viewChunk that versions share: a change copies one chunk and the chunk table.
// Any thread may read; no lock is needed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Strong.h"
#include "store/Flags.h"

namespace mox::store {

inline constexpr std::size_t viewChunk = 1'024;

struct ViewEntry {
  Uid uid;
  FlagBits flags = 0;
  std::uint32_t keywords = 0;  ///< MailboxView::keywords(this)
  std::uint32_t size = 0;      ///< RFC822.SIZE, octets; deliver() refuses more than fits
  MessageId message;
  ContentId content;
  ModSeq modSeq;
  std::int64_t received = 0;  ///< INTERNALDATE, seconds since 1970
  friend bool operator==(const ViewEntry&, const ViewEntry&) = default;
};

class MailboxView {
 public:
  using Chunk = std::vector<ViewEntry>;

  MailboxId mailbox() const { return mailbox_; }
  UidValidity uidValidity() const { return uidValidity_; }
  Uid uidNext() const { return uidNext_; }
  ModSeq highestModSeq() const { return highestModSeq_; }
  /// All keywords ever used in the mailbox, sorted.
  const Keywords& mailboxKeywords() const { return *mailboxKeywords_; }

  std::size_t size() const { return starts_.empty() ? 0 : starts_.back(); }
  /// `index` from 0: sequence number minus one. O(log chunks).
  const ViewEntry& at(std::size_t index) const;
  /// Position of the UID.
  std::optional<std::size_t> indexOf(Uid uid) const;
  /// Position of the first entry with a UID not below `uid`; size() if there is none.
  std::size_t lowerBound(Uid uid) const { return place(uid).index; }
  struct Place {
    std::size_t chunk = 0, at = 0;  ///< entry `at` of chunks()[chunk]; the number of chunks if there is none
    std::size_t index = 0;
  };
  /// lowerBound() for who walks the chunks.
  Place place(Uid uid) const;
  const Keywords& keywords(const ViewEntry& entry) const { return *keywordSets_[entry.keywords]; }
  /// In UID order.
  template <class F>
  void forEach(F&& f) const {
    for (const auto& chunk : chunks_)
      for (const auto& entry : *chunk) f(entry);
  }

  /// The pieces versions share; none empty.
  const std::vector<std::shared_ptr<const Chunk>>& chunks() const { return chunks_; }
  /// The same mailbox without messages: what is left when it was deleted.
  std::shared_ptr<const MailboxView> emptied() const {
    auto copy = std::make_shared<MailboxView>(*this);
    copy->chunks_.clear();
    copy->starts_.clear();
    return copy;
  }

 private:
  friend class ViewBuilder;
  MailboxId mailbox_;
  UidValidity uidValidity_;
  Uid uidNext_;
  ModSeq highestModSeq_;
  std::shared_ptr<const Keywords> mailboxKeywords_;
  std::vector<std::shared_ptr<const Chunk>> chunks_;                ///< none empty
  std::vector<std::size_t> starts_;                                 ///< entries up to and including chunk i
  std::vector<std::shared_ptr<const Keywords>> keywordSets_;        ///< [0] is empty
  std::shared_ptr<const int> interest_;                             ///< counts who holds any version
};

using View = std::shared_ptr<const MailboxView>;

}  // namespace mox::store
