// What came of attempts: reports to senders, then one commit for many results.
#include <algorithm>
#include <map>
#include <utility>

#include "base/Text.h"
#include "queue/SchedulerState.h"

namespace mox::queue {

namespace {

/// Results and releases stay in memory while the disk says no; tried again so often.
constexpr auto writePause = std::chrono::seconds(1);

bool wantsNotice(const Record& r) {
  bool late = r.verdict == Verdict::retry && r.claim.attempts == delayNoticeAttempts && r.claim.attempts < r.claim.maxAttempts;
  return late || r.verdict == Verdict::failed;
}

}  // namespace

void Scheduler::State::pushRecords(std::vector<Record> more) {
  std::lock_guard hold(resultMutex);
  std::move(more.begin(), more.end(), std::back_inserter(records));
  resultWake.notify_one();
}

void Scheduler::State::pushReleased(std::vector<Claim> more) {
  std::lock_guard hold(resultMutex);
  std::move(more.begin(), more.end(), std::back_inserter(released));
  resultWake.notify_one();
}

void Scheduler::State::runRecorder() {
  std::unique_lock hold(resultMutex);
  for (;;) {
    resultWake.wait(hold, [this] { return finishing || !records.empty() || !released.empty(); });
    if (records.empty() && released.empty()) return;
    auto some = std::exchange(records, {});
    auto undone = std::exchange(released, {});
    hold.unlock();
    settle(std::move(some), std::move(undone));
    hold.lock();
  }
}

void Scheduler::State::settle(std::vector<Record> some, std::vector<Claim> undone) {
  notify(some);
  auto next = write(some, undone);
  for (; !next; next = write(some, undone)) {
    // A delivered message whose row stays would be sent again after a restart: it is kept in `active` and written later.
    std::unique_lock hold(resultMutex);
    if (resultWake.wait_for(hold, writePause, [this] { return finishing; })) return;
  }
  bool again;
  {
    std::lock_guard hold(mutex);
    again = !stopping;
  }
  // The pool was full: a little later, so that there is no busy loop.
  forget(some, *next, undone, services.clock.now() + (again ? std::chrono::microseconds(writePause) : std::chrono::microseconds(0)));
}

/// Which of them are still in the queue. An entry may have been dropped during its attempt: without a word, whatever comes of that.
std::set<QueueId> Scheduler::State::present(const std::vector<Record>& some) {
  std::vector<QueueId> ids;
  for (const auto& record : some) ids.push_back(record.claim.id);
  try {
    std::set<QueueId> out;
    for (const auto& claim : storage.load(ids)) out.insert(claim.id);
    return out;
  } catch (const std::exception& error) {
    log.error("cannot tell which messages were dropped", {{"err", error.what()}});
    return {ids.begin(), ids.end()};
  }
}

/// The report goes first: after a crash in between it comes twice, the other way round never. If there is no report,
/// the entry stays and is tried at its next attempt.
void Scheduler::State::notify(std::vector<Record>& some) {
  std::vector<Record> told;
  std::copy_if(some.begin(), some.end(), std::back_inserter(told), wantsNotice);
  if (told.empty()) return;
  auto there = present(told);
  std::map<std::pair<QueueId, bool>, std::vector<std::size_t>> groups;
  for (std::size_t i = 0; i < some.size(); ++i)
    if (wantsNotice(some[i]) && there.contains(some[i].claim.id))
      groups[{some[i].claim.message->id, some[i].verdict == Verdict::failed}].push_back(i);
  for (const auto& [key, indices] : groups) {
    std::vector<Record> group;
    for (auto i : indices) group.push_back(some[i]);
    try {
      notices.send(group);
    } catch (const std::exception& error) {
      log.error("no delivery report", {{"message", key.first.value}, {"err", error.what()}});
      if (key.second)
        for (auto i : indices) some[i].verdict = Verdict::retry;
    }
  }
}

std::optional<std::map<QueueId, Time>> Scheduler::State::write(const std::vector<Record>& some, const std::vector<Claim>& undone) {
  try {
    auto next = storage.record(some);
    storage.release(undone, services.clock.now());
    return next;
  } catch (const std::exception& error) {
    log.error("results of deliveries cannot be written, trying again", {{"err", error.what()}, {"results", some.size()}});
    return std::nullopt;
  }
}

void Scheduler::State::forget(const std::vector<Record>& some, const std::map<QueueId, Time>& next, const std::vector<Claim>& undone, Time due) {
  std::lock_guard hold(mutex);
  for (const auto& record : some) {
    active.erase(record.claim.id);
    if (auto at = next.find(record.claim.id); at != next.end()) lanes.note(record.claim.lane, at->second);
    lanes.done(record.claim.lane, 1);
  }
  for (const auto& claim : undone) {
    active.erase(claim.id);
    lanes.note(claim.lane, due);
    lanes.done(claim.lane, 1);
  }
  wakeIfDue();
}

}  // namespace mox::queue
