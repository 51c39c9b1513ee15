#include "imapserver/SearchRun.h"

#include <algorithm>

#include "imapserver/Selected.h"

namespace mox::imapserver {

void SearchFound::add(std::uint32_t sequence, const store::ViewEntry& entry) {
  uids.add(entry.uid.value);
  sequences.add(sequence);
  ++count;
  modSeq = std::max(modSeq, static_cast<std::uint64_t>(entry.modSeq.value));
}

std::shared_ptr<SearchRun> SearchRun::make(std::shared_ptr<store::Account> account, const imap::SearchKey& root,
                                           std::shared_ptr<const SearchScope> scope, SearchNeed need) {
  LazyReader reader(*account);
  auto search = Search::make(root, scope, reader);
  if (!search) return nullptr;
  return std::shared_ptr<SearchRun>(new SearchRun(std::move(account), std::move(scope), need, std::move(*search)));
}

std::optional<SearchRun::Hit> SearchRun::test(std::size_t index, LazyReader& reader, std::uint64_t& work) {
  const auto* entry = &scope_->known->at(index);
  if (scope_->known != scope_->current) {
    auto now = scope_->current->indexOf(entry->uid);
    if (!now) return std::nullopt;  // expunged; the client will be told
    entry = &scope_->current->at(*now);
  }
  SearchMessage message(*entry, reader);
  bool found = search_.matches(message);
  work += search_.entryWork() + message.work();
  if (message.wasRead()) ++reads_;
  if (!found) return std::nullopt;
  return Hit{static_cast<std::uint32_t>(index + 1), entry, static_cast<std::uint8_t>(message.relevancy())};
}

std::uint64_t SearchRun::modSeqAmong(const imap::NumberSet& uids) const {
  std::uint64_t highest = 0;
  MessageWalk walk(scope_->known, scope_->current, uids);
  while (auto step = walk.next())
    if (step->entry != nullptr) highest = std::max(highest, static_cast<std::uint64_t>(step->entry->modSeq.value));
  return highest;
}

bool SearchRun::slice() {
  LazyReader reader(*account_);
  std::uint64_t work = 0;
  while (first_ < end_ && work < sliceWork) {
    bool forward = need_.all || found_.count < need_.first;
    if (!forward && fromEnd_.size() >= need_.last) break;
    auto index = forward ? first_++ : --end_;
    auto hit = test(index, reader, work);
    if (!hit) continue;
    if (!forward) {
      fromEnd_.push_back(*hit);
      continue;
    }
    found_.add(hit->sequence, *hit->entry);
    if (need_.relevancy) found_.relevancies.push_back(hit->relevancy);
  }
  bool enough = !need_.all && found_.count >= need_.first && fromEnd_.size() >= need_.last;
  if (first_ < end_ && !enough) return true;
  for (auto hit = fromEnd_.rbegin(); hit != fromEnd_.rend(); ++hit) found_.add(hit->sequence, *hit->entry);
  fromEnd_.clear();
  return false;
}

}  // namespace mox::imapserver
