// What an administrator does to the queue.
#include "queue/QueueFixture.h"

#include "message/SearchText.h"

namespace mox::queue::test {

namespace {

struct AdminTest : mox::test::Suite<AdminTest>, QueueFixture {
  void setUp() override { build(); }
  void tearDown() override { dismantle(); }
  static void list(List& l) {
    l.add("filters", &AdminTest::filters);
    l.add("an address is the whole of it, and text without @ a part", &AdminTest::filterByAddress);
    l.add("hold and release", &AdminTest::hold);
    l.add("schedule", &AdminTest::reschedule);
    l.add("a time set while an attempt is under way counts when it has failed", &AdminTest::duringAttempt);
    l.add("what is put on hold while an attempt is under way is not tried again", &AdminTest::holdDuringAttempt);
    l.add("transport and TLS", &AdminTest::settings);
    l.add("fail tells the sender, drop does not", &AdminTest::failAndDrop);
    l.add("a report shows the subject as its sender reads it", &AdminTest::subjectInReport);
    l.add("what is dropped while an attempt is under way fails without a word", &AdminTest::dropDuringAttempt);
    l.add("dump", &AdminTest::dump);
    l.add("what waits for a connection can be held", &AdminTest::holdWaiting);
    l.add("the sender's account is gone: the postmaster", &AdminTest::accountGone);
  }

  void add(const std::string& to, const std::string& from = "user@example.org", Duration later = std::chrono::hours(1)) {
    auto m = message({to}, from);
    m.notBefore = clock.now() + std::chrono::duration_cast<std::chrono::microseconds>(later);
    queue->add(m);
  }
  std::string show(const Filter& filter) {
    std::string out;
    for (const auto& e : queue->list(filter)) out += (out.empty() ? "" : " ") + e.recipient.localpart.text();
    return out;
  }

  void filters() {
    start();
    add("a@example.net", "user@example.org", std::chrono::hours(3));
    clock.advance(std::chrono::minutes(1));
    add("b@sub.example.net", "Other@example.org", std::chrono::hours(1));
    clock.advance(std::chrono::minutes(1));
    add("c@example.com", "x@example.com", std::chrono::hours(2));
    CHECK_EQ(std::string("b c a"), show({}));
    Filter f;
    f.sort = Filter::Sort::queued;
    CHECK_EQ(std::string("a b c"), show(f));
    f.ascending = false;
    f.max = 2;
    CHECK_EQ(std::string("c b"), show(f));
    f = {};
    f.to = "@example.net";
    CHECK_EQ(std::string("a"), show(f));
    f.to = "EXAMPLE.NET";
    CHECK_EQ(std::string("b a"), show(f));
    f.from = "user";  // both must fit
    CHECK_EQ(std::string("a"), show(f));
    f = {};
    f.from = "other";
    CHECK_EQ(std::string("b"), show(f));
    f.from = "o' OR 1=1 --";
    CHECK_EQ(std::string(""), show(f));
    f = {};
    f.account = "user";
    CHECK_EQ(std::string("b c a"), show(f));
    f.account = "admin";
    CHECK_EQ(std::string(""), show(f));
    f = {};
    f.submittedBefore = clock.now() - std::chrono::seconds(90);
    CHECK_EQ(std::string("a"), show(f));
    f = {};
    f.submittedAfter = clock.now() - std::chrono::seconds(90);
    CHECK_EQ(std::string("b c"), show(f));
    f = {};
    f.nextAttemptBefore = clock.now() + std::chrono::minutes(90);
    CHECK_EQ(std::string("b"), show(f));
    f = {};
    f.nextAttemptAfter = clock.now() + std::chrono::minutes(150);
    CHECK_EQ(std::string("a"), show(f));
    f = {};
    f.ids = {queue->list({}).at(1).id};
    CHECK_EQ(std::size_t{1}, queue->setHold(f, true));
    f = {};
    f.hold = true;
    CHECK_EQ(std::string("c"), show(f));
    f.hold = false;
    CHECK_EQ(std::string("b a"), show(f));
    f = {};
    f.transport = "";
    CHECK_EQ(std::string("b c a"), show(f));
  }

  void filterByAddress() {
    start();
    for (const char* to : {"joann@example.net", "ann@example.net", "ann@example.net.example", "ann@xn--bcher-kva.example", "\"a b\"@example.net"}) {
      add(to);
      clock.advance(std::chrono::minutes(1));
    }
    auto shown = [this](const std::string& to) {
      Filter f;
      f.to = to;
      std::string out;
      for (const auto& e : queue->list(f)) out += e.recipient.text() + "\n";
      return out;
    };
    CHECK_EQ(std::string("ann@example.net\n"), shown("ann@example.net"));
    CHECK_EQ(std::string("ann@example.net\n"), shown("Ann@EXAMPLE.net"));
    CHECK_EQ(std::string(""), shown("nn@example.net"));
    CHECK_EQ(std::string(""), shown("ann@"));
    for (const char* text : {"ann@b\u00fccher.example", "ann@xn--bcher-kva.example"}) CHECK_EQ(std::string("ann@b\u00fccher.example\n"), shown(text));
    CHECK_EQ(std::string("\"a b\"@example.net\n"), shown("\"A b\"@example.net"));
    CHECK_EQ(std::string("joann@example.net\n"), shown("JOANN"));
    CHECK_EQ(std::string("joann@example.net\nann@example.net\n\"a b\"@example.net\n"), shown("@example.net"));
    Filter f;
    f.from = "ser@example.org";
    CHECK_EQ(std::size_t{0}, queue->drop(f));
    f.from = "user@example.org";
    CHECK_EQ(std::size_t{5}, queue->drop(f));
  }

  void hold() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    add("a@example.net");
    CHECK_EQ(std::size_t{1}, queue->setHold({}, true));
    CHECK_EQ(1.0, metrics.value("mox_queue_hold"));
    advance(std::chrono::hours(2));
    settle();
    CHECK_EQ(std::size_t{0}, mx.count());
    queue->setHold({}, false);
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
    CHECK_EQ(0.0, metrics.value("mox_queue_hold"));
  }

  void reschedule() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    add("a@example.net");
    auto due = entry().nextAttempt;
    CHECK_EQ(std::size_t{1}, queue->schedule({}, -std::chrono::minutes(10), false));
    CHECK(entry().nextAttempt == due - std::chrono::minutes(10));
    queue->schedule({}, std::chrono::minutes(5), true);
    CHECK(entry().nextAttempt == clock.now() + std::chrono::minutes(5));
    queue->schedule({}, Duration::zero(), true);
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
  }

  /// A message of which the peer has all, without saying yet whether it takes it: an attempt that is surely under way.
  void untilUndecided(Sink& mx) {
    domain("example.net", mx.at());
    start();
    queue->add(message({"a@example.net"}));
    eventually([&] { return mx.count() == 1; }, "a message that is answered in part");
    mx.change({});
  }
  static Script undecided() {
    Script script;
    script.data = "250-wait\r\n";
    return script;
  }

  void duringAttempt() {
    Sink mx(*engine, undecided());
    untilUndecided(mx);
    CHECK_EQ(std::size_t{1}, queue->schedule({}, Duration::zero(), true));
    CHECK(entry().nextAttempt == clock.now());
    advance(std::chrono::minutes(11));  // it is given up; the pause after it would be longer
    settle();
    CHECK_EQ(std::size_t{2}, mx.count());
    CHECK_EQ(std::size_t{0}, queue->size());
  }

  void holdDuringAttempt() {
    Sink mx(*engine, undecided());
    untilUndecided(mx);
    CHECK_EQ(std::size_t{1}, queue->setHold({}, true));
    advance(std::chrono::minutes(11));
    settle();
    advance(std::chrono::hours(2));
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
    CHECK(entry().hold && entry().attempts == 1);
    queue->setHold({}, false);
    settle();
    CHECK_EQ(std::size_t{2}, mx.count());
  }

  void dropDuringAttempt() {
    Script script;
    script.data = "550 5.7.1 no\r\n";
    script.hold = ".";
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    auto ids = queue->add(message({"a@example.net", "b@example.net"}));
    eventually([&] { return mx.held() == 1; }, "a message that is not answered");
    Filter a;
    a.ids = {ids[0]};
    CHECK_EQ(std::size_t{1}, queue->drop(a));
    mx.release();
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::size_t{1}, inbox("user").size());
    CHECK(inbox("user")[0].find("Final-Recipient: rfc822; b@example.net") != std::string::npos);
    CHECK(inbox("user")[0].find("a@example.net") == std::string::npos);
  }

  void settings() {
    start();
    add("a@example.net");
    CHECK_EQ(std::size_t{1}, queue->setTransport({}, "smart"));
    CHECK_EQ(std::size_t{1}, queue->setRequireTls({}, true));
    CHECK(entry().transport == "smart" && entry().requireTls == true);
    queue->setRequireTls({}, std::nullopt);
    CHECK(!entry().requireTls);
    Filter none;
    none.ids = {QueueId(4711)};
    CHECK_EQ(std::size_t{0}, queue->setTransport(none, "x"));
  }

  void failAndDrop() {
    start();
    add("a@example.net");
    add("b@example.net");
    Filter f;
    f.to = "a@example.net";
    CHECK_EQ(std::size_t{1}, queue->fail(f));
    CHECK_EQ(std::size_t{1}, inbox("user").size());
    CHECK(inbox("user")[0].find("administrator") != std::string::npos);
    CHECK_EQ(std::size_t{1}, queue->size());
    CHECK_EQ(std::size_t{1}, queue->drop({}));
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::size_t{1}, inbox("user").size());
    CHECK_EQ(std::size_t{0}, queue->drop({}));
  }

  void subjectInReport() {
    start();
    auto report = [&](const std::string& subject) {
      auto sent = message({"a@example.net"});
      sent.subject = subject;
      sent.notBefore = clock.now() + std::chrono::hours(1);
      queue->add(sent);
      CHECK_EQ(std::size_t{1}, queue->fail({}));
      auto mail = inbox("user").back();
      return message::searchText(message::parse(mail).root, mail, false).text;
    };
    auto shows = [&](const std::string& text, const std::string& line) { CHECK_MSG(text, text.find("\nsubject: " + line + "\r\n") != std::string::npos); };
    shows(report("=?utf-8?q?gr=C3=BC?= =?utf-8?q?n?="), "gr\u00fcn");
    shows(report("gr\u00fcn"), "gr\u00fcn");
    shows(report("=?utf-8?q?a=0Ab=E2=80=AEc?="), "a b\\xe2\\x80\\xaec");
  }

  void dump() {
    start();
    add("a@example.net");
    auto text = queue->dump(entry().id).value();
    CHECK(text.starts_with("Received: by here\r\nFrom: "));
    CHECK(queue->dump(QueueId(4711)).error().code == Errc::notFound);
  }

  /// One connection hangs; the messages behind it are taken back as if they had never been tried.
  void holdWaiting() {
    Script mute;
    mute.greeting = "220-wait\r\n";
    Sink mx(*engine, mute);
    domain("example.net", mx.at());
    start();
    for (int i = 0; i < 10; ++i) queue->add(message({"n" + std::to_string(i) + "@example.net"}));
    eventually([&] { return mx.connections() >= 1 && queue->active() == 10; }, "all wait");
    eventually([&] { queue->setHold({}, true); return queue->active() == 0; }, "all are back");
    for (const auto& e : entries()) CHECK(e.hold && e.attempts == 0);
    queue->drop({});
  }

  void accountGone() {
    Script no;
    no.mail = "550 5.7.1 no\r\n";
    Sink mx(*engine, no);
    domain("example.net", mx.at());
    start();
    auto m = message({"a@example.net"});
    m.senderAccount = "left";
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{1}, inbox("admin").size());
  }
};
SUITE(AdminTest);

}  // namespace

}  // namespace mox::queue::test
