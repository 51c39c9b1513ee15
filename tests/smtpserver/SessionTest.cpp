// What a dialogue cannot say: cuts at every octet, walks over the state table, failures of our own side.
#include <random>

#include "base/Text.h"
#include "delivery/Checks.h"
#include "net/ConnectionLimiter.h"
#include "smtpserver/SmtpWorld.h"
#include "net/ChosenByAlpn.h"
#include "support/FakeChannel.h"
#include "support/Test.h"

namespace {

using namespace mox;
using smtpserver::Kind;
using test::FakeChannel;
using test::SmtpWorld;

/// A connection of its own to a world.
struct Talk {
  SmtpWorld& world;
  std::unique_ptr<net::Session> session;
  FakeChannel channel;

  explicit Talk(SmtpWorld& w) : world(w), session(w.connect()), channel(*session, w.clock()) {
    channel.setTls(FakeChannel::defaultTls());
    if (w.implicitTls()) channel.openTls();
    else channel.open();
    channel.take();
  }
  /// The reply to bytes as they are.
  std::string raw(std::string_view bytes) {
    channel.feed(bytes);
    return channel.take();
  }
  std::string say(const std::string& line) { return raw(line + "\r\n"); }
  void toData(const std::string& recipient = "mjl@mox.example") {
    say("EHLO client.example");
    say("MAIL FROM:<a@sender.example>");
    say("RCPT TO:<" + recipient + ">");
    CHECK_EQ(std::string("354"), say("DATA").substr(0, 3));
  }
  void logIn() {
    say("EHLO x");
    CHECK_EQ(std::string("235"), say("AUTH PLAIN " + base64(std::string_view("\0mjl@mox.example\0test1234", 25))).substr(0, 3));
  }
};

std::string code(const std::string& reply) { return reply.substr(0, 3); }

struct SmtpSessionTest : test::Suite<SmtpSessionTest> {
  static void list(List& l) {
    l.add("no sequence smuggles, however it is cut", &SmtpSessionTest::smuggling);
    l.add("the end of data at every cut", &SmtpSessionTest::endOfData);
    l.add("plaintext behind STARTTLS is thrown away", &SmtpSessionTest::injection);
    l.add("every command in every state", &SmtpSessionTest::walk);
    l.add("a message whose storing fails is not read as commands", &SmtpSessionTest::failureAfterData);
    l.add("a full job pool", &SmtpSessionTest::poolFull);
    l.add("shutdown", &SmtpSessionTest::shutdown);
    l.add("a listener that chooses by ALPN can start a submission", &SmtpSessionTest::chosenByAlpn);
    l.add("a peer that goes while we check gets nothing stored", &SmtpSessionTest::peerGone);
    l.add("limits of recipients", &SmtpSessionTest::recipientLimit);
    l.add("slow mode after a refusal", &SmtpSessionTest::slow);
    l.add("AUTH lines may be long", &SmtpSessionTest::longAuth);
    l.add("guesses at once are told no more than guesses one by one", &SmtpSessionTest::parallelGuesses);
    l.add("what goes to the queue", &SmtpSessionTest::queued);
    l.add("a header beyond its limit is not submitted", &SmtpSessionTest::hugeHeader);
    l.add("somebody we wrote to does not wait", &SmtpSessionTest::knownSender);
    l.add("connections from one network", &SmtpSessionTest::admission);
    l.add("noise gets replies and nothing else", &SmtpSessionTest::noise);
    l.add("metrics", &SmtpSessionTest::metrics);
  }

  // hostile-inputs.md 1 to 11.
  void smuggling() {
    SmtpWorld world(Kind::delivery);
    using namespace std::string_literals;
    const std::string sequences[] = {"\n.\n",         "\n.\r\n",           "\r\n.\n",          "\r.\r",     "\r\n.\r",
                                     "\r\n.\r\r\n",   "\r\r\n.\r\r\n",     "\r\n\0.\r\n"s,     "\r\n.\0\r\n"s};
    for (const auto& sequence : sequences) {
      std::string bytes = "Subject: x\r\n\r\nbody" + sequence + "MAIL FROM:<evil@sender.example>\r\nRCPT TO:<mjl@mox.example>\r\nDATA\r\nevil\r\n.\r\n";
      auto from = bytes.find("body"), to = bytes.find("FROM:");
      for (std::size_t at = from; at <= to; at++) {
        Talk talk(world);
        talk.toData();
        talk.channel.feed(bytes.substr(0, at));
        auto reply = talk.raw(bytes.substr(at));
        CHECK_EQ(std::string("500"), code(reply));
        CHECK_EQ(reply.size(), reply.find("\r\n") + 2);  // one reply and no more
        CHECK_EQ(std::string("503"), code(talk.say("DATA")));
      }
    }
    CHECK_EQ(std::size_t(0), world.messages("mjl").size());
  }

  void endOfData() {
    SmtpWorld world(Kind::delivery);
    std::string bytes = "Subject: x\r\n\r\n..\r\n...x\r\n.\r\nNOOP\r\n";
    for (std::size_t at = 0; at <= bytes.size(); at++) {
      Talk talk(world);
      talk.toData();
      auto reply = talk.raw(bytes.substr(0, at));
      reply += talk.raw(bytes.substr(at));
      CHECK_EQ(std::string("250 2.2.0"), reply.substr(0, 9));
      CHECK_EQ(std::string("250 2.0.0 as you like\r\n"), reply.substr(reply.find('\n') + 1));
      auto stored = world.messages("mjl").back();
      CPPUNIT_ASSERT_MESSAGE(printable(stored, 2000), stored.ends_with("\r\nSubject: x\r\n\r\n.\r\n..x\r\n"));
    }
  }

  void injection() {
    SmtpWorld world(Kind::delivery);
    Talk talk(world);
    talk.say("EHLO client.example");
    auto reply = talk.raw("STARTTLS\r\nNOOP\r\nMAIL FROM:<evil@sender.example>\r\n");
    CHECK_EQ(std::string("220 2.0.0 go ahead\r\n"), reply);
    CHECK(talk.channel.tls() != nullptr);
    CHECK_EQ(std::string("503 5.5.1"), talk.say("RCPT TO:<mjl@mox.example>").substr(0, 9));
  }

  /// The order of commands as RFC 5321 §4.1.4 tells it, not as our table does.
  struct Model {
    bool hello = false, mail = false, rcpt = false;
    std::string expect(const std::string& verb) {
      if (verb == "NOOP" || verb == "VRFY x") return verb == "NOOP" ? "250" : "252";
      if (verb == "RSET") return mail = rcpt = false, "250";
      if (verb == "EHLO client.example" || verb == "HELO client.example") return hello = true, mail = rcpt = false, "250";
      if (verb == "BOGUS") return "500";
      if (!hello || verb == "AUTH PLAIN") return "503";
      if (verb.starts_with("MAIL")) return mail ? "503" : (mail = true, "250");
      if (verb.starts_with("RCPT")) return mail ? (rcpt = true, "250") : "503";
      if (verb == "DATA") return rcpt ? "354" : "503";
      return "?";
    }
  };

  void walk() {
    SmtpWorld world(Kind::delivery);
    const std::vector<std::string> verbs{"NOOP", "VRFY x", "RSET", "EHLO client.example", "HELO client.example", "BOGUS", "AUTH PLAIN",
                                         "MAIL FROM:<a@sender.example>", "MAIL FROM:<a@sender.example>", "RCPT TO:<mjl@mox.example>",
                                         "RCPT TO:<mjl@mox.example>", "DATA", "DATA"};
    std::mt19937 random(7);
    for (int round = 0; round < 20; round++) {
      Talk talk(world);
      Model model;
      talk.toData();
      talk.raw("Subject: x\r\n\r\n.\r\n");  // one good message, so that bad ones do not end the connection
      model.hello = true;
      if (round % 2 == 0) {
        talk.say("STARTTLS");
        model = {};
      }
      for (int step = 0; step < 100; step++) {
        const auto& verb = verbs[random() % verbs.size()];
        auto expected = model.expect(verb), got = code(talk.say(verb));
        CPPUNIT_ASSERT_EQUAL_MESSAGE(verb, expected, got);
        if (expected != "354") continue;
        CHECK_EQ(std::string("250"), code(talk.raw("Subject: x\r\n\r\n.\r\n")));
        model.mail = model.rcpt = false;
      }
    }
  }

  void failureAfterData() {
    SmtpWorld world(Kind::submission);
    world.queue.isDiskFull = true;
    Talk talk(world);
    talk.logIn();
    talk.say("MAIL FROM:<mjl@mox.example>");
    talk.say("RCPT TO:<a@remote.example>");
    talk.say("DATA");
    auto reply = talk.raw("From: <mjl@mox.example>\r\n\r\nRSET\r\nNOOP\r\n.\r\nNOOP\r\n");
    CHECK_EQ(std::string("452 4.3.1"), reply.substr(0, 9));
    CHECK_EQ(std::string("250 2.0.0 as you like\r\n"), reply.substr(reply.find('\n') + 1));
    auto account = *world.accounts().open("mjl");
    CHECK_EQ(std::int64_t(0), account->outgoingUse(Time(), {}).messages);
  }

  void poolFull() {
    SmtpWorld world(Kind::delivery);
    Talk talk(world);
    talk.toData();
    talk.channel.setJobs(FakeChannel::Jobs::full);
    CHECK_EQ(std::string("451 4.3.2"), talk.raw("Subject: x\r\n\r\n.\r\n").substr(0, 9));
    talk.channel.setJobs(FakeChannel::Jobs::run);
    CHECK_EQ(std::size_t(0), world.messages("mjl").size());
    CHECK_EQ(std::string("250"), code(talk.say("RSET")));
    CHECK_EQ(std::string("250"), code(talk.say("MAIL FROM:<a@sender.example>")));
  }

  void chosenByAlpn() {
    SmtpWorld world(Kind::submission);
    net::ChosenByAlpn chosen({{"smtp", [&] { return world.connect(); }}});
    FakeChannel channel(chosen, world.clock());
    auto tls = FakeChannel::defaultTls();
    tls.alpn = "smtp";
    channel.setTls(tls);
    channel.openTls();
    CHECK_EQ(std::string("220"), code(channel.take()));
    channel.feed("EHLO x\r\n");
    auto offered = channel.take();
    CHECK_MSG(offered, offered.find("AUTH ") != std::string::npos && offered.find("STARTTLS") == std::string::npos);
    channel.feed("AUTH PLAIN " + base64(std::string_view("\0mjl@mox.example\0test1234", 25)) + "\r\n");
    CHECK_EQ(std::string("235"), code(channel.take()));
  }

  void shutdown() {
    SmtpWorld world(Kind::delivery);
    Talk idle(world);
    idle.channel.shutDown();
    CHECK_EQ(std::string("421 4.3.2"), idle.channel.take().substr(0, 9));
    CHECK(idle.channel.ended());
    // What is being taken is finished first, and told.
    Talk busy(world);
    busy.toData();
    busy.channel.feed("Subject: x\r\n");
    busy.channel.shutDown();
    CHECK_EQ(std::string(), busy.channel.take());
    auto reply = busy.raw("\r\n.\r\n");
    CHECK_EQ(std::string("250 2.2.0"), reply.substr(0, 9));
    CHECK(reply.find("\r\n421 4.3.2") != std::string::npos);
    CHECK(busy.channel.ended());
    CHECK_EQ(std::size_t(1), world.messages("mjl").size());
  }

  void peerGone() {
    SmtpWorld world(Kind::delivery);
    Talk talk(world);
    talk.toData();
    talk.channel.setJobs(FakeChannel::Jobs::held);
    talk.channel.feed("Subject: x\r\n\r\n.\r\n");
    CHECK_EQ(std::size_t(1), talk.channel.heldJobs());
    talk.channel.peerCloses();
    talk.session.reset();  // the job runs on after the session
    talk.channel.releaseJobs();
    CHECK_EQ(std::size_t(0), world.messages("mjl").size());
  }

  // hostile-inputs.md 18.
  void recipientLimit() {
    SmtpWorld world(Kind::submission);
    Talk talk(world);
    talk.logIn();
    talk.say("MAIL FROM:<mjl@mox.example>");
    for (int i = 0; i < 2000; i++) CHECK_EQ(std::string("250"), code(talk.say("RCPT TO:<same@remote.example>")));
    for (int i = 1; i < 1000; i++) CHECK_EQ(std::string("250"), code(talk.say("RCPT TO:<r" + std::to_string(i) + "@remote.example>")));
    CHECK_EQ(std::string("452 4.5.3"), talk.say("RCPT TO:<onemore@remote.example>").substr(0, 9));
  }

  void slow() {
    SmtpWorld world(Kind::delivery);
    Talk talk(world);
    talk.toData("proved@mox.example");
    CHECK(!talk.channel.slow());
    CHECK_EQ(std::string("550 5.7.26"), talk.raw("From: <a@nospf.example>\r\n\r\n.\r\n").substr(0, 10));
    CHECK(talk.channel.slow());
  }

  void longAuth() {
    SmtpWorld world(Kind::submission);
    Talk talk(world);
    talk.say("EHLO x");
    CHECK_EQ(std::string("535"), code(talk.say("AUTH PLAIN " + base64(std::string(1, '\0') + "mjl@mox.example" + std::string(1, '\0') + std::string(4000, 'x')))));
    CHECK_EQ(std::string("500"), code(talk.raw("AUTH PLAIN " + std::string(13'000, 'A'))));
    CHECK(talk.channel.ended());
  }

  // smtp.md §1: ten a minute.
  void parallelGuesses() {
    SmtpWorld world(Kind::submission);
    std::vector<std::unique_ptr<Talk>> talks;
    auto guess = [](const std::string& password) { return "AUTH PLAIN " + base64(std::string(1, '\0') + "mjl@mox.example" + std::string(1, '\0') + password) + "\r\n"; };
    for (int i = 0; i < 13; i++) {
      talks.push_back(std::make_unique<Talk>(world));
      talks.back()->say("EHLO x");
      talks.back()->channel.setJobs(FakeChannel::Jobs::held);
      talks.back()->channel.feed(guess(i == 0 || i == 12 ? "test1234" : "wrong"));
    }
    std::string replies;
    for (auto& talk : talks) {
      talk->channel.releaseJobs();
      replies += code(talk->channel.take()) + " ";
    }
    CHECK_EQ(std::string("235 535 535 535 535 535 535 535 535 535 535 421 421 "), replies);
  }

  void queued() {
    SmtpWorld world(Kind::submission);
    Talk talk(world);
    talk.logIn();
    talk.say("MAIL FROM:<mjl@mox.example> HOLDFOR=3600 SMTPUTF8");
    talk.say("RCPT TO:<a@remote.example>");
    talk.say("DATA");
    CHECK_EQ(std::string("250"), code(talk.raw("From: <mjl@mox.example>\r\nSubject: hi\r\nTLS-Required: No\r\nX-Mox-Extra-Job: 17\r\n\r\n\xc3\xa9\r\n.\r\n")));
    const auto& message = world.queue.added.at(0).message;
    CHECK_EQ(std::string("mjl"), message.senderAccount);
    CHECK_EQ(std::string("hi"), message.subject);
    CHECK(message.has8bit);
    CHECK(!message.smtpUtf8);  // declared, not needed
    CHECK(message.requireTls == std::optional<bool>(false));
    CHECK(message.notBefore == world.clock().now() + std::chrono::hours(1));
    CHECK_EQ(std::string("for;3600"), message.futureReleaseRequest);
    CHECK_EQ(std::string("17"), message.extra.at("job"));
    CHECK(!message.messageId.empty());
    CHECK(world.queue.added.at(0).text.find("192.0.2.1") == std::string::npos);
    // The signature verifies.
    auto checks = delivery::Checks(world.resolver, world.services->suffixes, world.clock(), world.services->metrics);
    auto outcomes = checks.dkim(world.queue.added.at(0).text);
    CHECK_EQ(std::size_t(1), outcomes.size());
    CPPUNIT_ASSERT_EQUAL_MESSAGE(outcomes.at(0).reason, std::string("pass"), std::string(dkim::statusName(outcomes.at(0).status)));
    // The account has written to that address now: no stranger any more.
    auto account = *world.accounts().open("mjl");
    CHECK_EQ(std::int64_t(1), account->outgoingUse(Time(), {}).messages);
  }

  void hugeHeader() {
    SmtpWorld world(Kind::submission);
    Talk talk(world);
    talk.logIn();
    talk.say("MAIL FROM:<mjl@mox.example>");
    talk.say("RCPT TO:<a@remote.example>");
    talk.say("DATA");
    std::string message = "From: <mjl@mox.example>\r\n";
    while (message.size() < message::maxHeaderBytes) message += "X-Padding: " + std::string(900, 'x') + "\r\n";
    CHECK_EQ(std::string("552 5.3.4"), talk.raw(message + "From: <boss@elsewhere.example>\r\n\r\n.\r\n").substr(0, 9));
    CHECK(world.queue.added.empty());
  }

  // SMI-14.
  void knownSender() {
    SmtpWorld world(Kind::delivery);
    world.listener->firstTimeSenderDelay = std::chrono::seconds(15);
    (*world.accounts().open("mjl"))->addOutgoing({{*Localpart::make("friend"), *Domain::make("sender.example")}}, world.clock().now());
    Talk talk(world);
    talk.toData();
    CHECK_EQ(std::string("250"), code(talk.raw("From: <friend@sender.example>\r\n\r\n.\r\n")));
    talk.toData();
    CHECK_EQ(std::string(), talk.raw("From: <stranger@sender.example>\r\n\r\n.\r\n"));
    CHECK_EQ(std::size_t(1), world.messages("mjl").size());
    talk.channel.peerCloses();  // who gives up has lost nothing and doubled nothing
    CHECK_EQ(std::size_t(1), world.messages("mjl").size());
  }

  // SMI-06, smtp.md §1.
  void admission() {
    SmtpWorld world(Kind::delivery);
    auto limiter = std::make_shared<net::ConnectionLimiter>(net::ConnectionLimits());
    auto filter = smtpserver::makeAcceptFilter(*world.services, Kind::submission, limiter);
    net::ConnectionMeta connection;
    connection.remote = FakeChannel::defaultRemote();
    std::vector<net::Admission> held;
    for (int i = 0; i < 30; i++) {
      held.push_back(filter(connection));
      CHECK(held.back().admitted);
    }
    auto refused = filter(connection);
    CHECK(!refused.admitted);
    CHECK_EQ(std::string("421 4.7.0"), refused.refusal.substr(0, 9));
    held.pop_back();
    CHECK(filter(connection).admitted);
  }

  /// Every line is a reply of at most 512 octets (RFC 5321 §4.5.3.1.5) without anything a peer could put there.
  static void checkReplies(const std::string& output) {
    if (output.empty()) return;
    CHECK(output.ends_with("\r\n"));
    for (auto line : split(std::string_view(output).substr(0, output.size() - 2), '\n')) {
      if (line.ends_with('\r')) line.remove_suffix(1);
      bool good = line.size() >= 4 && line.size() <= 510 && line[0] >= '2' && line[0] <= '5' && isDigit(line[1]) && isDigit(line[2]) && (line[3] == ' ' || line[3] == '-');
      for (char c : line) good = good && static_cast<unsigned char>(c) >= 32 && c != 127;
      CPPUNIT_ASSERT_MESSAGE(printable(line), good);
    }
  }

  void noise() {
    using namespace std::string_literals;
    const std::vector<std::string> pieces{"EHLO client.example\r\n", "EHLO [", "HELO ", "MAIL FROM:<a@sender.example>", "MAIL FROM:<>", "MAIL FROM:<@a,@b:\"\\\r\"@c>",
                                          "RCPT TO:<mjl@mox.example>", "RCPT TO:<\xff@mox.example>", "RCPT TO:<public@mox.example>", "DATA\r\n", "RSET\r\n", "NOOP\r\n",
                                          "\r\n", "\r\n", "\r\n.\r\n", "\r\n.\r\n", "\n", "\r", "\0"s, " SIZE=", "99999999999999999999", " SMTPUTF8", " BODY=8BITMIME",
                                          "From: <a@b>\r\n\r\n", "AUTH PLAIN ", "AAAA", "=", "*\r\n", "VRFY ", "\xc3\xa9", std::string(300, 'x'), "STARTTLS\r\n"};
    for (auto kind : {Kind::delivery, Kind::submission}) {
      SmtpWorld world(kind);
      std::mt19937 random(11);
      for (int round = 0; round < 150; round++) {
        Talk talk(world);
        if (kind == Kind::submission && round % 2 == 0) talk.logIn();
        talk.say("EHLO client.example");
        for (int step = 0; step < 60 && !talk.channel.ended(); step++) {
          talk.channel.feed(pieces[random() % pieces.size()]);
          if (random() % 8 == 0) talk.channel.advance(std::chrono::seconds(5));
        }
        checkReplies(talk.channel.take());
      }
    }
  }

  void metrics() {
    SmtpWorld world(Kind::delivery);
    Talk talk(world);
    talk.toData();
    talk.raw("Subject: x\r\n\r\n.\r\n");
    CHECK_EQ(1.0, world.metric("mox_smtpserver_connection_total", {{"kind", "smtp"}}));
    CHECK_EQ(1.0, world.metric("mox_smtpserver_delivery_total", {{"result", "delivered"}, {"reason", "no-bad-signals"}}));
  }
};
SUITE(SmtpSessionTest);

}  // namespace
