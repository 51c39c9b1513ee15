#include "store/ChangeFeed.h"

#include <algorithm>
#include <mutex>

namespace mox::store {

/// The mutex is held while the listener runs, so that ending the subscription waits for it. Recursive, because a
/// listener may end its own subscription.
struct ChangeFeed::Subscription::Entry {
  std::recursive_mutex mutex;
  Listener listener;  // null once ended
  std::optional<MailboxId> mailbox;
};

struct ChangeFeed::State {
  std::mutex mutex;
  std::vector<std::weak_ptr<Subscription::Entry>> entries;
};

ChangeFeed::Subscription::~Subscription() { end(); }
ChangeFeed::Subscription::Subscription(Subscription&& other) noexcept : entry_(std::move(other.entry_)) {}

ChangeFeed::Subscription& ChangeFeed::Subscription::operator=(Subscription&& other) noexcept {
  if (this != &other) {
    end();
    entry_ = std::move(other.entry_);
  }
  return *this;
}

void ChangeFeed::Subscription::watch(std::optional<MailboxId> mailbox) {
  if (!entry_) return;
  std::lock_guard lock(entry_->mutex);
  entry_->mailbox = mailbox;
}

void ChangeFeed::Subscription::end() {
  if (!entry_) return;
  {
    std::lock_guard lock(entry_->mutex);
    entry_->listener = nullptr;
  }
  entry_.reset();
}

ChangeFeed::ChangeFeed() : state_(std::make_shared<State>()) {}
ChangeFeed::~ChangeFeed() = default;

ChangeFeed::Subscription ChangeFeed::subscribe(std::optional<MailboxId> mailbox, Listener listener) {
  Subscription subscription;
  subscription.entry_ = std::make_shared<Subscription::Entry>();
  subscription.entry_->listener = std::move(listener);
  subscription.entry_->mailbox = mailbox;
  std::lock_guard lock(state_->mutex);
  auto& entries = state_->entries;
  std::erase_if(entries, [](const auto& entry) { return entry.expired(); });
  entries.push_back(subscription.entry_);
  return subscription;
}

namespace {

bool concerns(const Change& change, const std::optional<MailboxId>& mailbox) {
  bool ofMessages = change.kind == Change::Kind::messagesAdded || change.kind == Change::Kind::messageFlags ||
                    change.kind == Change::Kind::messagesExpunged;
  return !ofMessages || !mailbox || *mailbox == change.mailbox;
}

}  // namespace

void ChangeFeed::publish(const Changes& changes) {
  std::vector<std::shared_ptr<Subscription::Entry>> entries;
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& weak : state_->entries)
      if (auto entry = weak.lock()) entries.push_back(std::move(entry));
  }
  for (const auto& entry : entries) {
    std::lock_guard lock(entry->mutex);
    bool wanted = std::any_of(changes->begin(), changes->end(), [&](const Change& c) { return concerns(c, entry->mailbox); });
    if (!wanted || !entry->listener) continue;
    auto listener = entry->listener;  // it may end its own subscription while it runs
    listener(changes);
  }
}

}  // namespace mox::store
