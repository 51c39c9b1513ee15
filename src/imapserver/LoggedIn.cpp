#include "imapserver/LoggedIn.h"

namespace mox::imapserver {

std::shared_ptr<LoggedIn::Entry> LoggedIn::add(std::string account, std::shared_ptr<net::Waker> waker) {
  std::unique_ptr<Entry> entry(new Entry(std::move(account), std::move(waker)));
  {
    auto all = entries_->lock();
    entry->place_ = all->insert(all->end(), entry.get());
  }
  return {entry.release(), [entries = entries_](Entry* gone) {
            entries->lock()->erase(gone->place_);
            delete gone;
          }};
}

std::size_t LoggedIn::end(const std::function<bool(const std::string& account)>& wanted) {
  std::size_t count = 0;
  auto all = entries_->lock();
  for (auto* entry : *all) {
    if (!wanted(entry->account_)) continue;
    entry->mustEnd_ = true;
    entry->waker_->wake();
    ++count;
  }
  return count;
}

}  // namespace mox::imapserver
