#include "iprev/Iprev.h"

#include "dns/FakeResolver.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::dns;

struct IprevTest : test::Suite<IprevTest> {
  static void list(List& l) {
    l.add("pass by the second name, and by IPv6", &IprevTest::pass);
    l.add("fail, permerror, temperror", &IprevTest::others);
    l.add("authentic only both ways", &IprevTest::authentic);
    l.add("no more than ten names are tried", &IprevTest::manyNames);
  }

  FakeClock clock;
  FakeResolver dns;
  iprev::Result check(const char* ip, Metrics* metrics = nullptr) {
    return iprev::check(dns, clock, *IpAddress::parse(ip), clock.steady() + std::chrono::minutes(1), metrics);
  }

  void pass() {
    Metrics metrics;
    dns.ptr("192.0.2.1", "one.example").ptr("192.0.2.1", "two.example").a("one.example", "192.0.2.9").a("two.example", "192.0.2.1");
    auto got = check("192.0.2.1", &metrics);
    CHECK(got.status == iprev::Status::pass);
    CHECK_EQ(std::string("two.example."), got.name);
    CHECK_EQ(std::size_t(2), got.names.size());
    CHECK(metrics.text().find(R"(mox_iprev_lookup_total_count{status="pass"} 1)") != std::string::npos);
    dns.ptr("2001:db8::1", "six.example").aaaa("six.example", "2001:db8::1");
    CHECK(check("2001:db8::1").status == iprev::Status::pass);
  }

  void others() {
    CHECK(check("192.0.2.1").status == iprev::Status::permerror);
    dns.ptr("192.0.2.2", "two.example").a("two.example", "192.0.2.9");
    CHECK(check("192.0.2.2").status == iprev::Status::fail);
    dns.ptr("192.0.2.3", "gone.example");
    CHECK(check("192.0.2.3").status == iprev::Status::fail);
    dns.ptr("192.0.2.4", "busy.example").fail("busy.example", Failure::temporary);
    CHECK(check("192.0.2.4").status == iprev::Status::temperror);
    dns.fail("5.2.0.192.in-addr.arpa", Failure::bogus);
    CHECK(check("192.0.2.5").status == iprev::Status::temperror);
    dns.fail("6.2.0.192.in-addr.arpa", Failure::malformed);
    CHECK(check("192.0.2.6").status == iprev::Status::permerror);
  }

  void authentic() {
    dns.ptr("192.0.2.1", "one.example").a("one.example", "192.0.2.1").allAuthentic(true);
    CHECK(check("192.0.2.1").authentic);
    dns.authentic("one.example", false);
    CHECK(!check("192.0.2.1").authentic);
  }

  void manyNames() {
    for (int i = 0; i < 30; ++i) dns.ptr("192.0.2.1", "n" + std::to_string(i) + ".example");
    dns.a("n20.example", "192.0.2.1");
    auto got = check("192.0.2.1");
    CHECK(got.status == iprev::Status::fail);
    CHECK_EQ(std::size_t(1 + iprev::maxNames), dns.queries().size());
  }
};
SUITE(IprevTest);
