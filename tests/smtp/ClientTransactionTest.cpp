#include "smtp/ClientFixture.h"
#include "smtp/Path.h"

using namespace mox;
using namespace mox::smtp;
using namespace mox::smtp::test;
using namespace std::string_literals;

namespace {
const std::string body = "a: b\r\n\r\n..hi\r\n.\r\n";
}

struct SmtpClientTransactionTest : mox::test::Suite<SmtpClientTransactionTest>, ClientFixture {
  static void list(List& l) {
    l.add("RFC 5321 appendix D.1: typical", &SmtpClientTransactionTest::typical);
    l.add("RFC 5321 appendix D.2: aborted, RSET and next", &SmtpClientTransactionTest::aborted);
    l.add("pipelining: one write, mixed recipients", &SmtpClientTransactionTest::pipelined);
    l.add("pipelining: MAIL refused", &SmtpClientTransactionTest::mailRefused);
    l.add("354 without recipients gets a lone dot", &SmtpClientTransactionTest::loneDot);
    l.add("DATA refused", &SmtpClientTransactionTest::dataRefused);
    l.add("too many recipients", &SmtpClientTransactionTest::tooMany);
    l.add("LIMITS", &SmtpClientTransactionTest::limits);
    l.add("parameters follow what was announced", &SmtpClientTransactionTest::parameters);
    l.add("what the server lacks", &SmtpClientTransactionTest::lacks);
    l.add("several transactions, replies byte by byte", &SmtpClientTransactionTest::reuse);
    l.add("final reply 4yz and 5yz", &SmtpClientTransactionTest::finalRefusal);
    l.add("bare LF in the message drops the connection", &SmtpClientTransactionTest::badMessage);
    l.add("connection lost at every reply, hostile input 52", &SmtpClientTransactionTest::lost);
    l.add("what the server said before it broke the message off", &SmtpClientTransactionTest::brokenOff);
    l.add("421 in the middle", &SmtpClientTransactionTest::closing);
    l.add("a stop lets the transaction come to its end", &SmtpClientTransactionTest::stopped);
    l.add("deadlines", &SmtpClientTransactionTest::deadlines);
    l.add("protocol nonsense", &SmtpClientTransactionTest::nonsense);
    l.add("a slow reader gets the whole message", &SmtpClientTransactionTest::slowReader);
  }

  void end() {
    CHECK_EQ(""s, say("221 2.0.0 bye\r\n"));
    CHECK(channel->ended());
    CHECK_EQ(1, owner->closed);
  }

  void typical() {
    owner->todo.push_back(transaction("Smith@bar.com", {"Jones@foo.com", "Green@foo.com", "Brown@foo.com"}));
    CHECK_EQ("MAIL FROM:<Smith@bar.com>\r\n"s, greet());
    CHECK_EQ("RCPT TO:<Jones@foo.com>\r\n"s, say("250 OK\r\n"));
    CHECK_EQ("RCPT TO:<Green@foo.com>\r\n"s, say("250 OK\r\n"));
    CHECK_EQ("RCPT TO:<Brown@foo.com>\r\n"s, say("550 No such user here\r\n"));
    CHECK_EQ("DATA\r\n"s, say("250 OK\r\n"));
    CHECK_EQ(body, say("354 Start mail input; end with <CRLF>.<CRLF>\r\n"));
    CHECK_EQ("QUIT\r\n"s, say("250 OK id=1\r\n"));
    CHECK_EQ("delivered 250 "s, result(0, 0));
    CHECK_EQ("permanent 550 "s, result(0, 1));
    CHECK_EQ("No such user here"s, owner->results[0].recipients[1].text);
    CHECK_EQ("delivered 250 "s, result(0, 2));
    CHECK_EQ("OK id=1"s, owner->results[0].recipients[2].text);
    end();
    CHECK(owner->failures.empty());
    CHECK_EQ(2, owner->ready);
  }

  void aborted() {
    owner->todo.push_back(transaction("Smith@bar.com", {"Jones@foo.com", "Green@foo.com"}));
    owner->todo.push_back(transaction("", {"Jones@foo.com"}));
    CHECK_EQ("MAIL FROM:<Smith@bar.com>\r\n"s, greet());
    say("250 OK\r\n");
    say("550 5.1.1 no\r\n");
    CHECK_EQ("RSET\r\n"s, say("450 4.2.0 later\r\n"));
    CHECK_EQ("permanent 550 5.1.1"s, result(0, 0));
    CHECK_EQ("temporary 450 4.2.0"s, result(0, 1));
    CHECK_EQ("MAIL FROM:<>\r\n"s, say("250 OK\r\n"));
    say("250 OK\r\n");
    say("250 OK\r\n");
    say("354 go\r\n");
    CHECK_EQ("QUIT\r\n"s, say("250 2.0.0 done\r\n"));
    CHECK_EQ("delivered 250 2.0.0"s, result(1, 0));
    end();
  }

  void pipelined() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w", "r@s.t"}));
    CHECK_EQ("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nRCPT TO:<u@v.w>\r\nRCPT TO:<r@s.t>\r\nDATA\r\n"s, greet("PIPELINING"));
    CHECK_EQ(body, say("250 2.1.0 ok\r\n250 2.1.5 ok\r\n550-5.1.1 no\r\n550 5.1.1 such\r\n452 4.2.2 full\r\n354 go\r\n"));
    CHECK_EQ("QUIT\r\n"s, say("250 2.6.0 queued\r\n"));
    CHECK_EQ("delivered 250 2.6.0"s, result(0, 0));
    CHECK_EQ("permanent 550 5.1.1"s, result(0, 1));
    CHECK_EQ("no such"s, owner->results[0].recipients[1].text);
    CHECK_EQ("temporary 452 4.2.2"s, result(0, 2));  // a full mailbox is not too many recipients
    end();
  }

  void mailRefused() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w"}));
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    greet("PIPELINING");
    CHECK_EQ("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"s, say("550 5.7.1 go away\r\n503 no\r\n503 no\r\n503 no\r\n"));
    CHECK_EQ("permanent 550 5.7.1"s, result(0, 0));
    CHECK_EQ("permanent 550 5.7.1"s, result(0, 1));
    // Without pipelining nothing more is sent.
    ClientFixture other;
    other.owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w"}));
    other.greet();
    CHECK_EQ("QUIT\r\n"s, other.say("451 4.3.0 later\r\n"));
    CHECK_EQ("temporary 451 4.3.0"s, other.result(0, 1));
  }

  void loneDot() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    owner->todo.push_back(transaction("a@b.c", {"u@v.w"}));
    greet("PIPELINING");
    CHECK_EQ(".\r\n"s, say("250 ok\r\n550 5.1.1 no\r\n354 go on\r\n"));
    CHECK_EQ("MAIL FROM:<a@b.c>\r\nRCPT TO:<u@v.w>\r\nDATA\r\n"s, say("554 5.5.1 no recipients\r\n"));
    CHECK_EQ("permanent 550 5.1.1"s, result(0, 0));
  }

  void dataRefused() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    greet("PIPELINING");
    CHECK_EQ("RSET\r\n"s, say("250 ok\r\n250 ok\r\n451 4.3.0 disk\r\n"));
    CHECK_EQ("temporary 451 4.3.0"s, result(0, 0));
    CHECK_EQ("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"s, say("250 ok\r\n"));
    CHECK_EQ("RSET\r\n"s, say("250 ok\r\n250 ok\r\n250 what\r\n"));
    CHECK_EQ("QUIT\r\n"s, say("250 ok\r\n"));
    CHECK(owner->results[1].recipients[0].local == LocalReason::protocol);
    CHECK(owner->results[1].recipients[0].outcome == Outcome::temporary);
  }

  void tooMany() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w", "r@s.t"}));
    greet("PIPELINING");
    say("250 ok\r\n250 ok\r\n452 4.5.3 too many\r\n552 enough\r\n354 go\r\n");
    say("250 ok\r\n");
    CHECK_EQ("delivered 250 "s, result(0, 0));
    CHECK_EQ("tooMany 452 4.5.3"s, result(0, 1));
    CHECK_EQ("tooMany 552 "s, result(0, 2));
    // Without one accepted recipient another transaction would get no further.
    ClientFixture other;
    other.owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w"}));
    other.greet("PIPELINING");
    other.say("250 ok\r\n452 4.5.3 too many\r\n250 ok\r\n354 go\r\n");
    other.say("250 ok\r\n");
    CHECK_EQ("temporary 452 4.5.3"s, other.result(0, 0));
    CHECK_EQ("delivered 250 "s, other.result(0, 1));
  }

  void limits() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w", "r@s.t"}));
    owner->todo.push_back(transaction("a@b.c", {"r@s.t"}));
    CHECK_EQ("MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nRCPT TO:<u@v.w>\r\nDATA\r\n"s, greet("PIPELINING,LIMITS RCPTMAX=2 MAILMAX=1"));
    say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    CHECK_EQ("QUIT\r\n"s, say("250 ok\r\n"));  // MAILMAX: the owner is not asked again
    CHECK_EQ("delivered 250 "s, result(0, 1));
    CHECK(owner->results[0].recipients[2].outcome == Outcome::tooMany);
    CHECK_EQ(std::size_t(1), owner->todo.size());
    CHECK_EQ(1, owner->ready);
  }

  void parameters() {
    auto t = transaction("a@b.c", {"x@b\xc3\xbc" "cher.example"});
    t.has8bit = true;
    owner->todo.push_back(t);
    CHECK_EQ("MAIL FROM:<a@b.c> SIZE=13 BODY=8BITMIME\r\n"s, greet("SIZE 100,8BITMIME,SMTPUTF8"));
    CHECK_EQ("RCPT TO:<x@xn--bcher-kva.example>\r\n"s, say("250 ok\r\n"));
    ClientFixture other;
    t.smtpUtf8 = true;
    other.owner->todo.push_back(t);
    CHECK_EQ("MAIL FROM:<a@b.c> SMTPUTF8\r\n"s, other.greet("SMTPUTF8"));
    CHECK_EQ("RCPT TO:<x@b\xc3\xbc" "cher.example>\r\n"s, other.say("250 ok\r\n"));
    ClientFixture secure;
    secure.options.tls = ClientTls::immediate;
    auto u = transaction("a@b.c", {"x@y.z"});
    u.requireTls = true;
    secure.owner->todo.push_back(u);
    secure.session = std::make_unique<ClientSession>(secure.options, secure.owner, secure.random);
    secure.channel = std::make_unique<mox::test::FakeChannel>(*secure.session, secure.clock);
    secure.channel->openTls();
    secure.say("220 hi\r\n");
    CHECK_EQ("MAIL FROM:<a@b.c> REQUIRETLS\r\n"s, secure.say("250-x\r\n250 REQUIRETLS\r\n"));
  }

  void lacks() {
    auto utf8 = transaction("a@b.c", {"jos\xc3\xa9@y.z"}), tls = transaction("a@b.c", {"x@y.z"}), large = tls, eight = tls;
    utf8.smtpUtf8 = true;
    tls.requireTls = true;
    large.size = 101;
    eight.has8bit = true;
    options.strict8bit = true;
    for (const auto& t : {utf8, tls, large, eight, transaction("a@b.c", {"x@y.z"})}) owner->todo.push_back(t);
    // The first four never reach the server.
    CHECK_EQ("MAIL FROM:<a@b.c> SIZE=13\r\n"s, greet("SIZE 100,REQUIRETLS"));
    CHECK_EQ(std::size_t(4), owner->results.size());
    CHECK_EQ("temporary 0 4.6.7"s, result(0, 0));
    CHECK(owner->results[0].recipients[0].local == LocalReason::noSmtpUtf8);
    CHECK_EQ("permanent 0 5.7.30"s, result(1, 0));
    CHECK_EQ("permanent 0 5.3.4"s, result(2, 0));
    CHECK_EQ("temporary 0 4.6.3"s, result(3, 0));
    CHECK(owner->results[3].recipients[0].local == LocalReason::no8bitMime);
  }

  void reuse() {
    for (int i = 0; i < 3; ++i) owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    greet("PIPELINING");
    for (int i = 0; i < 3; ++i) {
      channel->feedBytewise("250 ok\r\n250-ok\r\n250 ok\r\n354 go\r\n");
      CHECK_EQ(body, channel->take());
      channel->feedBytewise("250 2.0.0 ok\r\n");
      CHECK_EQ(i < 2 ? "MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"s : "QUIT\r\n"s, channel->take());
    }
    CHECK_EQ(3u, session->transactions());
    CHECK_EQ(std::size_t(3), owner->results.size());
    end();
  }

  void finalRefusal() {
    for (int i = 0; i < 2; ++i) owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w"}));
    greet("PIPELINING");
    say("250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n");
    CHECK(say("451 4.7.1 greylisted\r\n").starts_with("MAIL"));  // no RSET: the final dot ended the transaction
    CHECK_EQ("temporary 451 4.7.1"s, result(0, 0));
    CHECK_EQ("permanent 550 5.1.1"s, result(0, 1));
    say("250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n");
    CHECK_EQ("QUIT\r\n"s, say("554 5.7.1 spam\r\n"));
    CHECK_EQ("permanent 554 5.7.1"s, result(1, 0));
    CHECK_EQ("permanent 554 5.7.1"s, result(1, 1));
  }

  void badMessage() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}, "a: b\r\n\r\nx\n.\nMAIL FROM:<evil@b.c>\r\n"));
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    greet("PIPELINING");
    std::string sent = say("250 ok\r\n250 ok\r\n354 go\r\n");
    CHECK_EQ(std::string::npos, sent.find("\n.\r\n"));
    CHECK_EQ(std::string::npos, sent.find("evil"));
    CHECK(channel->ended());
    CHECK_EQ("permanent 0 5.6.0"s, result(0, 0));
    CHECK(owner->results[0].recipients[0].local == LocalReason::badMessage);
    CHECK_EQ(std::size_t(1), owner->todo.size());
    CHECK_EQ(1, owner->closed);
  }

  void lost() {
    const std::vector<std::string> replies = {"250 ok\r\n", "550 5.1.1 no\r\n", "250 ok\r\n", "354 go\r\n"};
    for (std::size_t count = 0; count <= replies.size(); ++count) {
      for (auto how : {net::End::peer, net::End::reset, net::End::shutdown}) {
        ClientFixture f;
        f.owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w"}));
        f.greet("PIPELINING");
        for (std::size_t i = 0; i < count; ++i) f.say(replies[i]);
        if (count == 3) f.say("25");  // torn reply
        f.channel->breakConnection(how, "Connection reset by peer");
        CHECK_EQ(std::size_t(1), f.owner->results.size());
        CHECK(f.owner->results[0].recipients[1].local == LocalReason::connectionLost);
        CHECK(f.owner->results[0].recipients[1].outcome == Outcome::temporary);
        CHECK_EQ(count >= 2 ? "permanent 550 5.1.1"s : "temporary 0 4.4.2"s, f.result(0, 0));
        CHECK_EQ(1, f.owner->closed);
        CHECK(f.owner->failures.empty());
      }
    }
  }

  void brokenOff() {
    auto result = [](const std::string& said) {
      ClientFixture f;
      f.owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w"}));
      f.greet("PIPELINING");
      f.channel->setReader(mox::test::FakeChannel::Reader::steps);
      f.say("250 ok\r\n250 ok\r\n550 5.1.1 no\r\n354 go\r\n" + said);
      f.channel->breakConnection(net::End::reset, "Broken pipe");
      CHECK_EQ(std::size_t(1), f.owner->results.size());
      CHECK_EQ("permanent 550 5.1.1"s, f.result(0, 1));
      CHECK_EQ(1, f.owner->closed);
      CHECK(f.owner->failures.empty());
      return f.result(0, 0) + " " + f.owner->results[0].recipients[0].text;
    };
    const auto lost = "temporary 0 4.4.2 connection lost: Broken pipe"s;
    CHECK_EQ("permanent 552 5.3.4 message too big"s, result("552-5.3.4 message\r\n552 5.3.4 too big\r\n"));
    CHECK_EQ("temporary 421 4.3.2 going down"s, result("421 4.3.2 going down\r\n"));
    CHECK_EQ(lost, result(""));
    CHECK_EQ(lost, result("552 5.3.4 torn"));
    CHECK_EQ(lost, result("250 2.0.0 taken\r\n"));  // of half a message
    CHECK_EQ(lost, result("250 2.0.0 taken\r\n552 5.3.4 too big\r\n"));
    CHECK_EQ(lost, result("nonsense\r\n"));
  }

  void closing() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z", "u@v.w"}));
    greet("PIPELINING");
    CHECK_EQ(""s, say("250 ok\r\n550 5.1.1 no\r\n421 4.3.2 shutting down\r\n"));
    CHECK(channel->ended());
    CHECK_EQ("permanent 550 5.1.1"s, result(0, 0));
    CHECK_EQ("temporary 421 4.3.2"s, result(0, 1));
    CHECK(owner->failures.empty());
    CHECK_EQ(1, owner->closed);
  }

  void stopped() {
    const std::vector<std::string> replies = {"250 ok\r\n", "250 ok\r\n", "354 go\r\n"};
    for (std::size_t before = 0; before <= replies.size(); ++before) {
      ClientFixture f;
      for (int i = 0; i < 2; ++i) f.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
      f.greet("PIPELINING");
      f.channel->setReader(mox::test::FakeChannel::Reader::steps);
      for (std::size_t i = 0; i < replies.size(); ++i) {
        if (i == before) f.channel->shutDown();
        f.say(replies[i]);
      }
      if (before == replies.size()) f.channel->shutDown();  // in the midst of the message
      CHECK(!f.channel->ended());
      while (f.channel->drainStep()) {
      }
      f.channel->setReader(mox::test::FakeChannel::Reader::eager);
      f.channel->take();
      // Nothing is waited for, and no other begun.
      CHECK_EQ("QUIT\r\n"s, f.say("250 2.0.0 taken\r\n"));
      CHECK(f.channel->ended());
      CHECK_EQ("delivered 250 2.0.0"s, f.result(0, 0));
      CHECK_EQ(std::size_t(1), f.owner->todo.size());
    }
    ClientFixture other;
    other.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    other.greet();
    other.say("250 ok\r\n");
    other.channel->shutDown();
    CHECK_EQ("QUIT\r\n"s, other.say("450 later\r\n"));  // and no RSET
    CHECK(other.channel->ended());
    CHECK_EQ("temporary 450 "s, other.result(0, 0));
  }

  void deadlines() {
    auto stall = [](const std::vector<std::string>& replies, Duration wait) {
      ClientFixture f;
      f.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
      f.greet();
      for (const auto& reply : replies) f.say(reply);
      f.channel->advance(wait - std::chrono::seconds(1));
      CHECK(!f.channel->ended());
      f.channel->advance(std::chrono::seconds(2));
      CHECK(f.channel->ended());
      CHECK_EQ("temporary 0 4.4.2"s, f.result(0, 0));
      CHECK_EQ("timeout"s, f.owner->results[0].recipients[0].text);
      CHECK_EQ(1, f.owner->closed);
    };
    using std::chrono::minutes;
    stall({}, minutes(5));
    stall({"250 ok\r\n"}, minutes(5));
    stall({"250 ok\r\n", "250 ok\r\n"}, minutes(2));
    stall({"250 ok\r\n", "250 ok\r\n", "354 go\r\n"}, minutes(10));
    // A reply that drips does not push the deadline.
    ClientFixture f;
    f.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    f.greet();
    for (int i = 0; i < 400 && !f.channel->ended(); ++i) {
      f.channel->feed(i == 0 ? "250 " : "x");
      f.channel->advance(std::chrono::seconds(1));
    }
    CHECK(f.channel->ended());
  }

  void nonsense() {
    for (std::string reply : {"HTTP/1.1 400\r\n"s, "250-a\r\n550 b\r\n"s, "\0\r\n"s, "250-" + std::string(5000, 'x')}) {
      ClientFixture f;
      f.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
      f.greet();
      CHECK_EQ(""s, f.say(reply));
      CHECK(f.channel->ended());
      CHECK(f.owner->results[0].recipients[0].local == LocalReason::protocol);
      CHECK_EQ("temporary 0 4.4.2"s, f.result(0, 0));
    }
    // 4xx for ever: each transaction gets its result, and the session ends when the owner has no more.
    for (int i = 0; i < 50; ++i) owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    greet();
    std::string sent = "MAIL";
    for (int i = 0; i < 200 && !channel->ended(); ++i) sent = say("450 4.0.0 no\r\n");
    CHECK_EQ(std::size_t(50), owner->results.size());
    CHECK(channel->ended());
  }

  void slowReader() {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "line " + std::to_string(i) + "\r\n";
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}, text));
    greet("PIPELINING");
    channel->setReader(mox::test::FakeChannel::Reader::steps);
    say("250 ok\r\n250 ok\r\n354 go\r\n");
    std::string got;
    while (channel->drainStep()) got += channel->take();
    CHECK_EQ(text + ".\r\n", got);
    channel->setReader(mox::test::FakeChannel::Reader::eager);
    CHECK_EQ("QUIT\r\n"s, say("250 ok\r\n"));
    CHECK_EQ("delivered 250 "s, result(0, 0));
  }
};
SUITE(SmtpClientTransactionTest);
