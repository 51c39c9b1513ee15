// Where mail goes: RFC 5321 §5.1, RFC 7505, and the order of addresses.
#include "dns/FakeResolver.h"
#include "queue/Backoff.h"
#include "queue/Lanes.h"
#include "queue/Target.h"
#include "support/Test.h"

namespace mox::queue::test {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

struct TargetTest : mox::test::Suite<TargetTest> {
  static void list(List& l) {
    l.add("MX by preference, equals in any order", &TargetTest::preference);
    l.add("no MX: the domain itself", &TargetTest::implicit);
    l.add("null MX", &TargetTest::nullMx);
    l.add("what does not exist", &TargetTest::missing);
    l.add("trouble of the resolver is temporary", &TargetTest::trouble);
    l.add("aliases, their limit and loops", &TargetTest::aliases);
    l.add("odd and many MX records", &TargetTest::odd);
    l.add("address literals", &TargetTest::literal);
    l.add("a smarthost is a name or an address", &TargetTest::smarthost);
    l.add("families and addresses take turns", &TargetTest::families);
    l.add("what a connection is bound to", &TargetTest::source);
    l.add("the table of retries", &TargetTest::retries);
    l.add("lanes ask for what is due and fits", &TargetTest::lanes);
  }

  dns::FakeResolver resolver;
  FakeRandom random;
  dns::Ask ask{Steady(seconds(10))};

  tl::expected<Target, Refusal> resolve(const std::string& name) { return resolveTarget(resolver, Domain::make(name).value(), ask, random); }
  std::string hosts(const std::string& name) {
    auto target = resolve(name);
    if (!target) return std::string(target.error().permanent ? "permanent " : "temporary ") + target.error().enhanced;
    std::string out;
    for (const auto& host : target->hosts) out += (out.empty() ? "" : " ") + host.name;
    return out;
  }
  static std::string show(const std::vector<IpAddress>& ips) {
    std::string out;
    for (const auto& ip : ips) out += (out.empty() ? "" : " ") + ip.text();
    return out;
  }
  static std::vector<IpAddress> ips(std::initializer_list<const char*> texts) {
    std::vector<IpAddress> out;
    for (const auto* text : texts) out.push_back(IpAddress::parse(text).value());
    return out;
  }

  void preference() {
    resolver.mx("example.net", 20, "c.example.net").mx("example.net", 10, "a.example.net").mx("example.net", 10, "b.example.net");
    for (const auto* host : {"a.example.net", "b.example.net", "c.example.net"}) resolver.a(host, "192.0.2.1");
    std::set<std::string> seen;
    for (int i = 0; i < 50; ++i) seen.insert(hosts("example.net"));
    CHECK(seen == (std::set<std::string>{"a.example.net b.example.net c.example.net", "b.example.net a.example.net c.example.net"}));
  }

  void implicit() {
    resolver.a("example.net", "192.0.2.1").aaaa("example.net", "2001:db8::1");
    CHECK_EQ(std::string("example.net"), hosts("example.net"));
    CHECK_EQ(std::size_t{2}, resolve("example.net")->hosts[0].ips.size());
  }

  void smarthost() {
    auto literal = resolveHost(resolver, "192.0.2.5", ask);
    CHECK(literal && literal->hosts.size() == 1);
    CHECK_EQ(std::string("192.0.2.5"), show(literal->hosts[0].ips));
    auto missing = resolveHost(resolver, "relay.example.net", ask);
    CHECK(!missing && !missing.error().permanent);
    CHECK_EQ(std::string("smarthost relay.example.net: host has no address"), missing.error().text);
  }

  void nullMx() {
    resolver.mx("example.net", 0, ".").a("example.net", "192.0.2.1");
    CHECK_EQ(std::string("permanent 5.1.10"), hosts("example.net"));
    // Beside others it means nothing (RFC 7505 §3).
    resolver.mx("example.com", 0, ".").mx("example.com", 10, "a.example.com").a("a.example.com", "192.0.2.1");
    CHECK_EQ(std::string("a.example.com"), hosts("example.com"));
  }

  void missing() {
    CHECK_EQ(std::string("permanent 5.1.2"), hosts("nowhere.example"));
    resolver.txt("textonly.example", "no host");
    CHECK_EQ(std::string("permanent 5.1.2"), hosts("textonly.example"));
    resolver.mx("example.net", 10, "gone.example.net");
    CHECK_EQ(std::string("temporary 4.4.4"), hosts("example.net"));
    resolver.mx("example.com", 0, "gone.example.com");
    CHECK_EQ(std::string("temporary 4.4.4"), hosts("example.com"));
  }

  void trouble() {
    for (auto failure : {dns::Failure::temporary, dns::Failure::bogus, dns::Failure::malformed}) {
      resolver.clear();
      resolver.mx("example.net", 10, "a.example.net").fail("example.net", failure, dns::Type::mx);
      CHECK_EQ(std::string("temporary 4.4.3"), hosts("example.net"));
      resolver.clear();
      resolver.mx("example.net", 10, "a.example.net").fail("a.example.net", failure);
      CHECK_EQ(std::string("temporary 4.4.3"), hosts("example.net"));
      resolver.mx("example.net", 20, "b.example.net").a("b.example.net", "192.0.2.1");
      CHECK_EQ(std::string("b.example.net"), hosts("example.net"));
      resolver.fail("example.net", failure, dns::Type::cname);
      CHECK_EQ(std::string("temporary 4.4.3"), hosts("example.net"));
    }
  }

  void aliases() {
    resolver.cname("a0.example", "a1.example");
    for (int i = 1; i < 16; ++i) resolver.cname("a" + std::to_string(i) + ".example", "a" + std::to_string(i + 1) + ".example");
    resolver.mx("a16.example", 10, "mx.example").a("mx.example", "192.0.2.1");
    CHECK_EQ(std::string("mx.example"), hosts("a0.example"));
    resolver.cname("b.example", "a0.example");
    CHECK_EQ(std::string("permanent 5.4.4"), hosts("b.example"));
    resolver.cname("x.example", "y.example").cname("y.example", "x.example");
    CHECK_EQ(std::string("permanent 5.4.4"), hosts("x.example"));
    resolver.cname("self.example", "self.example");
    CHECK_EQ(std::string("permanent 5.4.4"), hosts("self.example"));
  }

  void odd() {
    resolver.mx("example.net", 1, "not a name").mx("example.net", 2, "_srv.example.net").mx("example.net", 3, "xn--bcher-kva.example");
    resolver.a("_srv.example.net", "192.0.2.1").a("xn--bcher-kva.example", "192.0.2.2");
    CHECK_EQ(std::string("_srv.example.net xn--bcher-kva.example"), hosts("example.net"));
    for (std::uint16_t i = 0; i < 200; ++i) {
      auto name = "m" + std::to_string(i) + ".example.org";
      resolver.mx("example.org", i, name).a(name, "192.0.2.3");
    }
    CHECK_EQ(maxTargetHosts, resolve("example.org")->hosts.size());
    for (int i = 0; i < 30; ++i)
      resolver.a("many.example", "192.0.2." + std::to_string(i + 1)).aaaa("many.example", "2001:db8::" + std::to_string(i + 1));
    auto many = resolve("many.example")->hosts.at(0).ips;
    CHECK_EQ(maxHostAddresses, many.size());
    CHECK_EQ(std::ptrdiff_t{5}, std::count_if(many.begin(), many.end(), [](const auto& ip) { return ip.isV4(); }));
  }

  void literal() {
    auto ip = IpAddress::parse("2001:db8::7").value();
    auto target = resolveTarget(resolver, ip, ask, random).value();
    CHECK_EQ(std::string("[IPv6:2001:db8::7]"), target.hosts.at(0).name);
    CHECK(target.hosts.at(0).ips == std::vector{ip});
    CHECK(resolver.queries().empty());
  }

  void families() {
    auto all = ips({"192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"});
    auto order = [&](std::initializer_list<const char*> before) { return show(orderAddresses(all, ips(before))); };
    CHECK_EQ(std::string("2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2"), order({}));
    CHECK_EQ(std::string("192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2"), order({"2001:db8::1"}));
    // The second try of a family goes to the same address.
    CHECK_EQ(std::string("2001:db8::2 2001:db8::1 192.0.2.1 192.0.2.2"), order({"2001:db8::2", "192.0.2.1"}));
    CHECK_EQ(std::string("192.0.2.2 192.0.2.1 2001:db8::2 2001:db8::1"), order({"192.0.2.2", "2001:db8::2"}));
    // The third to another one.
    CHECK_EQ(std::string("2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2"), order({"2001:db8::2", "2001:db8::2", "192.0.2.1"}));
    auto four = ips({"192.0.2.1", "192.0.2.2"});
    CHECK_EQ(std::string("192.0.2.2 192.0.2.1"), show(orderAddresses(four, ips({"192.0.2.2"}))));
    CHECK_EQ(std::string("192.0.2.1 192.0.2.2"), show(orderAddresses(four, ips({"192.0.2.2", "192.0.2.2"}))));
  }

  void source() {
    auto from = [](const char* to, const config::OutgoingIps& outgoing) {
      auto source = sourceFor(IpAddress::parse(to).value(), outgoing);
      return source ? source->text() : std::string("any");
    };
    config::OutgoingIps outside{IpAddress::parse("203.0.113.1").value(), std::nullopt}, inside{IpAddress::parse("10.0.0.1").value(), std::nullopt};
    CHECK_EQ(std::string("203.0.113.1"), from("192.0.2.1", outside));
    CHECK_EQ(std::string("any"), from("2001:db8::1", outside));
    CHECK_EQ(std::string("any"), from("127.0.0.1", outside));
    CHECK_EQ(std::string("any"), from("10.0.0.7", outside));
    CHECK_EQ(std::string("10.0.0.1"), from("10.0.0.7", inside));
    CHECK_EQ(std::string("10.0.0.1"), from("192.0.2.1", inside));  // a router translates it
  }

  void retries() {
    std::vector<int> table{450, 900, 1800, 3600, 7200, 14400, 28800, 57600};
    Duration all{};
    for (int i = 0; i < 8; ++i) {
      CHECK(backoff(i + 1) == seconds(table[static_cast<std::size_t>(i)]));
      if (i >= 5 && i < 7) all += backoff(i + 1);
      for (int k = 0; k < 20; ++k) {
        auto d = backoff(i + 1, random);
        CHECK(d >= backoff(i + 1) - seconds(5) && d <= backoff(i + 1) + seconds(5));
      }
    }
    CHECK(backoff(1'000'000) > Duration::zero());
    Time next(seconds(1000));
    CHECK(lastAttemptTime(next, 5, 8) == next + all / 1000 * 1000 / std::chrono::microseconds(1) * std::chrono::microseconds(1));
    CHECK(lastAttemptTime(next, 7, 8) == next);
  }

  void lanes() {
    Lanes l({10, 15, 100});
    Time t0(seconds(100));
    l.note("a", t0);
    l.note("b", t0 + seconds(1));
    l.note("a", t0 + seconds(5));
    CHECK(l.nextDue() == t0);
    CHECK(l.requests(t0 - seconds(1)).empty());
    auto r = l.requests(t0);
    CHECK_EQ(std::size_t{1}, r.size());
    CHECK_EQ(std::string("a"), r[0].lane);
    CHECK_EQ(std::size_t{10}, r[0].most);
    l.took("a", 10);
    l.note("a", t0);  // more are due, but the lane is full
    CHECK(l.nextDue() == t0 + seconds(1));
    r = l.requests(t0 + minutes(1));
    CHECK_EQ(std::size_t{1}, r.size());
    CHECK_EQ(std::string("b"), r[0].lane);
    CHECK_EQ(std::size_t{5}, r[0].most);  // of 15 in all
    l.took("b", 5);
    CHECK(!l.nextDue());
    l.done("a", 5);
    CHECK(l.nextDue() == t0);
    CHECK_EQ(std::size_t{5}, l.requests(t0).at(0).most);
    l.done("a", 5);
    l.done("b", 99);
    CHECK_EQ(std::size_t{0}, l.inMemory());
  }
};
SUITE(TargetTest);

}  // namespace

}  // namespace mox::queue::test
