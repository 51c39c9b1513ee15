#include <algorithm>

#include "net/LimitedFilter.h"
#include "net/Sockets.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::net;
using namespace std::chrono_literals;

struct LimiterTest : mox::test::Suite<LimiterTest> {
  static void list(List& l) {
    l.add("fixed windows, all widths must have room", &LimiterTest::windows);
    l.add("two windows count together or not at all", &LimiterTest::twoWindows);
    l.add("a success takes back what the host counted", &LimiterTest::forgive);
    l.add("IPv6 widths", &LimiterTest::v6);
    l.add("memory is bounded", &LimiterTest::bounded);
    l.add("concurrent connections and leases", &LimiterTest::concurrent);
    l.add("one kind takes no more than its share", &LimiterTest::share);
    l.add("passed sockets", &LimiterTest::listenFds);
  }

  static IpAddress ip(const char* text) { return *IpAddress::parse(text); }
  Time start = fromUnixSeconds(1'800'000'000);  // a whole minute

  void windows() {
    WindowLimiter limiter({{1min, {3, 5, 6}}});
    for (int i = 0; i < 3; ++i) CHECK(limiter.add(ip("192.0.2.1"), start));
    CHECK(!limiter.add(ip("192.0.2.1"), start + 59s));
    CHECK(limiter.add(ip("192.0.2.2"), start));
    CHECK(!limiter.hasRoom(ip("192.0.2.2"), start, 2));
    CHECK(limiter.add(ip("192.0.2.3"), start));
    CHECK(!limiter.add(ip("192.0.2.4"), start));   // the /26 is full
    CHECK(limiter.add(ip("192.0.2.65"), start));   // next /26
    CHECK(!limiter.add(ip("192.0.3.1"), start));   // the /21 is full
    CHECK(limiter.add(ip("192.0.8.1"), start));
    CHECK(limiter.add(ip("192.0.2.1"), start + 60s));  // all forgotten
    CHECK(limiter.add(ip("192.0.2.1"), start + 60s, 2));
    CHECK(!limiter.add(ip("192.0.2.1"), start + 60s));
  }

  void twoWindows() {
    WindowLimiter limiter({{1min, {10, 0, 0}}, {1h, {12, 0, 0}}});
    CHECK(limiter.add(ip("192.0.2.1"), start, 10));
    CHECK(!limiter.add(ip("192.0.2.1"), start));
    CHECK(!limiter.add(ip("192.0.2.1"), start + 1min, 3));  // refused by the hour
    CHECK(limiter.add(ip("192.0.2.1"), start + 1min, 2));   // so the refused ones were not counted
    CHECK(!limiter.add(ip("192.0.2.1"), start + 2min));
  }

  void forgive() {
    WindowLimiter limiter = failedAuthLimiter();
    CHECK(limiter.add(ip("192.0.2.1"), start, 10));
    CHECK(limiter.add(ip("192.0.2.2"), start, 10));
    CHECK(limiter.add(ip("192.0.2.3"), start, 10));
    CHECK(!limiter.hasRoom(ip("192.0.2.4"), start));  // 30 in the /26
    limiter.forgive(ip("192.0.2.1"), start);
    CHECK(limiter.hasRoom(ip("192.0.2.4"), start, 10));
    CHECK(!limiter.hasRoom(ip("192.0.2.2"), start));
    CHECK(limiter.hasRoom(ip("192.0.2.1"), start, 10));
  }

  void v6() {
    WindowLimiter limiter({{1min, {1, 2, 3}}});
    CHECK(limiter.add(ip("2001:db8:0:1::1"), start));
    CHECK(!limiter.add(ip("2001:db8:0:1::2"), start));
    CHECK(limiter.add(ip("2001:db8:0:2::1"), start));
    CHECK(!limiter.add(ip("2001:db8:0:3::1"), start));
    CHECK(limiter.add(ip("2001:db8:1::1"), start));
    CHECK(!limiter.add(ip("2001:db8:2::1"), start));
    CHECK(limiter.add(ip("2001:db9::1"), start));
  }

  void bounded() {
    WindowLimiter limiter({{1min, {1, 0, 0}}}, 2);
    CHECK(limiter.add(ip("192.0.2.1"), start));
    CHECK(limiter.add(ip("198.51.100.1"), start));
    for (int i = 0; i < 5; ++i) CHECK(limiter.add(ip("203.0.113.1"), start));  // not tracked
    CHECK(!limiter.add(ip("192.0.2.1"), start));
  }

  void concurrent() {
    auto limiter = std::make_unique<ConnectionLimiter>(ConnectionLimits{{4, 0, 0}, {2, 0, 0}, 100});
    auto a = limiter->admit(ip("192.0.2.1"), start), b = limiter->admit(ip("192.0.2.1"), start);
    CHECK(a.lease && b.lease);
    for (int i = 0; i < 10; ++i) CHECK(limiter->admit(ip("192.0.2.1"), start).verdict == ConnectionLimiter::Verdict::concurrent);
    a.lease.reset();
    auto c = limiter->admit(ip("192.0.2.1"), start);
    CHECK(c.lease);  // refusals used up no rate
    c.lease.reset();
    CHECK(limiter->admit(ip("192.0.2.1"), start).lease);  // dropped at once
    CHECK(limiter->admit(ip("192.0.2.1"), start).verdict == ConnectionLimiter::Verdict::rate);
    CHECK(limiter->admit(ip("192.0.2.2"), start).lease);
    limiter.reset();
    b.lease.reset();  // outlives the limiter
  }

  void share() {
    ConnectionLimits limits{{9, 0, 0}, {2, 0, 0}, 100, 3};
    auto limiter = std::make_shared<ConnectionLimiter>(limits);
    FakeClock clock(start);
    Metrics metrics;
    LimitHits hits(metrics, Log());
    auto filter = limitedFilter("imap", limiter, {"too many", "busy"}, clock, hits);
    auto from = [&](const char* text) { return filter({ConnectionId(1), {ip(text), 1}, {ip("192.0.2.200"), 143}, "imap"}); };
    auto counted = [&](const char* name) { return metrics.value("mox_limit_hits_total", {{"limit", name}}); };
    auto a = from("192.0.2.1"), b = from("192.0.2.1");
    CHECK_EQ(std::string("too many"), from("192.0.2.1").refusal);
    CHECK_EQ(1.0, counted("imap-connections"));
    auto c = from("192.0.2.2");
    CHECK(a.admitted && b.admitted && c.admitted);
    CHECK_EQ(std::string("busy"), from("203.0.113.1").refusal);
    CHECK_EQ(1.0, counted("imap-connections-in-all"));
    b.lease.reset();
    CHECK(from("203.0.113.1").admitted);
    for (int i = 0; i < 7; ++i) CHECK(from("192.0.2.1").admitted);  // let go at once
    CHECK_EQ(std::string("too many"), from("192.0.2.1").refusal);
    CHECK_EQ(1.0, counted("imap-connection-rate"));
  }

  void listenFds() {
    CHECK(parseListenFds(nullptr, nullptr, nullptr, 7)->empty());
    CHECK(parseListenFds("8", "2", nullptr, 7)->empty());
    auto two = parseListenFds("7", "2", "smtp:imap", 7).value();
    CHECK_EQ(std::size_t(2), two.size());
    CHECK_EQ(4, two[1].fd);
    CHECK_EQ(std::string("imap"), two[1].name);
    CHECK_EQ(std::string(), parseListenFds("7", "1", nullptr, 7)->at(0).name);
    for (const char* bad : {"x", "-1", "99999", ""}) CHECK(!parseListenFds("7", bad, nullptr, 7));
    CHECK(!parseListenFds("7", "2", "one", 7));
    CHECK(!parseListenFds("seven", "2", nullptr, 7));
    CHECK(!notifyManager("", "READY=1"));
    CHECK(!notifyManager("relative", "READY=1"));
    CHECK(raiseFileLimit().error.empty());
  }
};
SUITE(LimiterTest);
