// The Queue interface: what sessions and administrators ask for.
#include <algorithm>
#include <set>

#include "queue/SchedulerState.h"

namespace mox::queue {

std::vector<QueueId> Scheduler::add(const NewMessage& message) {
  auto& s = *state_;
  auto now = s.services.clock.now();
  auto ids = s.storage.add(message, now);
  auto due = std::max(now, message.notBefore.value_or(now));
  std::lock_guard hold(s.mutex);
  for (const auto& recipient : message.recipients) s.lanes.note(laneOf(recipient), due);
  s.woken = true;
  s.wake.notify_one();
  return ids;
}

std::vector<Entry> Scheduler::list(const Filter& filter) { return state_->storage.list(filter); }

/// What waits in memory goes back to the database as if it had never been taken.
void Scheduler::State::takeBack(const std::vector<QueueId>& ids) {
  auto back = dispatcher.withdraw({ids.begin(), ids.end()});
  if (back.empty()) return;
  auto now = services.clock.now();
  try {
    storage.release(back, now);
  } catch (...) {
    pushReleased(back);
    throw;
  }
  forget({}, back, now);
}

std::size_t Scheduler::State::change(const Filter& filter, const std::function<std::size_t(const std::vector<QueueId>&)>& one) {
  auto ids = storage.match(filter);
  takeBack(ids);
  auto count = one(ids);
  metrics.hold.set(static_cast<double>(storage.held()));
  noteLanes();
  return count;
}

std::size_t Scheduler::setHold(const Filter& filter, bool hold) {
  return state_->change(filter, [&](const auto& ids) { return state_->storage.setHold(ids, hold); });
}

std::size_t Scheduler::schedule(const Filter& filter, Duration by, bool fromNow) {
  auto base = fromNow ? std::optional(state_->services.clock.now()) : std::nullopt;
  return state_->change(filter, [&](const auto& ids) { return state_->storage.schedule(ids, by, base); });
}

std::size_t Scheduler::setTransport(const Filter& filter, const std::string& transport) {
  return state_->change(filter, [&](const auto& ids) { return state_->storage.setTransport(ids, transport); });
}

std::size_t Scheduler::setRequireTls(const Filter& filter, std::optional<bool> requireTls) {
  return state_->change(filter, [&](const auto& ids) { return state_->storage.setRequireTls(ids, requireTls); });
}

std::size_t Scheduler::drop(const Filter& filter) {
  return state_->change(filter, [&](const auto& ids) { return state_->storage.drop(ids); });
}

std::size_t Scheduler::fail(const Filter& filter) {
  auto& s = *state_;
  return s.change(filter, [&](const auto& ids) {
    std::vector<QueueId> idle;
    {
      // Marked as active, so that nobody sends them meanwhile.
      std::lock_guard hold(s.mutex);
      for (auto id : ids)
        if (s.active.insert(id).second) idle.push_back(id);
    }
    std::vector<Record> records;
    for (auto& claim : s.storage.load(idle)) {
      Record record{std::move(claim), Verdict::failed, {}, "", {}};
      record.attempt.start = s.services.clock.now();
      record.attempt.text = "failed by the administrator";
      // For storage: there may be earlier attempts to remove.
      record.claim.attempts = std::max(record.claim.attempts, 2);
      records.push_back(std::move(record));
    }
    s.notify(records);
    std::erase_if(records, [](const Record& r) { return r.verdict != Verdict::failed; });
    bool written = s.write(records, {});
    {
      std::lock_guard hold(s.mutex);
      for (auto id : idle) s.active.erase(id);
    }
    return written ? records.size() : 0;
  });
}

Result<std::string> Scheduler::dump(QueueId id) {
  auto message = state_->storage.messageOf(id);
  auto body = message ? state_->storage.body(*message) : nullptr;
  if (!body) return mox::fail(Errc::notFound, "no such message in the queue");
  std::string out;
  body->read(0, body->size, out);
  return out;
}

store::BackupCounts Scheduler::backup(const std::string& directory) { return state_->storage.backup(directory); }

std::size_t Scheduler::size() { return state_->storage.size(); }

}  // namespace mox::queue
