// Deadlines of many objects, each with one. Moving a deadline later, which every command does, touches two atomics
// and no lock: the queue finds out when the old time comes. Moving it earlier costs O(log n).
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "base/Clock.h"
#include "base/Guarded.h"

namespace mox::net {

inline constexpr Steady never = Steady::max();

/// Something with a deadline. Must be removed from its queue before it dies.
class Timed {
 public:
  virtual ~Timed() = default;
  /// The deadline has passed and is cleared. Called with the queue's lock held: only leave a note, never block,
  /// never call the queue.
  virtual void onDue() = 0;

 private:
  friend class TimerQueue;
  std::atomic<std::int64_t> due_{INT64_MAX};     ///< what the owner wants, nanoseconds
  std::atomic<std::int64_t> queued_{INT64_MAX};  ///< where it stands in the queue; written under the lock only
};

class TimerQueue {
 public:
  /// One thread at a time for one `timed`. True if `due` is now the earliest of all: whoever sleeps until the
  /// earliest must be told.
  bool set(Timed& timed, Steady due);
  void remove(Timed& timed);
  /// Calls onDue() of all that are due; when to call again, nothing if there is none.
  std::optional<Steady> fire(Steady now);

 private:
  using Entry = std::pair<std::int64_t, Timed*>;
  Guarded<std::set<Entry>> entries_;
};

}  // namespace mox::net
