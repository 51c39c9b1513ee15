#include "net/TimerQueue.h"

#include <thread>

#include "support/Test.h"

using namespace mox;
using namespace mox::net;
using namespace std::chrono_literals;

struct TimerQueueTest : mox::test::Suite<TimerQueueTest> {
  static void list(List& l) {
    l.add("set() tells when the earliest changes", &TimerQueueTest::earliest);
    l.add("later deadlines are found out lazily", &TimerQueueTest::lazy);
    l.add("cleared and removed ones do not fire", &TimerQueueTest::cleared);
    l.add("an owner racing with fire() loses no deadline", &TimerQueueTest::race);
  }

  struct Item final : Timed {
    std::atomic<int> fired{0};
    void onDue() override { ++fired; }
  };
  Steady start{1h};

  void earliest() {
    TimerQueue queue;
    Item a, b, c;
    CHECK(queue.set(a, start + 10s));  // whoever sleeps for ever must be told
    CHECK(!queue.set(b, start + 20s));
    CHECK(queue.set(c, start + 5s));
    CHECK(queue.set(b, start + 1s));
    CHECK(*queue.fire(start) == start + 1s);
    CHECK(*queue.fire(start + 5s) == start + 10s);
    CHECK_EQ(1, b.fired.load());
    CHECK_EQ(1, c.fired.load());
    CHECK_EQ(0, a.fired.load());
    queue.remove(a);
    CHECK(!queue.fire(start + 1h));
  }

  void lazy() {
    TimerQueue queue;
    Item a;
    CHECK(queue.set(a, start + 10s));
    for (int i = 11; i < 1000; ++i) CHECK(!queue.set(a, start + std::chrono::seconds(i)));
    CHECK(*queue.fire(start) == start + 10s);  // still the old place
    CHECK(*queue.fire(start + 10s) == start + 999s);
    CHECK_EQ(0, a.fired.load());
    CHECK(!queue.fire(start + 999s));
    CHECK_EQ(1, a.fired.load());
  }

  void cleared() {
    TimerQueue queue;
    Item a, b;
    queue.set(a, start + 10s);
    queue.set(a, never);
    queue.set(b, start + 10s);
    queue.remove(b);
    CHECK(!queue.fire(start + 1h));
    CHECK_EQ(0, a.fired + b.fired);
    CHECK(queue.set(b, start + 2h));
    CHECK(!queue.fire(start + 3h));
    CHECK_EQ(1, b.fired.load());
  }

  void race() {
    TimerQueue queue;
    Item a;
    std::atomic<std::int64_t> now{0};
    std::atomic<bool> stop{false};
    std::thread timer([&] {
      while (!stop) queue.fire(start + Duration(now.load()));
    });
    bool lost = false;
    for (int i = 0; i < 20'000 && !lost; ++i) {
      int before = a.fired;
      queue.set(a, start + Duration(now + 1000));
      queue.set(a, start + Duration(now + 5));
      queue.set(a, start + Duration(now + 10));
      now += 10;
      auto giveUp = std::chrono::steady_clock::now() + 10s;
      while (a.fired == before && !lost) lost = std::chrono::steady_clock::now() > giveUp;
    }
    stop = true;
    timer.join();
    CHECK(!lost);
    queue.remove(a);
  }
};
SUITE(TimerQueueTest);
