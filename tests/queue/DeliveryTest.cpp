// Messages from add() to a server on the loopback network, and what becomes of them when it says no.
#include "queue/QueueFixture.h"

namespace mox::queue::test {

namespace {

struct DeliveryTest : mox::test::Suite<DeliveryTest>, QueueFixture {
  static void list(List& l) {
    l.add("a message is delivered and gone", &DeliveryTest::delivered);
  }

  void delivered() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    auto ids = queue->add(message({"one@example.net"}));
    CHECK_EQ(std::size_t{1}, ids.size());
    eventually([&] { return mx.count() == 1; }, "message arrives");
    settle();
    auto taken = mx.taken().at(0);
    CHECK(taken.from.starts_with("<user@example.org>"));
    CHECK_EQ(std::string("<one@example.net>"), taken.to.at(0));
    CHECK(taken.data.starts_with("Received: by here\r\nFrom: "));
    CHECK(taken.data.ends_with("\r\n.dot\r\n"));
    CHECK_EQ(std::size_t{0}, queue->size());
  }
};
SUITE(DeliveryTest);

}  // namespace

}  // namespace mox::queue::test
