#include "store/ViewDiff.h"

namespace mox::store {

namespace {

/// Walks the entries of a view, able to skip whole chunks.
class Cursor {
 public:
  explicit Cursor(const MailboxView& view) : chunks_(view.chunks()) {}
  bool done() const { return chunk_ == chunks_.size(); }
  const ViewEntry& entry() const { return (*chunks_[chunk_])[at_]; }
  std::size_t index() const { return index_; }
  /// The chunk, if the cursor stands at its start.
  const MailboxView::Chunk* whole() const { return at_ == 0 ? chunks_[chunk_].get() : nullptr; }
  void next() {
    ++index_;
    if (++at_ == chunks_[chunk_]->size()) {
      at_ = 0;
      ++chunk_;
    }
  }
  void skipChunk() {
    index_ += chunks_[chunk_]->size();
    ++chunk_;
  }

 private:
  const std::vector<std::shared_ptr<const MailboxView::Chunk>>& chunks_;
  std::size_t chunk_ = 0, at_ = 0, index_ = 0;
};

}  // namespace

ViewDiff difference(const MailboxView& older, const MailboxView& newer) {
  ViewDiff diff;
  Cursor from(older), to(newer);
  while (!from.done() && !to.done()) {
    if (from.whole() != nullptr && from.whole() == to.whole()) {
      from.skipChunk();
      to.skipChunk();
    } else if (from.entry().uid == to.entry().uid) {
      if (from.entry().modSeq != to.entry().modSeq) diff.changed.push_back(to.index());
      from.next();
      to.next();
    } else {  // UIDs only grow, so what the newer view lacks is gone
      diff.removed.push_back({from.index(), from.entry().uid});
      from.next();
    }
  }
  for (; !from.done(); from.next()) diff.removed.push_back({from.index(), from.entry().uid});
  diff.added = newer.size() - to.index();
  return diff;
}

}  // namespace mox::store
