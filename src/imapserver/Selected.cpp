#include "imapserver/Selected.h"

#include <algorithm>

#include "imap/Flags.h"
#include "imap/Output.h"
#include "store/ViewDiff.h"

namespace mox::imapserver {

void writeEntryFlags(std::string& out, const store::MailboxView& view, const store::ViewEntry& entry) {
  imap::writeFlags(out, {entry.flags, view.keywords(entry)});
}

void writeFlagsFetch(std::string& out, std::uint32_t sequence, const store::MailboxView& view, const store::ViewEntry& entry, bool condstore) {
  out.append("* ").append(std::to_string(sequence)).append(" FETCH (UID ").append(std::to_string(entry.uid.value)).append(" FLAGS ");
  writeEntryFlags(out, view, entry);
  if (condstore) out.append(" MODSEQ (").append(std::to_string(entry.modSeq.value)).append(")");
  out.append(")\r\n");
}

Selected::Selected(std::shared_ptr<store::Account> account, store::View view, bool readOnly)
    : account_(std::move(account)), view_(std::move(view)), readOnly_(readOnly) {}

void Selected::sync(std::string& out, bool condstore, Order order) {
  auto now = current();
  if (!now) now = view_->emptied();  // the mailbox was deleted: all its messages are gone
  if (now == view_) return;
  auto diff = store::difference(*view_, *now);
  bool addedFirst = order == Order::addedFirst && diff.added > 0;
  if (addedFirst) out.append("* ").append(std::to_string(view_->size() + diff.added)).append(" EXISTS\r\n");
  // From the end, so that no number shifts before it is told.
  for (auto it = diff.removed.rbegin(); it != diff.removed.rend(); ++it) {
    out.append("* ").append(std::to_string(it->index + 1)).append(" EXPUNGE\r\n");
  }
  if (!saved.empty() && !diff.removed.empty()) {
    imap::NumberSet kept;
    for (const auto& range : saved.ranges())
      for (auto uid = range.first; uid != 0 && uid <= range.last; ++uid)
        if (now->indexOf(Uid(uid))) kept.add(uid);
    saved = kept;
  }
  if (diff.added > 0 && !addedFirst) out.append("* ").append(std::to_string(now->size())).append(" EXISTS\r\n");
  for (auto index : diff.changed) {
    const auto& entry = now->at(index);
    if (std::find(own_.begin(), own_.end(), entry.modSeq) != own_.end()) continue;
    writeFlagsFetch(out, static_cast<std::uint32_t>(index + 1), *now, entry, condstore);
  }
  own_.clear();
  view_ = std::move(now);
}

std::uint32_t Selected::sequence(Uid uid) const {
  auto index = view_->indexOf(uid);
  return index ? static_cast<std::uint32_t>(*index + 1) : 0;
}

namespace {

/// UIDs of `set` that are in the view. Walks the view or the ranges, never a range of a thousand million numbers.
std::vector<Uid> uidsOf(const store::MailboxView& view, const imap::NumberSet& set) {
  std::vector<Uid> out;
  for (const auto& range : set.ranges()) {
    auto index = view.lowerBound(Uid(range.first));
    for (; index < view.size() && view.at(index).uid.value <= range.last; ++index) out.push_back(view.at(index).uid);
  }
  return out;
}

}  // namespace

std::optional<std::vector<Uid>> Selected::resolve(const imap::SequenceSet& set, bool uid) const {
  if (set.isSaved()) return uidsOf(*view_, saved);
  auto size = static_cast<std::uint32_t>(view_->size());
  if (uid) return uidsOf(*view_, set.resolve(size == 0 ? 0 : view_->at(size - 1).uid.value));
  auto numbers = set.resolve(size);
  std::vector<Uid> out;
  for (const auto& range : numbers.ranges()) {
    if (range.last > size) return std::nullopt;
    for (auto n = range.first; n <= range.last; ++n) out.push_back(view_->at(n - 1).uid);
  }
  if (size == 0 && set.hasStar()) return std::nullopt;
  return out;
}

}  // namespace mox::imapserver
