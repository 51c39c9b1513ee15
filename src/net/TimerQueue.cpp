#include "net/TimerQueue.h"

namespace mox::net {

// set() stores due_ and then reads queued_, fire() stores queued_ and then reads due_, all sequentially
// consistent: at least one of the two sees the other, so an earlier deadline is never missed.
bool TimerQueue::set(Timed& timed, Steady due) {
  std::int64_t at = due.time_since_epoch().count();
  timed.due_ = at;
  if (timed.queued_ <= at) return false;
  auto entries = entries_.lock();
  std::int64_t before = timed.queued_;
  if (before <= at) return false;
  if (before != INT64_MAX) entries->erase({before, &timed});
  timed.queued_ = at;
  auto entry = entries->emplace(at, &timed).first;  // a statement of its own: begin() must be asked afterwards
  return entry == entries->begin();
}

void TimerQueue::remove(Timed& timed) {
  timed.due_ = INT64_MAX;
  auto entries = entries_.lock();
  if (timed.queued_ == INT64_MAX) return;
  entries->erase({timed.queued_, &timed});
  timed.queued_ = INT64_MAX;
}

std::optional<Steady> TimerQueue::fire(Steady now) {
  std::int64_t at = now.time_since_epoch().count();
  auto entries = entries_.lock();
  while (!entries->empty() && entries->begin()->first <= at) {
    Timed& timed = *entries->begin()->second;
    entries->erase(entries->begin());
    timed.queued_ = INT64_MAX;
    std::int64_t due = timed.due_;
    if (due == INT64_MAX) continue;
    if (due <= at) {
      // An owner that sets a new deadline meanwhile wins; it finds queued_ empty and takes the lock.
      timed.due_.compare_exchange_strong(due, INT64_MAX);
      timed.onDue();
      continue;
    }
    timed.queued_ = due;
    entries->emplace(due, &timed);
    // set() may have stored an earlier time after we read due_ and have seen the queued_ of before; it then
    // waits for this lock or saw INT64_MAX, and puts itself right.
  }
  if (entries->empty()) return std::nullopt;
  return Steady(Duration(entries->begin()->first));
}

}  // namespace mox::net
