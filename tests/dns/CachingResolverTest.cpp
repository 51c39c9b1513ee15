#include "dns/CachingResolver.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "dns/FakeResolver.h"
#include "dns/Remembered.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::dns;
using namespace std::chrono_literals;

namespace {

/// Holds queries until released, to have several at once.
class Gate final : public Resolver {
 public:
  std::optional<Lookup<Record>> recall(Type, std::string_view, const Ask&) override { return std::nullopt; }
  Lookup<Record> query(Type, std::string_view name, const Ask&) override {
    std::unique_lock lock(mutex_);
    ++asked_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    if (throws_) throw std::runtime_error("broken");
    return Answer<Record>{{std::string("text")}, false, 60s, std::string(name)};
  }
  void waitAsked() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return asked_ > 0; });
  }
  void open(bool throws = false) {
    std::lock_guard lock(mutex_);
    open_ = true;
    throws_ = throws;
    changed_.notify_all();
  }
  int asked() {
    std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false, throws_ = false;
  int asked_ = 0;
};

}  // namespace

struct CachingResolverTest : test::Suite<CachingResolverTest> {
  static void list(List& l) {
    l.add("answers live as long as their TTL, at most an hour", &CachingResolverTest::positive);
    l.add("absence lives at most five minutes, failures not at all", &CachingResolverTest::negative);
    l.add("what is remembered can be had without asking", &CachingResolverTest::remembered);
    l.add("bounded, least recently used first", &CachingResolverTest::bounded);
    l.add("bounded in octets", &CachingResolverTest::octets);
    l.add("one lookup for many who ask at once", &CachingResolverTest::coalesce);
    l.add("who waits for a lookup that throws gets an answer of its own", &CachingResolverTest::leaderThrows);
    l.add("metrics", &CachingResolverTest::metrics);
    l.add("the fake zone", &CachingResolverTest::fakeZone);
  }

  FakeClock clock;
  FakeResolver zone;
  Ask ask() { return Ask(clock.steady() + 1h, "test"); }

  void positive() {
    zone.ttl(100s).txt("a.example", "x");
    CachingResolver dns(zone, clock);
    CHECK(dns.txt("A.example.", ask())->ttl == 100s);
    clock.advance(40s);
    CHECK(dns.txt("a.EXAMPLE.", ask())->ttl == 60s);
    CHECK_EQ(std::size_t(1), zone.queries().size());
    clock.advance(60s);
    CHECK(dns.txt("a.example.", ask()).has_value());
    CHECK_EQ(std::size_t(2), zone.queries().size());
    zone.ttl(48h).txt("b.example", "x");
    CHECK(dns.txt("b.example.", ask()).has_value());
    clock.advance(3601s);
    CHECK(dns.txt("b.example.", ask()).has_value());
    CHECK_EQ(std::size_t(4), zone.queries().size());
    zone.ttl(0s).txt("c.example", "x");
    CHECK(dns.txt("c.example.", ask()).has_value());
    CHECK(dns.txt("c.example.", ask()).has_value());
    CHECK_EQ(std::size_t(6), zone.queries().size());
  }

  void negative() {
    zone.ttl(24h).fail("broken.example", Failure::temporary);
    CachingResolver dns(zone, clock);
    CHECK(dns.a("none.example.", ask()).error().failure == Failure::noName);
    clock.advance(299s);
    CHECK(dns.a("none.example.", ask()).error().failure == Failure::noName);
    CHECK_EQ(std::size_t(1), zone.queries().size());
    clock.advance(2s);
    CHECK(!dns.a("none.example.", ask()));
    CHECK_EQ(std::size_t(2), zone.queries().size());
    CHECK(!dns.a("broken.example.", ask()));
    CHECK(!dns.a("broken.example.", ask()));
    CHECK_EQ(std::size_t(4), zone.queries().size());
  }

  void remembered() {
    zone.ttl(100s).txt("a.example", "x");
    CachingResolver dns(zone, clock);
    Remembered known(dns);
    CHECK_THROWS(NotRemembered, known.txt("a.example.", ask()));
    CHECK(zone.queries().empty());
    CHECK(dns.txt("a.example.", ask()).has_value());
    CHECK(dns.a("none.example.", ask()).error().notFound());
    CHECK_EQ(std::string("x"), known.txt("A.example.", ask())->records.at(0));
    CHECK(known.a("none.example.", ask()).error().failure == Failure::noName);
    CHECK_THROWS(NotRemembered, known.a("a.example.", ask()));
    auto fresh = ask();
    fresh.fresh = true;
    CHECK_THROWS(NotRemembered, known.txt("a.example.", fresh));
    CHECK(dns.txt("a.example.", ask()).has_value() && dns.a("none.example.", fresh).error().notFound());
    CHECK_EQ(std::size_t(4), zone.queries().size());
    clock.advance(100s);
    CHECK_THROWS(NotRemembered, known.txt("a.example.", ask()));
    CHECK_EQ(std::size_t(4), zone.queries().size());
    CHECK(!zone.recall(Type::txt, "a.example.", ask()));  // it remembers nothing
  }

  void bounded() {
    for (const char* name : {"a.x", "b.x", "c.x"}) zone.txt(name, "x");
    CachingResolver dns(zone, clock, nullptr, {2, 1 << 20});
    for (const char* name : {"a.x.", "b.x.", "a.x.", "c.x.", "a.x."}) CHECK(dns.txt(name, ask()).has_value());
    CHECK_EQ(std::size_t(2), dns.entries());
    CHECK_EQ(std::size_t(3), zone.queries().size());
    CHECK(dns.txt("b.x.", ask()).has_value());
    CHECK_EQ(std::size_t(4), zone.queries().size());
  }

  void octets() {
    zone.txt("big.x", std::string(5000, 'x')).txt("small.x", "x");
    CachingResolver dns(zone, clock, nullptr, {100, 2000});
    CHECK(dns.txt("small.x.", ask()).has_value());
    CHECK(dns.txt("big.x.", ask()).has_value());
    CHECK_EQ(std::size_t(0), dns.entries());
  }

  void coalesce() {
    SystemClock real;
    Gate gate;
    CachingResolver dns(gate, real);
    std::vector<std::thread> threads;
    std::atomic<int> good{0};
    auto one = [&] {
      if (dns.txt("a.example.", Ask(real.steady() + 30s))) ++good;
    };
    threads.emplace_back(one);
    gate.waitAsked();
    for (int i = 0; i < 4; ++i) threads.emplace_back(one);
    // One with a deadline that is over does not wait for the others.
    auto late = dns.txt("a.example.", Ask(real.steady()));
    CHECK(!late && late.error().timeout);
    gate.open();
    for (auto& thread : threads) thread.join();
    CHECK_EQ(5, good.load());
    CHECK_EQ(1, gate.asked());
  }

  void leaderThrows() {
    SystemClock real;
    Gate gate;
    CachingResolver dns(gate, real);
    std::atomic<int> thrown{0};
    auto one = [&] {
      try {
        (void)dns.txt("a.example.", Ask(real.steady() + 30s));
      } catch (const std::runtime_error&) {
        ++thrown;
      }
    };
    std::thread first(one);
    gate.waitAsked();
    std::thread second(one);
    gate.open(true);
    first.join();
    second.join();
    CHECK_EQ(2, thrown.load());
  }

  void metrics() {
    Metrics metrics;
    zone.txt("a.example", "x");
    CachingResolver dns(zone, clock, &metrics);
    CHECK(dns.txt("a.example.", ask()).has_value());
    CHECK(!dns.a("none.example.", ask()));
    auto text = metrics.text();
    CHECK(text.find(R"(mox_dns_lookup_duration_seconds_count{pkg="test",result="ok",type="txt"} 1)") != std::string::npos);
    CHECK(text.find(R"(result="nxdomain",type="a")") != std::string::npos);
  }

  void fakeZone() {
    zone.cname("www.example", "host.example").a("host.example", "192.0.2.1").allAuthentic(true);
    auto got = zone.a("WWW.example.", ask());
    CHECK(got->authentic);
    CHECK_EQ(std::string("host.example."), got->name);
    zone.authentic("host.example", false);
    CHECK(!zone.a("www.example.", ask())->authentic);
    CHECK(zone.mx("host.example.", ask()).error().failure == Failure::noData);
    CHECK(zone.mx("example.", ask()).error().failure == Failure::noData);
    CHECK(zone.mx("other.", ask()).error().failure == Failure::noName);
    CHECK(zone.mx("host.example", ask()).error().failure == Failure::malformed);
    zone.cname("loop.example", "loop.example");
    CHECK(zone.a("loop.example.", ask()).error().failure == Failure::malformed);
    zone.fail("host.example", Failure::bogus, Type::a);
    CHECK(zone.a("www.example.", ask()).error().failure == Failure::bogus);
    CHECK(zone.aaaa("www.example.", ask()).error().failure == Failure::noData);
  }
};
SUITE(CachingResolverTest);
