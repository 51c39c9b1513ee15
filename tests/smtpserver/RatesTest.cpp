// SMI-07: how much a network delivers to an account.
#include "delivery/Rates.h"
#include "smtpserver/SmtpWorld.h"
#include "support/Test.h"

namespace {

using namespace mox;

struct RatesTest : test::Suite<RatesTest> {
  static void list(List& l) {
    l.add("messages a minute and a day", &RatesTest::counts);
    l.add("octets", &RatesTest::octets);
    l.add("what is stored counts after a restart", &RatesTest::restart);
  }
  test::SmtpWorld world{smtpserver::Kind::delivery};
  IpAddress ip = *IpAddress::parse("192.0.2.1"), neighbour = *IpAddress::parse("192.0.2.2");

  bool isHigh(delivery::Rates& rates, const std::string& account, const IpAddress& from, std::uint64_t size = 1) {
    auto opened = *world.accounts().open(account);
    auto reader = opened->reader();
    return rates.isHigh(account, reader, from, size, world.clock().now());
  }

  void counts() {
    delivery::Rates rates;
    for (int i = 0; i < 500; i++) {
      CHECK(!isHigh(rates, "mjl", ip));
      rates.count("mjl", ip, 1, world.clock().now());
    }
    CHECK(isHigh(rates, "mjl", ip));
    CHECK(!isHigh(rates, "mjl", neighbour));
    CHECK(!isHigh(rates, "other", ip));
    world.clock().advance(std::chrono::minutes(1));
    CHECK(!isHigh(rates, "mjl", ip));
    for (int i = 0; i < 9500; i++) {
      rates.count("mjl", ip, 1, world.clock().now());
      if (i % 400 == 0) world.clock().advance(std::chrono::minutes(1));
    }
    world.clock().advance(std::chrono::minutes(1));
    CHECK(isHigh(rates, "mjl", ip));
    world.clock().advance(std::chrono::hours(24));
    CHECK(!isHigh(rates, "mjl", ip));
  }

  void octets() {
    delivery::Rates rates;
    CHECK(isHigh(rates, "mjl", ip, (1000ull << 20) + 1));
    CHECK(!isHigh(rates, "mjl", ip, 1000ull << 20));
  }

  void restart() {
    auto session = world.connect();
    test::FakeChannel channel(*session, world.clock());
    channel.open();
    channel.feed("EHLO client.example\r\n");
    for (int i = 0; i < 20; i++) channel.feed("MAIL FROM:<a@sender.example>\r\nRCPT TO:<mjl@mox.example>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n");
    CHECK_EQ(std::size_t(20), world.messages("mjl").size());
    delivery::Rates fresh;
    CHECK(!isHigh(fresh, "mjl", ip));
    for (int i = 0; i < 479; i++) fresh.count("mjl", ip, 1, world.clock().now());
    CHECK(!isHigh(fresh, "mjl", ip));
    fresh.count("mjl", ip, 1, world.clock().now());
    CHECK(isHigh(fresh, "mjl", ip));
  }
};
SUITE(RatesTest);

}  // namespace
