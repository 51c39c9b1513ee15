#include "store/MailboxView.h"

#include <algorithm>
#include <limits>

#include "store/Db.h"
#include "store/ViewBuilder.h"
#include "store/ViewPack.h"

namespace mox::store {

namespace {

bool beforeUid(const ViewEntry& entry, Uid uid) { return entry.uid < uid; }

}  // namespace

// MailboxView --------------------------------------------------------------------------------------------------

const ViewEntry& MailboxView::at(std::size_t index) const {
  auto chunk = static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), index) - starts_.begin());
  return (*chunks_.at(chunk))[index - (chunk == 0 ? 0 : starts_[chunk - 1])];
}

MailboxView::Place MailboxView::place(Uid uid) const {
  auto found = std::partition_point(chunks_.begin(), chunks_.end(), [&](const auto& chunk) { return chunk->back().uid < uid; });
  auto chunk = static_cast<std::size_t>(found - chunks_.begin());
  if (found == chunks_.end()) return {chunk, 0, size()};
  auto at = static_cast<std::size_t>(std::lower_bound((*found)->begin(), (*found)->end(), uid, beforeUid) - (*found)->begin());
  return {chunk, at, (chunk == 0 ? 0 : starts_[chunk - 1]) + at};
}

std::optional<std::size_t> MailboxView::indexOf(Uid uid) const {
  auto index = lowerBound(uid);
  if (index == size() || at(index).uid != uid) return std::nullopt;
  return index;
}

ViewEntry readEntry(const Stmt& row, ModSeq floor) {
  ViewEntry entry;
  entry.uid = row.id<Uid>(0);
  entry.flags = static_cast<FlagBits>(row.int64(1));
  entry.modSeq = std::max(floor, row.id<ModSeq>(2));
  entry.size = static_cast<std::uint32_t>(row.int64(3));
  entry.received = row.int64(4);
  entry.message = row.id<MessageId>(6);
  entry.content = row.id<ContentId>(7);
  return entry;
}

// ViewBuilder --------------------------------------------------------------------------------------------------

std::uint32_t ViewBuilder::keywordSet(std::string_view text) {
  if (text.empty()) return 0;
  if (!setsKnown_) {
    for (std::uint32_t i = 0; i < view_->keywordSets_.size(); ++i) sets_.emplace(joinKeywords(*view_->keywordSets_[i]), i);
    setsKnown_ = true;
  }
  if (auto found = sets_.find(text); found != sets_.end()) return found->second;
  auto index = static_cast<std::uint32_t>(view_->keywordSets_.size());
  view_->keywordSets_.push_back(std::make_shared<const Keywords>(splitKeywords(text)));
  sets_.emplace(text, index);
  return index;
}

MailboxView::Chunk& ViewBuilder::own(std::size_t chunk) {
  auto& mine = owned_[chunk];
  if (!mine) {
    mine = std::make_shared<MailboxView::Chunk>(*view_->chunks_[chunk]);
    view_->chunks_[chunk] = mine;
  }
  return *mine;
}

std::size_t ViewBuilder::chunkOf(Uid uid) const {
  // Not chunk->back().uid: chunks being emptied by remove() have none.
  auto found = std::partition_point(view_->chunks_.begin(), view_->chunks_.end(),
                                    [&](const auto& chunk) { return chunk->back().uid < uid; });
  return static_cast<std::size_t>(found - view_->chunks_.begin());
}

void ViewBuilder::add(const DeltaEntry& added) {
  if (view_->chunks_.empty() || view_->chunks_.back()->size() >= viewChunk) {
    auto chunk = std::make_shared<MailboxView::Chunk>();
    view_->chunks_.push_back(chunk);
    owned_[view_->chunks_.size() - 1] = chunk;
  }
  auto& chunk = own(view_->chunks_.size() - 1);
  chunk.push_back(added.entry);
  chunk.back().keywords = keywordSet(added.keywords);
}

void ViewBuilder::change(const std::vector<DeltaEntry>& changed) {
  for (const auto& delta : changed) {
    auto index = chunkOf(delta.entry.uid);
    if (index == view_->chunks_.size()) continue;
    auto& chunk = own(index);
    auto entry = std::lower_bound(chunk.begin(), chunk.end(), delta.entry.uid, beforeUid);
    if (entry == chunk.end() || entry->uid != delta.entry.uid) continue;
    *entry = delta.entry;
    entry->keywords = keywordSet(delta.keywords);
  }
}

void ViewBuilder::remove(const std::vector<Uid>& removed) {
  // Chunk by chunk, each filtered once; then the empty ones go.
  for (auto next = removed.begin(); next != removed.end();) {
    auto index = chunkOf(*next);
    if (index == view_->chunks_.size()) break;
    auto last = view_->chunks_[index]->back().uid;
    auto end = std::upper_bound(next, removed.end(), last);
    auto kept = std::make_shared<MailboxView::Chunk>();
    kept->reserve(view_->chunks_[index]->size());
    for (const auto& entry : *view_->chunks_[index])
      if (!std::binary_search(next, end, entry.uid)) kept->push_back(entry);
    owned_.erase(index);
    if (kept->empty()) {
      view_->chunks_.erase(view_->chunks_.begin() + static_cast<std::ptrdiff_t>(index));
      owned_.clear();  // positions have moved; a chunk touched again is copied again
    } else {
      view_->chunks_[index] = std::move(kept);
    }
    next = end;
  }
}

void ViewBuilder::finish() {
  view_->starts_.clear();
  view_->starts_.reserve(view_->chunks_.size());
  std::size_t total = 0;
  for (const auto& chunk : view_->chunks_) view_->starts_.push_back(total += chunk->size());
}

View ViewBuilder::next(const View& view, const ViewDelta& delta) {
  if (delta.modSeq <= view->highestModSeq()) return view;
  ViewBuilder builder(std::make_shared<MailboxView>(*view));
  auto& made = *builder.view_;
  made.highestModSeq_ = delta.modSeq;
  made.uidNext_ = std::max(made.uidNext_, delta.uidNext);
  if (delta.mailboxKeywords) made.mailboxKeywords_ = std::make_shared<const Keywords>(*delta.mailboxKeywords);
  builder.change(delta.changed);
  builder.remove(delta.removed);
  for (const auto& entry : delta.added) builder.add(entry);
  builder.finish();
  return builder.view_;
}

void ViewBuilder::addLoaded(const ViewEntry& entry) {
  if (!filling_ || filling_->size() == viewChunk) {
    filling_ = std::make_shared<MailboxView::Chunk>();
    filling_->reserve(viewChunk);
    view_->chunks_.push_back(filling_);
  }
  filling_->push_back(entry);
}

bool ViewBuilder::addRows(Db& db, Uid from, Uid end) {
  auto row = db.prepare("SELECT uid, flags, modseq, size, received, keywords, message, content FROM view_entry "
                        "WHERE mailbox=? AND uid>=? AND uid<? ORDER BY uid");
  row.bind(view_->mailbox_).bind(from).bind(end);
  bool packable = false;
  std::size_t inPart = 0;
  for (auto part = partOf(from); row.step();) {
    auto entry = readEntry(row, floor_);
    entry.keywords = keywordSet(row.bytes(5));
    addLoaded(entry);
    inPart = part == partOf(entry.uid) ? inPart + 1 : 1;
    part = partOf(entry.uid);
    packable = packable || (inPart == packWorthwhile && part < partOf(view_->uidNext_));
  }
  return packable;
}

ViewBuilder::Loaded ViewBuilder::load(Db& db, const MailboxRow& mailbox, std::shared_ptr<const int> interest) {
  auto view = std::make_shared<MailboxView>();
  view->mailbox_ = mailbox.id;
  view->uidValidity_ = mailbox.uidValidity;
  view->uidNext_ = mailbox.uidNext;
  view->highestModSeq_ = mailbox.modSeq;
  view->mailboxKeywords_ = std::make_shared<const Keywords>(mailbox.keywords);
  view->keywordSets_.push_back(std::make_shared<const Keywords>());
  view->interest_ = std::move(interest);
  ViewBuilder builder(view);
  builder.floor_ = ModSeq(db.scalar("SELECT modseq_floor FROM state"));
  Loaded loaded{view};
  Uid from(1);
  auto addRowsTo = [&](Uid end) { loaded.packable = builder.addRows(db, from, end) || loaded.packable; };
  std::vector<ViewEntry> entries;
  entries.reserve(viewPart);
  auto row = db.prepare("SELECT part, entries FROM view_pack WHERE mailbox=? ORDER BY part");
  row.bind(mailbox.id);
  while (row.step()) {
    auto part = static_cast<std::uint32_t>(row.int64(0));
    if (part < partOf(from) || part >= partOf(view->uidNext_)) continue;
    entries.clear();
    bool good = unpackEntries(row.bytes(1), [&](std::string_view text) { return builder.keywordSet(text); }, entries);
    if (!good || entries.empty() || partOf(entries.front().uid) != part || partOf(entries.back().uid) != part) continue;  // the rows say it
    if (from < firstOf(part)) addRowsTo(firstOf(part));
    for (auto& entry : entries) {
      entry.modSeq = std::max(builder.floor_, entry.modSeq);
      builder.addLoaded(entry);
    }
    from = firstOf(part + 1);
  }
  addRowsTo(Uid(std::numeric_limits<std::uint32_t>::max()));
  builder.finish();
  return loaded;
}

}  // namespace mox::store
