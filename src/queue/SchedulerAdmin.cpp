// The Queue interface: what sessions and administrators ask for.
#include <algorithm>
#include <map>
#include <set>

#include "queue/SchedulerState.h"
#include "store/Spool.h"

namespace mox::queue {

namespace {

/// What storage.add() has taken for the first attempt, by lane.
std::map<std::string, std::vector<Claim>> claimsOf(const NewMessage& m, const std::vector<QueueId>& ids, Time now, Time second, int maxAttempts) {
  auto row = std::make_shared<MessageRow>();
  row->id = ids.front();
  row->queued = now;
  row->account = m.senderAccount;
  row->mailFrom = m.mailFrom;
  row->has8bit = m.has8bit;
  row->smtpUtf8 = m.smtpUtf8;
  row->futureRelease = m.futureReleaseRequest;
  row->messageId = m.messageId;
  row->subject = m.subject;
  row->size = m.prefix.size() + (m.spool != nullptr ? m.spool->size() : m.data.size());
  std::map<std::string, std::vector<Claim>> claims;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    auto lane = laneOf(m.recipients[i]);
    claims[lane].push_back({ids[i], row, m.recipients[i], lane, 1, maxAttempts, second, m.transport, m.requireTls, {}});
  }
  return claims;
}

}  // namespace

/// Takes places in memory for a message that is due now and need not wait behind others.
bool Scheduler::State::mayJump(const NewMessage& message, Time now, std::map<std::string, std::size_t>& places) {
  if (message.notBefore && *message.notBefore > now) return false;
  for (const auto& recipient : message.recipients) ++places[laneOf(recipient)];
  std::lock_guard hold(mutex);
  if (!started || stopping) return false;
  for (const auto& [lane, entries] : places)
    if (!lanes.mayJump(lane, entries, now)) return false;
  for (const auto& [lane, entries] : places) lanes.took(lane, entries);
  return true;
}

/// One commit instead of two, and no change of threads, for a message that can go at once.
std::vector<QueueId> Scheduler::State::addClaimed(const NewMessage& message, Time now, const std::map<std::string, std::size_t>& places) {
  auto leave = [&] {
    for (const auto& [lane, entries] : places) lanes.done(lane, entries);
  };
  auto second = now + std::chrono::duration_cast<std::chrono::microseconds>(backoff(1, services.random));
  auto ids = storage.reserve(message.recipients.size());
  std::unique_lock hold(mutex);
  active.insert(ids.begin(), ids.end());  // before anybody can find them: a change of their time must not send them twice
  hold.unlock();
  try {
    storage.add(message, now, ids, second);
  } catch (...) {
    hold.lock();
    for (auto id : ids) active.erase(id);
    leave();
    throw;
  }
  auto claims = claimsOf(message, ids, now, second, options.maxAttempts);
  hold.lock();
  if (!stopping) {
    jobs += claims.size();
    hold.unlock();
    for (auto& [lane, some] : claims) planSoon(std::move(some));
    return ids;
  }
  for (auto id : ids) active.erase(id);
  leave();
  hold.unlock();
  try {
    for (const auto& [lane, some] : claims) storage.release(some, now);
  } catch (const std::exception& error) {
    // The message is ours, and comes a while later after the next start.
    log.error("a message taken at the stop waits for its second attempt", {{"id", ids.front().value}, {"err", error.what()}});
  }
  return ids;
}

std::vector<QueueId> Scheduler::add(const NewMessage& message) {
  auto& s = *state_;
  auto now = s.services.clock.now();
  std::map<std::string, std::size_t> places;
  if (s.mayJump(message, now, places)) return s.addClaimed(message, now, places);
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
  forget({}, {}, back, now);
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
    bool written = s.write(records, {}).has_value();
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
