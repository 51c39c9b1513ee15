// Ids, rates, offsets behind a prefix, replies: what delivery decides without a session.
#include <algorithm>
#include <cerrno>
#include "delivery/Message.h"
#include "delivery/Place.h"
#include "delivery/Rates.h"
#include "delivery/ReceivedId.h"
#include "delivery/TraceFields.h"
#include "support/Test.h"

namespace {

using namespace mox;

Mailbox mailbox(const char* localpart) { return {*Localpart::make(localpart), *Domain::make("mox.example")}; }

struct DeliveryTest : test::Suite<DeliveryTest> {
  static void list(List& l) {
    l.add("ids of connections can be undone here only", &DeliveryTest::receivedIds);
    l.add("offsets behind a prefix are what parsing gives", &DeliveryTest::prefixes);
    l.add("the reply when all failed", &DeliveryTest::replies);
    l.add("what our own failures are called", &DeliveryTest::failures);
    l.add("protocol names", &DeliveryTest::protocols);
    l.add("every reason has a name of its own", &DeliveryTest::reasons);
  }

  void receivedIds() {
    CHECK(!delivery::ReceivedId::make("short"));
    auto here = *delivery::ReceivedId::make("0123456789abcdefABCDEFGH"), there = *delivery::ReceivedId::make("0123456789abcdefabcdefgh");
    auto id = here.encode(ConnectionId(77));
    CHECK_EQ(std::size_t(22), id.size());
    CHECK(here.decode(id) == ConnectionId(77));
    CHECK(!there.decode(id));
    CHECK(!here.decode("nonsense"));
    CHECK(!here.decode(""));
    CHECK(here.encode(ConnectionId(78)).substr(0, 4) != id.substr(0, 4));
    CHECK(here.decode(here.encode(ConnectionId(~0ull))) == ConnectionId(~0ull));
  }

  void prefixes() {
    const std::string prefix = "X-Mox-Reason: none\r\nReturn-Path: <a@b.example>\r\nReceived: from a\r\n by b; date\r\n";
    for (const std::string data : {
             "Subject: x\r\n\r\nbody\r\n", "", "\r\n", "\r\nbody", "no header at all\r\nmore\r\n", " continuation of nothing\r\nSubject: x\r\n\r\nb",
             "From a@b Mon Jan 1\r\nSubject: x\r\n\r\nb", "Subject: no end", "Received: from x\r\nFrom: a@b.example\r\n\r\n\xc3\xa9",
             "Content-Type: multipart/mixed; boundary=x\r\n\r\npre\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nb\r\n--x\r\n\r\ntext\r\n--x--\r\n",
             "Content-Type: multipart/mixed; boundary=x\n\n--x\n\na\n--x"}) {
      auto whole = message::parse(prefix, data), shifted = delivery::withPrefix(message::parse(data), prefix);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(data, message::encode(whole.root), message::encode(shifted.root));
      CPPUNIT_ASSERT_EQUAL_MESSAGE(data, whole.hasHeader, shifted.hasHeader);
      CPPUNIT_ASSERT_EQUAL_MESSAGE(data, whole.receivedFields, shifted.receivedFields);
      CHECK_EQ(whole.has8bit, shifted.has8bit);
      CHECK_EQ(whole.utf8Headers, shifted.utf8Headers);
      CHECK_EQ(whole.messageId, shifted.messageId);
      CHECK_EQ(whole.subjectBase, shifted.subjectBase);
      CHECK_EQ(whole.preview, shifted.preview);
      CHECK(whole.from == shifted.from);
    }
  }

  // smtp.md §6.12.
  void replies() {
    std::vector<delivery::Recipient> two{{mailbox("a"), {}}, {mailbox("b"), {}}};
    delivery::Outcome unknown{false, 550, "5.1.1", "no such user"}, later{false, 451, "4.3.0", "error processing"}, full{false, 452, "4.2.2", "full"};
    CHECK_EQ(std::string("550 5.1.1 no such user\r\n"), delivery::combinedReply(two, {unknown, unknown}).wire());
    CHECK_EQ(554u, delivery::combinedReply(two, {unknown, later}).code);
    CHECK_EQ(std::string("451-4.3.0 a@mox.example: 452 full\r\n451 4.3.0 b@mox.example: 451 error processing\r\n"),
             delivery::combinedReply(two, {full, later}).wire());
  }

  void failures() {
    CHECK_EQ(452u, delivery::failureOf(store::FileError(std::error_code(ENOSPC, std::generic_category()), "x")).code);
    CHECK_EQ(452u, delivery::failureOf(store::FileError(std::error_code(EDQUOT, std::generic_category()), "x")).code);
    CHECK_EQ(451u, delivery::failureOf(store::FileError(std::error_code(EIO, std::generic_category()), "x")).code);
    CHECK_EQ(451u, delivery::failureOf(std::runtime_error("secret")).code);
    CHECK_EQ(std::string("error processing"), delivery::failureOf(std::runtime_error("secret")).text);
  }

  void protocols() {
    CHECK_EQ(std::string("SMTP"), delivery::withProtocol(false, false, false, false));
    CHECK_EQ(std::string("ESMTPS"), delivery::withProtocol(true, false, true, false));
    CHECK_EQ(std::string("ESMTPSA"), delivery::withProtocol(true, false, true, true));
    CHECK_EQ(std::string("UTF8SMTPSA"), delivery::withProtocol(true, true, true, true));
  }

  void reasons() {
    std::vector<std::string> names;
    for (int i = 0; i <= static_cast<int>(delivery::Reason::none); i++) names.emplace_back(delivery::reasonName(static_cast<delivery::Reason>(i)));
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
  }
};
SUITE(DeliveryTest);

}  // namespace
