#include "base/Text.h"
#include "sasl/Server.h"
#include "smtp/ClientFixture.h"
#include "smtp/Path.h"

using namespace mox;
using namespace mox::smtp;
using namespace mox::smtp::test;
using namespace std::string_literals;

namespace {

struct OneUser final : sasl::CredentialSource {
  sasl::PasswordSecrets secrets;
  std::optional<sasl::ScramSecret> scram(sasl::HashKind kind, const std::string&) override {
    return kind == sasl::HashKind::sha1 ? secrets.scramSha1 : secrets.scramSha256;
  }
  std::optional<sasl::HmacMd5States> cramMd5(const std::string&) override { return secrets.cramMd5; }
  std::string fakeSaltKey() override { return "key"; }
};

}  // namespace

struct SmtpClientConnectionTest : mox::test::Suite<SmtpClientConnectionTest>, ClientFixture {
  static void list(List& l) {
    l.add("nothing to send: QUIT", &SmtpClientConnectionTest::nothing);
    l.add("HELO when EHLO is unknown", &SmtpClientConnectionTest::helo);
    l.add("greeting refused", &SmtpClientConnectionTest::refusedGreeting);
    l.add("dial failed, lost before greeting, timeout", &SmtpClientConnectionTest::noGreeting);
    l.add("endless greeting, hostile input 52", &SmtpClientConnectionTest::endlessGreeting);
    l.add("STARTTLS, extensions forgotten, EHLO again", &SmtpClientConnectionTest::startTls);
    l.add("TLS modes without the server's help", &SmtpClientConnectionTest::tlsModes);
    l.add("handshake fails", &SmtpClientConnectionTest::handshakeFails);
    l.add("plaintext after 220 to STARTTLS, hostile input 13", &SmtpClientConnectionTest::injected);
    l.add("AUTH with each mechanism against our server side", &SmtpClientConnectionTest::auth);
    l.add("AUTH refused, missing, or lying", &SmtpClientConnectionTest::authFails);
    l.add("passwords not in plaintext", &SmtpClientConnectionTest::noPlaintext);
    l.add("long initial response goes on its own line", &SmtpClientConnectionTest::longInitial);
    l.add("shutdown", &SmtpClientConnectionTest::shutdown);
    l.add("parked, woken, QUIT", &SmtpClientConnectionTest::parked);
    l.add("a transaction when the time to park is up", &SmtpClientConnectionTest::parkedLastMoment);
    l.add("the server ends a parked connection", &SmtpClientConnectionTest::parkedEnds);
    l.add("no parking", &SmtpClientConnectionTest::neverParked);
  }

  void nothing() {
    CHECK_EQ("QUIT\r\n"s, greet());
    CHECK_EQ("mx.example"s, session->peer().name);
    CHECK_EQ("mx.example ESMTP"s, session->peer().greeting);
    channel->advance(std::chrono::seconds(11));  // no answer to QUIT
    CHECK(channel->ended());
    CHECK(owner->failures.empty());
    CHECK_EQ(1, owner->closed);
  }

  void helo() {
    for (std::string code : {"500", "501", "502", "503", "504"}) {
      ClientFixture f;
      f.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
      f.start();
      f.say("220 old\r\n");
      CHECK_EQ("HELO client.example\r\n"s, f.say(code + " what\r\n"));
      CHECK_EQ("MAIL FROM:<a@b.c>\r\n"s, f.say("250-old.example\r\n250 PIPELINING\r\n"));  // HELO announces nothing
      CHECK(!f.session->peer().esmtp);
    }
    for (std::string code : {"550", "451"}) {
      ClientFixture f;
      f.start();
      f.say("220 old\r\n");
      CHECK_EQ("QUIT\r\n"s, f.say(code + " no\r\n"));
      CHECK(f.owner->failures.at(0).phase == ClientPhase::hello);
      CHECK_EQ(code == "550", f.owner->failures[0].outcome == Outcome::permanent);
    }
  }

  void refusedGreeting() {
    start();
    CHECK_EQ("QUIT\r\n"s, say("554 5.7.1 no\r\n"));
    CHECK(owner->failures.at(0).outcome == Outcome::permanent);
    CHECK_EQ("5.7.1"s, owner->failures[0].enhanced);
    CHECK_EQ(554u, owner->failures[0].code);
    ClientFixture busy;
    busy.start();
    CHECK_EQ(""s, busy.say("421 4.3.2 busy\r\n"));
    CHECK(busy.channel->ended());
    CHECK(busy.owner->failures.at(0).outcome == Outcome::temporary);
    CHECK_EQ(std::size_t(1), busy.owner->failures.size());
    CHECK_EQ(0, busy.owner->ready);
  }

  void noGreeting() {
    session = std::make_unique<ClientSession>(options, owner, random);
    session->onEnd(net::End::refused, "Connection refused");
    CHECK(owner->failures.at(0).phase == ClientPhase::connect);
    CHECK(owner->failures[0].end == net::End::refused);
    CHECK_EQ("connection lost: Connection refused"s, owner->failures[0].text);
    CHECK_EQ(1, owner->closed);
    ClientFixture lost;
    lost.start();
    lost.channel->peerCloses();
    CHECK(lost.owner->failures.at(0).phase == ClientPhase::greeting);
    ClientFixture late;
    late.start();
    late.channel->advance(std::chrono::minutes(6));
    CHECK(late.channel->ended());
    CHECK_EQ("timeout"s, late.owner->failures.at(0).text);
    CHECK_EQ(1, late.owner->closed);
  }

  void endlessGreeting() {
    start();
    std::string junk(60'000, 'x');
    for (int i = 0; i < 100 && !channel->ended(); ++i) channel->feed(junk);
    CHECK(channel->ended());
    CHECK_EQ(std::size_t(1), owner->failures.size());
    ClientFixture lines;
    lines.start();
    for (int i = 0; i < 1'000'000 && !lines.channel->ended(); ++i) lines.channel->feed("220-x\r\n");
    CHECK(lines.channel->ended());
  }

  void startTls() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    CHECK_EQ("STARTTLS\r\n"s, greet("STARTTLS,PIPELINING,SIZE 1"));
    CHECK_EQ("EHLO client.example\r\n"s, say("220 2.0.0 go\r\n"));
    CHECK_EQ("mx.example"s, channel->tlsServerName());
    CHECK_EQ("MAIL FROM:<a@b.c>\r\n"s, say("250 mx.example\r\n"));
    CHECK(session->peer().tls.has_value());
    CHECK(session->peer().announcedStartTls);
    CHECK(!session->peer().extensions.pipelining);
    // A server that offers STARTTLS within TLS is not believed twice.
    ClientFixture again;
    again.greet("STARTTLS");
    again.say("220 go\r\n");
    CHECK_EQ("QUIT\r\n"s, again.say("250-x\r\n250 STARTTLS\r\n"));
  }

  void tlsModes() {
    ClientFixture none;
    none.options.tls = ClientTls::none;
    CHECK_EQ("QUIT\r\n"s, none.greet("STARTTLS"));
    ClientFixture changed;
    CHECK_EQ("STARTTLS\r\n"s, changed.greet("STARTTLS"));
    CHECK_EQ("QUIT\r\n"s, changed.say("454 4.7.0 not now\r\n"));
    CHECK(changed.owner->failures.empty());
    CHECK_EQ(1, changed.owner->ready);
    ClientFixture required;
    required.options.tls = ClientTls::required;
    CHECK_EQ("QUIT\r\n"s, required.greet("PIPELINING"));
    CHECK(required.owner->failures.at(0).phase == ClientPhase::startTls);
    CHECK_EQ(0, required.owner->ready);
    ClientFixture refused;
    refused.options.tls = ClientTls::required;
    refused.greet("STARTTLS");
    CHECK_EQ("QUIT\r\n"s, refused.say("454 4.7.0 not now\r\n"));
    CHECK_EQ("4.7.0"s, refused.owner->failures.at(0).enhanced);
    CHECK_EQ(0, refused.owner->ready);
  }

  void handshakeFails() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    greet("STARTTLS");
    channel->failTls("certificate expired");
    CHECK_EQ(""s, say("220 go\r\n"));
    CHECK(channel->ended());
    CHECK(owner->failures.at(0).phase == ClientPhase::handshake);
    CHECK(owner->failures[0].end == net::End::tls);
    CHECK(owner->results.empty());
    CHECK_EQ(std::size_t(1), owner->todo.size());
  }

  void injected() {
    for (std::string after : {"250 injected\r\n"s, "2"s, "\0"s}) {
      ClientFixture f;
      f.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
      f.greet("STARTTLS");
      CHECK_EQ(""s, f.say("220 go\r\n" + after));
      CHECK(f.channel->ended());
      CHECK(!f.channel->tls());
      CHECK(f.owner->failures.at(0).phase == ClientPhase::startTls);
      CHECK(f.owner->results.empty());
    }
  }

  /// Plays our own server side; what the client says after success.
  std::string authenticate(ClientFixture& f, const std::string& mechanism, const std::string& password) {
    OneUser users;
    users.secrets = sasl::derive("pencil", random).value();
    f.options.auth = ClientAuth{{"user@example.org", password, ""}, {mechanism}, false};
    f.options.tls = ClientTls::immediate;
    f.session = std::make_unique<ClientSession>(f.options, f.owner, f.random);
    f.channel = std::make_unique<mox::test::FakeChannel>(*f.session, f.clock);
    auto tls = mox::test::FakeChannel::defaultTls();
    tls.exporterBinding = "exported";
    f.channel->setTls(tls);
    f.channel->openTls();
    f.say("220 hi\r\n");
    std::string line = f.say("250-x\r\n250 AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1-PLUS SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN\r\n");
    sasl::ServerContext context{"mx.example", {true, "exported", "", ""}, true, "", random, clock, users};
    sasl::ServerExchange server(sasl::makeServer(mechanism, context));
    CHECK(line.starts_with("AUTH " + mechanism) && line.ends_with("\r\n"));
    auto initial = line.substr(0, line.size() - 2).substr(5 + mechanism.size());
    auto step = initial.empty() ? server.start(std::nullopt) : server.start(std::string_view(initial).substr(1));
    for (int i = 0; i < 5; ++i) {
      if (const auto* asked = std::get_if<sasl::Challenge>(&step)) {
        line = f.say("334 " + base64(asked->bytes) + "\r\n");
        CHECK(line.ends_with("\r\n"));
        step = server.respond(line.substr(0, line.size() - 2));
        continue;
      }
      bool good = std::holds_alternative<sasl::Success>(step);
      if (const auto* check = std::get_if<sasl::NeedsPasswordCheck>(&step)) good = check->password == "pencil";
      return f.say(good ? "235 2.7.0 welcome\r\n" : "535 5.7.8 no\r\n");
    }
    return "endless";
  }

  void auth() {
    for (std::string mechanism : {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"}) {
      ClientFixture good;
      good.owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
      CHECK_EQ("MAIL FROM:<a@b.c>\r\n"s, authenticate(good, mechanism, "pencil"));
      CHECK_EQ(mechanism, good.session->peer().authMechanism);
      ClientFixture bad;
      CHECK_EQ("QUIT\r\n"s, authenticate(bad, mechanism, "wrong"));
      CHECK(bad.owner->failures.at(0).phase == ClientPhase::auth);
      CHECK(bad.owner->failures[0].outcome == Outcome::permanent);
      CHECK_EQ(0, bad.owner->ready);
    }
  }

  void authFails() {
    auto with = [](ClientFixture& f, const std::string& extensions) -> std::string {
      f.options.auth = ClientAuth{{"user", "pencil", ""}};
      return f.greet(extensions);
    };
    ClientFixture missing;
    CHECK_EQ("QUIT\r\n"s, with(missing, "AUTH GSSAPI"));
    CHECK(missing.owner->failures.at(0).outcome == Outcome::temporary);
    ClientFixture lying;  // success before the server has proved that it knows the password
    CHECK(with(lying, "AUTH SCRAM-SHA-256").starts_with("AUTH SCRAM-SHA-256 "));
    CHECK_EQ("QUIT\r\n"s, lying.say("235 2.7.0 welcome\r\n"));
    CHECK_EQ(0, lying.owner->ready);
    ClientFixture garbled;
    with(garbled, "AUTH SCRAM-SHA-256");
    CHECK_EQ("*\r\nQUIT\r\n"s, garbled.say("334 !!!\r\n"));
    CHECK_EQ(std::size_t(1), garbled.owner->failures.size());
    ClientFixture weak;
    with(weak, "AUTH SCRAM-SHA-256");
    CHECK_EQ("*\r\nQUIT\r\n"s, weak.say("334 " + base64("r=x,s=QUJD,i=2147483647") + "\r\n"));
    ClientFixture control;
    control.options.auth = ClientAuth{{"user", "pen\ncil", ""}};
    CHECK_EQ("QUIT\r\n"s, control.greet("AUTH CRAM-MD5"));
    CHECK(control.owner->failures.at(0).outcome == Outcome::permanent);
  }

  void noPlaintext() {
    options.auth = ClientAuth{{"user", "pencil", ""}, {"PLAIN", "LOGIN"}, false};
    CHECK_EQ("QUIT\r\n"s, greet("AUTH PLAIN LOGIN"));
    CHECK_EQ(std::size_t(1), owner->failures.size());
    ClientFixture asked;
    asked.options.auth = ClientAuth{{"user", "pencil", ""}, {"PLAIN"}, true};
    CHECK_EQ("AUTH PLAIN " + base64("\0user\0pencil"s) + "\r\n", asked.greet("AUTH PLAIN LOGIN"));
  }

  void longInitial() {
    std::string password(500, 'p');
    options.auth = ClientAuth{{"user", password, ""}, {"PLAIN"}, true};
    CHECK_EQ("AUTH PLAIN\r\n"s, greet("AUTH PLAIN"));
    CHECK_EQ(base64("\0user\0"s + password) + "\r\n", say("334 \r\n"));
    CHECK_EQ("QUIT\r\n"s, say("235 ok\r\n"));
    CHECK_EQ("PLAIN"s, session->peer().authMechanism);
  }

  void shutdown() {
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    start();
    say("220 mx.example ESMTP\r\n");
    channel->shutDown();  // transactions have a test of their own
    CHECK(channel->ended());
    CHECK(owner->failures.at(0).outcome == Outcome::temporary);
    CHECK_EQ(std::size_t(1), owner->todo.size());
    CHECK_EQ(1, owner->closed);
  }

  /// EHLO done and nothing to do: no word to the server.
  void park() {
    owner->parks = true;
    CHECK_EQ(""s, greet("PIPELINING"));
    CHECK(channel->deadlineIn() == std::optional<Duration>(options.timeouts.parked));
    CHECK(owner->waker != nullptr);
  }

  void parked() {
    park();
    owner->waker->wake();  // for nothing
    channel->settle();
    CHECK_EQ(2, owner->ready);
    CHECK_EQ(""s, channel->take());
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    owner->waker->wake();
    channel->settle();
    CHECK(channel->take().starts_with("MAIL FROM:<a@b.c>"));
    owner->waker->wake();  // busy now: it asks anyhow when it is done
    channel->settle();
    CHECK_EQ(3, owner->ready);
    say("250 ok\r\n250 ok\r\n354 go\r\n");
    CHECK_EQ(""s, say("250 taken\r\n"));
    CHECK(owner->results.at(0).recipients[0].outcome == Outcome::delivered);
    channel->advance(options.timeouts.parked - std::chrono::milliseconds(1));
    CHECK_EQ(""s, channel->take());
    channel->advance(std::chrono::milliseconds(1));
    CHECK_EQ("QUIT\r\n"s, channel->take());
    CHECK(owner->waker == nullptr);
    say("221 bye\r\n");
    CHECK(channel->ended());
    CHECK(owner->failures.empty());
    CHECK_EQ(1, owner->closed);
  }

  void parkedLastMoment() {
    park();
    owner->todo.push_back(transaction("a@b.c", {"x@y.z"}));
    channel->advance(options.timeouts.parked);
    CHECK(channel->take().starts_with("MAIL FROM:<a@b.c>"));
  }

  /// However a server ends an idle connection, it is no failure; what it says out of turn else is.
  void parkedEnds() {
    ClientFixture f[5];
    for (auto& one : f) {
      one.owner->parks = true;
      one.greet();
    }
    f[0].channel->peerCloses();
    f[1].channel->breakConnection(net::End::reset, "connection reset");
    CHECK_EQ(""s, f[2].say("421 4.4.2 idle too long\r\n"));
    f[3].channel->shutDown();
    CHECK_EQ("QUIT\r\n"s, f[3].channel->take());
    f[4].say("250 what?\r\n");
    for (auto& one : f) {
      CHECK(one.channel->ended());
      CHECK_EQ(1, one.owner->closed);
      CHECK_EQ(std::size_t(&one == &f[4] ? 1 : 0), one.owner->failures.size());
    }
    f[0].owner->waker->wake();  // harmless
  }

  void neverParked() {
    options.timeouts.parked = Duration::zero();
    owner->parks = true;
    CHECK_EQ("QUIT\r\n"s, greet());
    CHECK(owner->waker == nullptr);
  }
};
SUITE(SmtpClientConnectionTest);
