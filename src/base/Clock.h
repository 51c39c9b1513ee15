// Time, injected. Wall time is for dates people see; steady time is for
// deadlines and never jumps. No code outside this file asks the system.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace mox {

/// Wall time in UTC, microseconds.
using Time = std::chrono::sys_time<std::chrono::microseconds>;
/// Monotonic time since an arbitrary start.
using Steady = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;
using Duration = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  /// Thread safe.
  virtual Time now() const = 0;
  /// Thread safe.
  virtual Steady steady() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); }
  Steady steady() const override { return std::chrono::steady_clock::now(); }
};

/// A clock that stands until told: for tests. Threads may look while it is moved.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(Time start = Time(std::chrono::seconds(1'700'000'000))) : now_(start.time_since_epoch().count()) {}
  Time now() const override { return Time(Time::duration(now_.load())); }
  Steady steady() const override {
    auto step = step_.load();
    return Steady(Duration(steady_.fetch_add(step) + step));
  }
  /// From now on each look at steady() takes this long: for work that watches the clock by itself.
  void setStep(Duration step) { step_ = step.count(); }
  void advance(Duration by) {
    now_ += std::chrono::duration_cast<Time::duration>(by).count();
    steady_ += by.count();
  }
  /// Wall time may jump either way; steady time does not move.
  void jumpTo(Time to) { now_ = to.time_since_epoch().count(); }

 private:
  std::atomic<Time::rep> now_;
  mutable std::atomic<Duration::rep> steady_{Duration(std::chrono::hours(1)).count()};
  std::atomic<Duration::rep> step_{0};
};

/// Seconds and microseconds since 1970, the form databases keep.
constexpr std::int64_t unixSeconds(Time t) { return std::chrono::floor<std::chrono::seconds>(t).time_since_epoch().count(); }
constexpr std::int64_t unixMicros(Time t) { return t.time_since_epoch().count(); }
constexpr Time fromUnixSeconds(std::int64_t s) { return Time(std::chrono::seconds(s)); }
constexpr Time fromUnixMicros(std::int64_t us) { return Time(std::chrono::microseconds(us)); }

}  // namespace mox
