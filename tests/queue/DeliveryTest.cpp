// Messages from add() to a server on the loopback network, and what becomes of them when it says no.
#include "queue/QueueFixture.h"
#include "queue/Target.h"

namespace mox::queue::test {

namespace {

using std::chrono::minutes;
using std::chrono::seconds;

struct DeliveryTest : mox::test::Suite<DeliveryTest>, QueueFixture {
  void setUp() override { build(); }
  void tearDown() override { dismantle(); }
  static void list(List& l) {
    l.add("a message is delivered and gone", &DeliveryTest::delivered);
    l.add("a new message is claimed in the commit that takes it", &DeliveryTest::jumped);
    l.add("what DNS said is remembered: no job", &DeliveryTest::remembered);
    l.add("behind others that are due", &DeliveryTest::behind);
    l.add("a large message goes as a file", &DeliveryTest::large);
    l.add("recipients of a domain share a transaction", &DeliveryTest::combined);
    l.add("each recipient has its own result", &DeliveryTest::mixed);
    l.add("452 takes another transaction", &DeliveryTest::tooMany);
    l.add("refused for ever: a report in the Inbox", &DeliveryTest::permanent);
    l.add("no report for the null path", &DeliveryTest::nullPath);
    l.add("4xx greeting, close after RCPT, 4xx at the end", &DeliveryTest::temporary);
    l.add("250 then a reset is delivered", &DeliveryTest::resetAfter250);
    l.add("all attempts and both reports", &DeliveryTest::lifetime);
    l.add("the next MX after 4xx, not after 5xx", &DeliveryTest::nextMx);
    l.add("a backup that is down does not hide the answer of the first", &DeliveryTest::answerKept);
    l.add("each domain's own preference among the same hosts", &DeliveryTest::ownPreference);
    l.add("a host that does not answer", &DeliveryTest::deadHost);
    l.add("connections are shared and the server may say 421", &DeliveryTest::reuse);
    l.add("a trickle shares a parked connection", &DeliveryTest::trickle);
    l.add("a parked connection that turns out closed", &DeliveryTest::parkedGone);
    l.add("a server that ends parked connections", &DeliveryTest::parkedEnded);
    l.add("parked connections make room", &DeliveryTest::parkedMakesRoom);
    l.add("more destinations than connections", &DeliveryTest::turns);
    l.add("stop ends parked connections", &DeliveryTest::parkedStop);
    l.add("a server that says 4xx at once to a crowd", &DeliveryTest::crowdRefused);
    l.add("5xx in the greeting: the next MX", &DeliveryTest::nextGreeting);
    l.add("5xx in the greeting of all hosts", &DeliveryTest::allGreetings);
    l.add("5xx in the greeting after another host's 4xx", &DeliveryTest::greetingAfterSoft);
    l.add("5xx in the greeting: the other family has its turn", &DeliveryTest::greetingOfFamily);
    l.add("TLS fails once at a server that insists on it", &DeliveryTest::tlsNeeded);
    l.add("a second connection that is one too many condemns nothing", &DeliveryTest::oneTooMany);
    l.add("future release", &DeliveryTest::futureRelease);
    l.add("a dead domain holds up no other", &DeliveryTest::noHeadOfLine);
    l.add("stop keeps what was not tried", &DeliveryTest::stopped);
    l.add("a stop of the engine too lets a transaction come to its end", &DeliveryTest::answeredAtStop);
    l.add("what the stop of the engine cuts off is no attempt", &DeliveryTest::cutAtStop);
    l.add("bare line feeds are not sent", &DeliveryTest::bareLf);
  }

  Attempt lastResult() { return entry().results.back(); }

  void delivered() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    auto ids = queue->add(message({"one@example.net"}));
    CHECK_EQ(std::size_t{1}, ids.size());
    settle();
    auto taken = mx.taken().at(0);
    CHECK(taken.from.starts_with("<user@example.org>"));
    CHECK_EQ(std::string("<one@example.net>"), taken.to.at(0));
    CHECK(taken.data.starts_with("Received: by here\r\nFrom: "));
    CHECK(taken.data.ends_with("\r\n.dot\r\n"));
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(1.0, metrics.value("mox_queue_connection_total", {{"result", "ok"}}));
    CHECK(lines.find("domain=example.net") != std::string::npos);
  }

  void jumped() {
    Script slow;
    slow.rcpt = {{"<late@example.net>", "451 4.2.1 busy\r\n"}};
    Sink mx(*engine, slow);
    domain("example.net", mx.at());
    start();
    auto before = queue->storage().counts().works;
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(before + 2, queue->storage().counts().works);  // the message, and its end
    queue->add(message({"late@example.net", "two@example.net"}));
    settle();
    CHECK_EQ(1, entry().attempts);
    CHECK(entry().nextAttempt > clock.now());
    advance(minutes(10));
    settle();
    CHECK_EQ(2, entry().attempts);
  }

  void remembered() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    CHECK(resolveTarget(cache, *Domain::make("example.net"), dns::Ask(clock.steady() + seconds(5)), random).has_value());
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
    CHECK_EQ(0u, pool->threads());
  }

  /// A message for a domain that has others due is not taken before them.
  void behind() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    options.lanes.lane = 1;
    start();
    auto early = message({"one@example.net"});
    early.notBefore = clock.now() + minutes(1);
    queue->add(early);
    clock.advance(minutes(2));  // due, but nobody has looked
    queue->add(message({"two@example.net"}));
    settle();
    CHECK_EQ(std::size_t{2}, mx.count());
    CHECK_EQ(std::string("<one@example.net>"), mx.taken().at(0).to.at(0));
  }

  void large() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    std::string text = "Subject: large\r\n\r\n";
    while (text.size() < 600'000) text += "line " + std::to_string(text.size()) + "\r\n";
    auto m = message({"one@example.net"});
    m.data = text;
    queue->add(m);
    settle();
    CHECK(mx.taken().at(0).data == m.prefix + text);
    CHECK(files.list(directory / "queue/bodies").empty());
  }

  void combined() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    domain("example.com", mx.at());
    start();
    queue->add(message({"one@example.net", "two@example.net", "three@example.com", "four@example.net"}));
    settle();
    auto taken = mx.taken();
    CHECK_EQ(std::size_t{2}, taken.size());
    CHECK_EQ(std::size_t{4}, taken[0].to.size() + taken[1].to.size());
    CHECK(taken[0].to.size() == 3 || taken[1].to.size() == 3);
  }

  void mixed() {
    Script script;
    script.rcpt = {{"<busy@example.net>", "451 4.2.1 busy\r\n"}, {"<gone@example.net>", "550 5.1.1 unknown\r\n"}};
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net", "busy@example.net", "gone@example.net"}));
    settle();
    CHECK_EQ(std::size_t{1}, mx.taken().at(0).to.size());
    auto left = entry();
    CHECK_EQ(std::size_t{1}, queue->size());
    CHECK_EQ(std::string("busy@example.net"), left.recipient.text());
    CHECK_EQ(451, left.results.at(0).code);
    CHECK_EQ(std::string("4.2.1"), left.results.at(0).enhanced);
    CHECK(left.results.at(0).remote.find("127.0.0.1") != std::string::npos);
    CHECK_EQ(std::size_t{1}, inbox("user").size());
    auto back = inbox("user")[0];
    CHECK(back.find("gone@example.net") != std::string::npos);
    CHECK(back.find("busy@example.net") == std::string::npos);
  }

  void tooMany() {
    Script script;
    script.rcptLimit = 2;
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"a@example.net", "b@example.net", "c@example.net", "d@example.net", "e@example.net"}));
    settle();
    CHECK_EQ(std::size_t{3}, mx.count());
    CHECK_EQ(std::size_t{1}, mx.connections());
    CHECK_EQ(std::size_t{0}, queue->size());
  }

  void permanent() {
    Script script;
    script.rcpt = {{"<gone@example.net>", "550 5.1.1 no such user\r\n"}};
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"gone@example.net"}));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    auto mail = inbox("user").at(0);
    auto parsed = message::parse(mail);
    CHECK(parsed.isDsn);
    auto report = message::parseDsn(parsed.root, mail).value();
    CHECK_EQ(std::string("mail.example.org"), report.reportingMta.substr(report.reportingMta.find("mail")));
    CHECK_EQ(std::string("1@example.org"), report.originalMessageId);
    const auto& r = report.recipients.at(0);
    CHECK_EQ(std::string("gone@example.net"), r.finalRecipient);
    CHECK(r.action == message::DsnAction::failed);
    CHECK_EQ(std::string("5.1.1"), r.status);
    CHECK_EQ(550, r.smtpCode.value_or(0));
    CHECK(mail.find("Subject: a test\r\n") != std::string::npos);
    CHECK(mail.find("References: <1@Example.org>\r\n") != std::string::npos);
    // Headers only.
    CHECK(mail.find("hello\r\n") == std::string::npos);
  }

  void nullPath() {
    Script script;
    script.mail = "550 5.7.1 no\r\n";
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}, ""));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(inbox("user").empty());
    CHECK(inbox("admin").empty());
  }

  void temporary() {
    Script script;
    script.greeting = "421 4.3.2 too busy\r\n";
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(421, lastResult().code);
    CHECK_EQ(1, entry().attempts);

    script.greeting = "220 sink\r\n";
    script.closeAfterRcpt = true;
    mx.change(script);
    advance(minutes(8));
    settle();
    CHECK_EQ(std::size_t{2}, entry().results.size());
    CHECK_EQ(std::string("4.4.2"), lastResult().enhanced);

    script.closeAfterRcpt = false;
    script.data = "451-4.3.0 first\r\n451 4.3.0 second\r\n";
    mx.change(script);
    advance(minutes(16));
    settle();
    CHECK_EQ(std::string("first second"), lastResult().text);

    mx.change({});
    advance(minutes(31));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::size_t{1}, mx.count());
  }

  void resetAfter250() {
    Script script;
    script.resetAfterData = true;
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    queue->add(message({"two@example.net"}));
    settle();
    CHECK_EQ(std::size_t{2}, mx.count());
    CHECK_EQ(std::size_t{0}, queue->size());
  }

  /// Eight attempts at the times of the table; told after the fifth and at the end.
  void lifetime() {
    Script script;
    script.mail = "451 4.7.1 not now\r\n";
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    settle();
    Duration wait = seconds(450);
    for (int attempt = 2; attempt <= 8; ++attempt, wait *= 2) {
      advance(wait - seconds(6));
      settle();
      CHECK_EQ(attempt - 1, entry().attempts);
      CHECK_EQ(std::size_t(attempt > 5 ? 1 : 0), inbox("user").size());
      advance(seconds(12));
      settle();
      if (attempt < 8) CHECK_EQ(std::size_t(attempt), entry().results.size());
    }
    CHECK_EQ(std::size_t{0}, queue->size());
    auto mails = inbox("user");
    CHECK_EQ(std::size_t{2}, mails.size());
    auto delayed = message::parseDsn(message::parse(mails[0]).root, mails[0]).value();
    CHECK(delayed.recipients.at(0).action == message::DsnAction::delayed);
    CHECK(delayed.recipients.at(0).willRetryUntil > clock.now() - minutes(2));
    CHECK(delayed.recipients.at(0).willRetryUntil < clock.now() + minutes(2));
    auto failed = message::parseDsn(message::parse(mails[1]).root, mails[1]).value();
    CHECK(failed.recipients.at(0).action == message::DsnAction::failed);
    CHECK_EQ(std::string("4.7.1"), failed.recipients.at(0).status);
  }

  void nextMx() {
    Script soft;
    soft.rcpt = {{"<one@example.net>", "451 4.7.1 greylisted\r\n"}, {"<two@example.net>", "550 5.1.1 unknown\r\n"}};
    Sink first(*engine, soft);
    Sink second(*engine, {}, first.at().port, IpAddress::v4({127, 0, 0, 2}));
    domain("example.net", first.at());
    resolver.mx("example.net", 20, "backup.example.net");
    resolver.a("backup.example.net", "127.0.0.2");
    start();
    queue->add(message({"one@example.net", "two@example.net", "three@example.net"}));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::string("<three@example.net>"), first.taken().at(0).to.at(0));
    CHECK_EQ(std::size_t{1}, second.taken().at(0).to.size());
    CHECK_EQ(std::string("<one@example.net>"), second.taken().at(0).to.at(0));
    CHECK_EQ(std::size_t{1}, inbox("user").size());
  }

  void answerKept() {
    Script full;
    full.rcpt = {{"<one@example.net>", "452 4.2.2 mailbox full\r\n"}};
    Sink first(*engine, full);
    Script lost;
    lost.closeAfterRcpt = true;
    Sink third(*engine, lost, first.at().port, IpAddress::v4({127, 0, 0, 2}));
    domain("example.net", first.at());
    resolver.mx("example.net", 20, "dead.example.net").a("dead.example.net", "127.0.0.3");
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(452, lastResult().code);
    CHECK_EQ(std::string("4.2.2"), lastResult().enhanced);
    CHECK_EQ(std::string("mx.example.net (127.0.0.1)"), lastResult().remote);
    // One that gives no answer to the message does not either.
    queue->drop({});
    domain("example.com", first.at());
    full.rcpt = {{"<two@example.com>", "452 4.2.2 mailbox full\r\n"}};
    first.change(full);
    resolver.mx("example.com", 20, "third.example.com").a("third.example.com", "127.0.0.2");
    endParked();
    queue->add(message({"two@example.com"}));
    settle();
    CHECK_EQ(std::size_t{1}, third.connections());
    CHECK_EQ(452, lastResult().code);
  }

  void ownPreference() {
    Sink one(*engine, {});
    Sink two(*engine, {}, one.at().port, IpAddress::v4({127, 0, 0, 2}));
    domain("one.example", one.at());
    domain("two.example", two.at());
    resolver.mx("one.example", 20, "mx.two.example").mx("two.example", 20, "mx.one.example");
    // As one.example, with other numbers.
    resolver.mx("three.example", 1, "mx.one.example").mx("three.example", 2, "mx.two.example");
    start();
    for (const char* to : {"a@one.example", "a@two.example", "a@three.example"}) {
      queue->add(message({to}));
      settle();
    }
    CHECK_EQ(std::size_t{2}, one.count());
    CHECK_EQ(std::size_t{1}, two.count());
    CHECK_EQ(std::size_t{1}, one.connections());
  }

  static Script sendsAway(const std::string& greeting = "554 no mail here\r\n") {
    Script script;
    script.greeting = greeting;
    return script;
  }
  void backup(const Sink& mx) {
    resolver.mx("example.net", 20, "backup.example.net");
    resolver.a("backup.example.net", mx.at().ip.text());
  }

  void nextGreeting() {
    Sink first(*engine, sendsAway());
    Sink second(*engine, {}, first.at().port, IpAddress::v4({127, 0, 0, 2}));
    domain("example.net", first.at());
    backup(second);
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{1}, second.count());
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(inbox("user").empty());
  }

  /// For good only if all say so.
  void allGreetings() {
    Sink first(*engine, sendsAway());
    Sink second(*engine, sendsAway("421 later\r\n"), first.at().port, IpAddress::v4({127, 0, 0, 2}));
    domain("example.net", first.at());
    backup(second);
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(421, lastResult().code);
    CHECK(inbox("user").empty());
    second.change(sendsAway("554 nor here\r\n"));
    advance(minutes(8));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(inbox("user").at(0).find("554 nor here") != std::string::npos);
    CHECK(inbox("user").at(0).find("dns; backup.example.net") != std::string::npos);
  }

  void greetingAfterSoft() {
    Script soft;
    soft.rcpt = {{"<one@example.net>", "451 4.7.1 greylisted\r\n"}};
    Sink first(*engine, soft);
    Sink second(*engine, sendsAway(), first.at().port, IpAddress::v4({127, 0, 0, 2}));
    domain("example.net", first.at());
    backup(second);
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{1}, second.connections());
    CHECK_EQ(451, lastResult().code);
    CHECK_EQ(1, entry().attempts);
    first.change({});
    advance(minutes(8));
    settle();
    CHECK_EQ(std::size_t{1}, first.count());
    CHECK(inbox("user").empty());
  }

  void greetingOfFamily() {
    Sink mx(*engine, sendsAway("554 5.7.1 client host blocked\r\n"));
    domain("example.net", mx.at());
    resolver.aaaa("mx.example.net", "::1");  // where nobody listens
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(554, lastResult().code);
    CHECK(inbox("user").empty());
    advance(minutes(8));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::size_t{1}, inbox("user").size());
  }

  void endParked() {
    advance(seconds(3));
    eventually([&] { return queue->connections() == 0; }, "the end of a parked connection");
  }

  void tlsNeeded() {
    Script script;
    script.swallowTls = true;
    script.mail = "530 5.7.0 Must issue a STARTTLS command first\r\n";
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(530, lastResult().code);
    CHECK(inbox("user").empty());
    script = {};
    script.tls = sinkTls();
    mx.change(script);
    endParked();
    advance(minutes(8));
    settle();
    CHECK(mx.taken().back().tls);
    // What may be a matter of TLS or of the message is tried once more, not for days.
    script = {};
    script.swallowTls = true;
    script.data = "550 5.7.1 rejected as spam\r\n";
    mx.change(script);
    endParked();
    queue->add(message({"spam@example.net"}));
    settle();
    CHECK(inbox("user").empty());
    advance(minutes(8));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::size_t{1}, inbox("user").size());
    // What is no matter of TLS counts as ever.
    script = {};
    script.swallowTls = true;
    script.mail = "550 5.1.8 no such sender\r\n";
    mx.change(script);
    endParked();
    queue->add(message({"two@example.net"}));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::size_t{2}, inbox("user").size());
  }

  void deadHost() {
    Sink second(*engine, {}, 0, IpAddress::v4({127, 0, 0, 2}));
    domain("example.net", second.at());
    resolver.mx("example.net", 5, "dead.example.net");
    resolver.a("dead.example.net", "127.0.0.3");
    start();
    queue->add(message({"one@example.net"}));
    settle();
    CHECK_EQ(std::size_t{1}, second.count());
    CHECK_EQ(1.0, metrics.value("mox_queue_connection_total", {{"result", "connect"}}));
    // All dead.
    resolver.mx("dead.example", 5, "dead.example.net");
    queue->add(message({"one@dead.example"}));
    settle();
    CHECK_EQ(0, lastResult().code);
    CHECK(lastResult().text.starts_with("connecting: "));
  }

  void reuse() {
    Script script;
    script.closeAfter = 10;
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    auto hundred = [&] {
      for (int i = 0; i < 100; ++i) {
        auto m = message({"n" + std::to_string(i) + "@example.net"});
        m.notBefore = clock.now() + minutes(1);
        queue->add(m);
      }
      advance(minutes(1));
      settle();
    };
    hundred();
    CHECK_EQ(std::size_t{100}, mx.count());
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(mx.connections() >= 10);
    CHECK(mx.connections() <= 40);
    mx.change({});
    auto before = mx.connections();
    hundred();
    CHECK_EQ(std::size_t{200}, mx.count());
    CHECK(mx.connections() - before <= 20);
  }

  void sendOne(const std::string& to = "one@example.net") {
    queue->add(message({to}));
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
  }

  void trickle() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    for (int i = 0; i < 20; ++i) {
      sendOne();
      CHECK_EQ(std::size_t{1}, queue->parked());
      advance(seconds(1));  // the time to park is two seconds, anew after each message
    }
    CHECK_EQ(std::size_t{20}, mx.count());
    CHECK_EQ(std::size_t{1}, mx.connections());
    endParked();
    sendOne();
    CHECK_EQ(std::size_t{2}, mx.connections());
  }

  /// Another connection at once, and the same attempt.
  void parkedGone() {
    Script script;
    script.gone = true;
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    for (std::size_t i = 1; i <= 3; ++i) {
      sendOne();
      CHECK_EQ(i, mx.count());
      CHECK_EQ(i, mx.connections());
    }
    std::lock_guard hold(logMutex);
    CHECK(lines.find("result=temporary") == std::string::npos);
    CHECK(lines.find("attempt=2") == std::string::npos);
  }

  void parkedEnded() {
    Script script;
    script.closeAfter = 1;
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    for (int i = 0; i < 3; ++i) sendOne();
    CHECK_EQ(std::size_t{3}, mx.connections());
    eventually([&] { return queue->connections() == 0; }, "the end of the parked connection");
    std::lock_guard hold(logMutex);
    CHECK(lines.find("result=temporary") == std::string::npos);
  }

  void parkedMakesRoom() {
    Sink first(*engine, {});
    Sink second(*engine, {}, first.at().port, IpAddress::v4({127, 0, 0, 2}));
    domain("example.net", first.at());
    domain("example.com", second.at());
    options.dispatcher.maxConnections = 1;
    start();
    sendOne("one@example.net");
    sendOne("one@example.com");
    sendOne("two@example.net");
    CHECK_EQ(std::size_t{2}, first.count());
    CHECK_EQ(std::size_t{1}, second.count());
    CHECK_EQ(std::size_t{1}, queue->connections());
  }

  void turns() {
    Sink mx(*engine, {});
    for (int d = 0; d < 12; ++d) domain("d" + std::to_string(d) + ".example", mx.at());
    options.dispatcher.maxConnections = 5;
    start();
    for (int i = 0; i < 360; ++i) queue->add(message({"n@d" + std::to_string(i % 12) + ".example"}));
    eventually([&] { return mx.count() == 360; }, "all messages");
    settle();
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK(queue->connections() <= 5);
  }

  void parkedStop() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    sendOne();
    CHECK_EQ(std::size_t{1}, queue->parked());
    queue->stop(seconds(60));  // of real time, and nothing advances the clock: only a wake ends it
    CHECK_EQ(std::size_t{0}, queue->connections());
  }

  /// One connection's refusal is the result of all that waited for it, and no storm.
  void crowdRefused() {
    Script script;
    script.greeting = "450 4.7.1 go away\r\n";
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    addLater(50);
    advance(minutes(1));
    settle();
    CHECK_EQ(std::size_t{50}, queue->size());
    CHECK(mx.connections() <= 10);
    for (const auto& e : entries()) CHECK_EQ(1, e.attempts);
  }

  void addLater(int count) {
    for (int i = 0; i < count; ++i) {
      auto m = message({"n" + std::to_string(i) + "@example.net"});
      m.notBefore = clock.now() + minutes(1);
      queue->add(m);
    }
  }

  /// The first connection is not through with its EHLO when the second one is refused.
  void oneTooMany() {
    Script script;
    script.alone = "554 too many connections from your host\r\n";
    script.hold = "EHLO";
    Sink mx(*engine, script);
    domain("example.net", mx.at());
    start();
    addLater(12);
    advance(minutes(1));
    eventually([&] { return mx.connections() == 2 && mx.held() == 1 && queue->connections() == 1; }, "the end of the refused connection");
    mx.release();
    settle();
    CHECK_EQ(std::size_t{12}, mx.count());
    CHECK(inbox("user").empty());
  }

  void futureRelease() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    auto m = message({"one@example.net"});
    m.notBefore = clock.now() + minutes(10);
    m.futureReleaseRequest = "for;600";
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{0}, mx.count());
    CHECK_EQ(std::string("for;600"), entry().futureReleaseRequest);
    advance(minutes(10));
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
  }

  /// A server that never greets, with more messages than may be in memory, and one that is well.
  void noHeadOfLine() {
    Script mute;
    mute.greeting = "";
    Sink dead(*engine, {}, 0);
    Sink well(*engine, {}, dead.at().port, IpAddress::v4({127, 0, 0, 2}));
    dead.change([] { Script s; s.greeting = "220-never\r\n"; return s; }());
    domain("dead.example", dead.at());
    domain("well.example", well.at());
    options.lanes.lane = 5;
    options.dispatcher.maxConnections = 3;
    start();
    for (int i = 0; i < 30; ++i) queue->add(message({"n" + std::to_string(i) + "@dead.example"}));
    queue->add(message({"one@well.example"}));
    eventually([&] { return well.count() == 1; }, "the message to the domain that is well");
    eventually([&] { return queue->size() == 30; }, "its result on disk");
    queue->stop(Duration::zero());
    for (const auto& e : entries()) CHECK_EQ(0, e.attempts);
  }

  void stopped() {
    Script mute;
    mute.greeting = "220-wait\r\n";
    Sink mx(*engine, mute);
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    eventually([&] { return mx.connections() == 1; }, "a connection");
    queue->stop(Duration::zero());
    CHECK_EQ(0, entry().attempts);
    CHECK(entry().nextAttempt <= clock.now());
    mx.change({});
    start();
    settle();
    CHECK_EQ(std::size_t{1}, mx.count());
  }

  /// As the server ends: the engine beside the queue.
  void stopAll(Duration grace) {
    queue->beginStop();
    engine->shutdown(grace);
    queue->stop(grace);
  }
  void untilHeld(const Sink& mx) {
    domain("example.net", mx.at());
    start();
    queue->add(message({"one@example.net"}));
    eventually([&] { return mx.held() == 1; }, "a message that is not answered");
  }

  void answeredAtStop() {
    Script script;
    script.hold = ".";
    Sink mx(*engine, script);
    untilHeld(mx);
    stopAll(seconds(60));  // it answers now
    CHECK_EQ(std::size_t{0}, queue->size());
  }

  void cutAtStop() {
    Script script;
    script.data = "250-wait\r\n";
    script.hold = ".";
    Sink mx(*engine, script);
    untilHeld(mx);
    stopAll(Duration::zero());
    CHECK_EQ(0, entry().attempts);
    CHECK(entry().results.empty());
    CHECK(entry().nextAttempt <= clock.now());
  }

  void bareLf() {
    Sink mx(*engine, {});
    domain("example.net", mx.at());
    start();
    auto m = message({"one@example.net"});
    m.data = "Subject: x\r\n\r\nsmuggled\n.\r\nMAIL FROM:<>\r\n";
    queue->add(m);
    settle();
    CHECK_EQ(std::size_t{0}, mx.count());
    CHECK_EQ(std::size_t{0}, queue->size());
    CHECK_EQ(std::size_t{1}, inbox("user").size());
  }
};
SUITE(DeliveryTest);

}  // namespace

}  // namespace mox::queue::test
