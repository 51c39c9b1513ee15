#include "imapserver/Selected.h"

#include <utility>

#include "imap/Flags.h"
#include "imap/Output.h"
#include "store/ViewDiff.h"

namespace mox::imapserver {

void openFetch(std::string& out, std::uint32_t sequence, Uid uid, bool uidOnly) {
  if (uidOnly) out.append("* ").append(std::to_string(uid.value)).append(" UIDFETCH (");
  else out.append("* ").append(std::to_string(sequence)).append(" FETCH (UID ").append(std::to_string(uid.value));
}

void writeEntryFlags(std::string& out, const store::MailboxView& view, const store::ViewEntry& entry, bool isRecent) {
  imap::writeFlags(out, {entry.flags, view.keywords(entry)});
  if (!isRecent) return;
  out.back() = out[out.size() - 2] == '(' ? '\\' : ' ';
  out.append(out.back() == ' ' ? "\\Recent)" : "Recent)");
}

void writeFlagsFetch(std::string& out, std::uint32_t sequence, const store::MailboxView& view, const store::ViewEntry& entry, bool isRecent, const TellMode& tell) {
  openFetch(out, sequence, entry.uid, tell.uidOnly);
  out.append(tell.uidOnly ? "FLAGS " : " FLAGS ");
  writeEntryFlags(out, view, entry, isRecent);
  if (tell.modSeq) out.append(" MODSEQ (").append(std::to_string(entry.modSeq.value)).append(")");
  out.append(")\r\n");
}

Selected::Selected(std::shared_ptr<store::Account> account, store::View view, bool readOnly)
    : account_(std::move(account)), view_(std::move(view)), readOnly_(readOnly) {}

namespace {

void writeRemoved(std::string& out, const std::vector<store::Removed>& removed, bool vanished) {
  if (vanished) {
    imap::NumberSet uids;
    for (const auto& one : removed) uids.add(one.uid.value);
    return imap::writeVanished(out, uids, false);
  }
  // From the end, so that no number shifts before it is told.
  for (auto it = removed.rbegin(); it != removed.rend(); ++it) out.append("* ").append(std::to_string(it->index + 1)).append(" EXPUNGE\r\n");
}

}  // namespace

void Selected::sync(std::string& out, const TellMode& tell) {
  auto now = current();
  if (!now) now = view_->emptied();  // the mailbox was deleted: all its messages are gone
  if (now == view_) return;
  auto diff = store::difference(*view_, *now);
  auto before = std::exchange(view_, now);
  if (tell.recent && diff.added > 0) takeRecent(before->uidNext());
  if (diff.added > 0) out.append("* ").append(std::to_string(before->size() + diff.added)).append(" EXISTS\r\n");
  writeRemoved(out, diff.removed, tell.vanished);
  if (tell.recent && count(recent_) != toldRecent_) out.append("* ").append(std::to_string(tellRecent())).append(" RECENT\r\n");
  for (auto index : diff.changed) {
    const auto& entry = now->at(index);
    if (isOwn(entry.modSeq)) continue;
    if (!tell.flags) {
      if (!withheldFrom_) withheldFrom_ = before->highestModSeq();
      continue;
    }
    writeFlagsFetch(out, static_cast<std::uint32_t>(index + 1), *now, entry, tell.recent && isRecent(entry.uid), tell);
  }
  own_.clear();
}

void Selected::takeRecent(Uid from) {
  auto end = view_->uidNext();
  auto untold = readOnly_ ? account_->recentFrom(mailbox()) : account_->takeRecent(mailbox(), end);
  auto first = std::max(from, untold);
  if (first < end) recent_.addRange(first.value, end.value - 1);
}

std::pair<std::size_t, std::size_t> Selected::positions(const imap::NumberRange& range) const {
  bool isLast = range.last >= view_->uidNext().value;
  return {view_->lowerBound(Uid(range.first)), isLast ? view_->size() : view_->lowerBound(Uid(range.last + 1))};
}

std::size_t Selected::count(const imap::NumberSet& uids) const {
  std::size_t total = 0;
  for (const auto& range : uids.ranges()) {
    auto [from, to] = positions(range);
    total += to - from;
  }
  return total;
}

Uid Selected::newest(const imap::NumberSet& uids, std::size_t limit) const {
  for (auto range = uids.ranges().rbegin(); range != uids.ranges().rend(); ++range) {
    auto [from, to] = positions(*range);
    if (to - from >= limit) return view_->at(to - limit).uid;
    limit -= to - from;
  }
  return Uid(1);
}

std::uint32_t Selected::sequence(Uid uid) const {
  auto index = view_->indexOf(uid);
  return index ? static_cast<std::uint32_t>(*index + 1) : 0;
}

bool Selected::knows(const store::MailboxView& state) const {
  auto told = toldModSeq();
  auto isKnown = [&](ModSeq change) { return change <= told || isOwn(change); };
  if (!isKnown(state.highestModSeq()) || state.uidNext() != view_->uidNext() || state.size() != view_->size()) return false;
  bool all = true;
  state.forEach([&](const store::ViewEntry& entry) { all = all && isKnown(entry.modSeq); });
  return all;
}

std::optional<imap::NumberSet> Selected::resolve(const imap::SequenceSet& set, bool uid) const {
  if (set.isSaved()) return saved;
  auto size = static_cast<std::uint32_t>(view_->size());
  if (uid) return set.resolve(size == 0 ? 0 : view_->at(size - 1).uid.value);
  if (size == 0 && set.hasStar()) return std::nullopt;
  imap::NumberSet out;
  auto numbers = set.resolve(size);
  for (const auto& range : numbers.ranges()) {
    if (range.last > size) return std::nullopt;
    out.addRange(view_->at(range.first - 1).uid.value, view_->at(range.last - 1).uid.value);
  }
  return out;
}

std::vector<Uid> Selected::list(const imap::NumberSet& uids) const {
  std::vector<Uid> out;
  MessageWalk walk(view_, view_, uids);
  while (auto step = walk.next()) out.push_back(step->uid);
  return out;
}

// MessageWalk --------------------------------------------------------------------------------------------------

MessageWalk::MessageWalk(store::View known, store::View now, imap::NumberSet uids)
    : known_(std::move(known)), now_(std::move(now)), uids_(std::move(uids)) {
  seek();
}

/// To the first message of the current range.
void MessageWalk::seek() {
  const auto& chunks = known_->chunks();
  if (range_ >= uids_.ranges().size()) return;
  auto place = known_->place(Uid(uids_.ranges()[range_].first));
  chunk_ = place.chunk;
  at_ = place.at;
  index_ = place.index;
  if (chunk_ == chunks.size()) range_ = uids_.ranges().size();
}

std::optional<MessageWalk::Step> MessageWalk::next() {
  const auto& chunks = known_->chunks();
  while (range_ < uids_.ranges().size() && chunk_ < chunks.size()) {
    const auto& entry = (*chunks[chunk_])[at_];
    if (entry.uid.value > uids_.ranges()[range_].last) {
      ++range_;
      seek();
      continue;
    }
    Step step{static_cast<std::uint32_t>(index_ + 1), entry.uid, &entry};
    if (now_ != known_) {
      auto index = now_ ? now_->indexOf(entry.uid) : std::nullopt;
      step.entry = index ? &now_->at(*index) : nullptr;
    }
    ++index_;
    if (++at_ == chunks[chunk_]->size()) {
      at_ = 0;
      ++chunk_;
    }
    return step;
  }
  return std::nullopt;
}

}  // namespace mox::imapserver
