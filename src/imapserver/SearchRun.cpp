#include "imapserver/SearchRun.h"

#include <algorithm>

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

const store::ViewEntry* SearchRun::test(std::size_t index, LazyReader& reader, std::uint64_t& work) {
  const auto* entry = &scope_->known->at(index);
  if (scope_->known != scope_->current) {
    auto now = scope_->current->indexOf(entry->uid);
    if (!now) return nullptr;  // expunged; the client will be told
    entry = &scope_->current->at(*now);
  }
  SearchMessage message(*entry, reader);
  bool found = search_.matches(message);
  work += search_.entryWork() + message.work();
  return found ? entry : nullptr;
}

bool SearchRun::slice() {
  LazyReader reader(*account_);
  std::uint64_t work = 0;
  while (first_ < end_ && work < sliceWork) {
    bool forward = need_.all || found_.count < need_.first;
    if (!forward && fromEnd_.size() >= need_.last) break;
    auto index = forward ? first_++ : --end_;
    const auto* entry = test(index, reader, work);
    if (entry == nullptr) continue;
    auto sequence = static_cast<std::uint32_t>(index + 1);
    if (forward) found_.add(sequence, *entry);
    else fromEnd_.push_back({sequence, entry});
  }
  bool enough = !need_.all && found_.count >= need_.first && fromEnd_.size() >= need_.last;
  if (first_ < end_ && !enough) return true;
  for (auto hit = fromEnd_.rbegin(); hit != fromEnd_.rend(); ++hit) found_.add(hit->sequence, *hit->entry);
  fromEnd_.clear();
  return false;
}

}  // namespace mox::imapserver
