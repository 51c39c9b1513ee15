#include "sasl/Fixture.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::sasl;
using namespace mox::sasl::test;
using namespace std::string_literals;

struct SaslPasswordTest : mox::test::Suite<SaslPasswordTest> {
  static void list(List& l) {
    l.add("PLAIN asks for a password check", &SaslPasswordTest::plain);
    l.add("PLAIN refuses what it should", &SaslPasswordTest::plainBad);
    l.add("LOGIN with and without initial response", &SaslPasswordTest::login);
    l.add("CRAM-MD5, RFC 2195 §2 digest", &SaslPasswordTest::cramVector);
    l.add("CRAM-MD5 unknown user is like a wrong password", &SaslPasswordTest::cramUnknown);
    l.add("EXTERNAL", &SaslPasswordTest::external);
    l.add("wire: =, *, junk, over the cap", &SaslPasswordTest::wire);
  }

  World world;

  void plain() {
    CHECK_EQ("check user@example.org pencil"s, outcome(world.server("PLAIN")->start("\0user@example.org\0pencil"s)));
    CHECK_EQ("check user@example.org pencil"s, outcome(world.server("plain")->start("user@example.org\0user@example.org\0pencil"s)));
    auto server = world.server("PLAIN");
    CHECK_EQ("challenge "s, outcome(server->start(std::nullopt)));
    CHECK_EQ("check e\xcc\x81"s.replace(6, 3, "\xc3\xa9") + " \xc3\xa9", outcome(server->step("\0e\xcc\x81\0e\xcc\x81"s)));
  }

  void plainBad() {
    CHECK_EQ("authorizationdenied"s, outcome(world.server("PLAIN")->start("other@example.org\0user@example.org\0pencil"s)));
    for (std::string bad : {""s, "user"s, "\0user"s, "\0user\0a\0b"s, "\0\0pw"s, "\0\xff\0pw"s, "\0a\nb\0pw"s})
      CHECK_EQ("syntax"s, outcome(world.server("PLAIN")->start(bad)));
    // A password nobody can have is a wrong one.
    CHECK_EQ("badcredentials"s, outcome(world.server("PLAIN")->start("\0user\0"s)));
    CHECK_EQ("badcredentials"s, outcome(world.server("PLAIN")->start("\0user\0a\nb"s)));
  }

  void login() {
    auto server = world.server("LOGIN");
    CHECK_EQ("challenge Username:"s, outcome(server->start(std::nullopt)));
    CHECK_EQ("challenge Password:"s, outcome(server->step("user@example.org")));
    CHECK_EQ("check user@example.org pencil"s, outcome(server->step("pencil")));
    server = world.server("LOGIN");
    CHECK_EQ("challenge Password:"s, outcome(server->start("user@example.org")));
    CHECK_EQ("check user@example.org x"s, outcome(server->step("x")));
    CHECK_EQ("syntax"s, outcome(world.server("LOGIN")->start(std::string(100'000, 'a'))));
  }

  void cramVector() {
    // The RFC's own challenge through the primitive, and our challenge through the mechanism.
    CHECK_EQ("b913a602c7eda7a495b4e6e7334d3890"s, hex(hmacMd5(hmacMd5States("tanstaaftanstaaf"), "<1896.697170952@postoffice.reston.mci.net>")));
    auto server = world.server("CRAM-MD5");
    std::string asked = challenge(server->start(std::nullopt));
    CHECK(asked.starts_with("<") && asked.ends_with(".1700000000000000000@mail.example.org>"));
    CHECK_EQ("success user@example.org"s, outcome(server->step("user@example.org " + hex(hmacMd5(hmacMd5States("pencil"), asked)))));
    CHECK(challenge(world.server("CRAM-MD5")->start(std::nullopt)) != asked);
    CHECK_EQ("syntax"s, outcome(world.server("CRAM-MD5")->start("x")));
  }

  void cramUnknown() {
    for (std::string user : {"user@example.org", "nobody@example.org"}) {
      auto server = world.server("CRAM-MD5");
      std::string asked = challenge(server->start(std::nullopt));
      Step end = server->step(user + " " + hex(hmacMd5(hmacMd5States("wrong"), asked)));
      CHECK_EQ("badcredentials"s, outcome(end));
      CHECK_EQ("wrong user name or password"s, std::get<Failure>(end).text);
    }
    // The key of the made-up secret must not open a door.
    auto server = world.server("CRAM-MD5");
    std::string asked = challenge(server->start(std::nullopt));
    CHECK_EQ("badcredentials"s, outcome(server->step("nobody " + hex(hmacMd5(hmacMd5States(""), asked)))));
    for (std::string bad : {"user", "user 12", "user xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy", " b913a602c7eda7a495b4e6e7334d3890"}) {
      server = world.server("CRAM-MD5");
      server->start(std::nullopt);
      CHECK_EQ("syntax"s, outcome(server->step(bad)));
    }
  }

  void external() {
    CHECK(world.server("EXTERNAL") == nullptr);
    CHECK(world.server("GSSAPI") == nullptr);
    world.certificateLogin = "user@example.org";
    CHECK_EQ("success user@example.org"s, outcome(world.server("EXTERNAL")->start("")));
    CHECK_EQ("success user@example.org as alias@example.org"s, outcome(world.server("EXTERNAL")->start("alias@example.org")));
    auto server = world.server("EXTERNAL");
    CHECK_EQ("challenge "s, outcome(server->start(std::nullopt)));
    CHECK_EQ("syntax"s, outcome(server->step("a\0b"s)));
  }

  void wire() {
    auto exchange = [&] { return ServerExchange(world.server("PLAIN")); };
    CHECK_EQ("check user pw"s, outcome(exchange().start(base64("\0user\0pw"s))));
    CHECK_EQ("syntax"s, outcome(exchange().start("=")));  // empty, no NULs
    CHECK_EQ("syntax"s, outcome(exchange().start("")));
    CHECK_EQ("syntax"s, outcome(exchange().start("AHVzZXI")));
    CHECK_EQ("syntax"s, outcome(exchange().start("A\0HVzZXIA"s)));
    CHECK_EQ("toolong"s, outcome(exchange().start(std::string(1'000'000, 'A'))));
    auto cancelled = exchange();
    CHECK_EQ("challenge "s, outcome(cancelled.start(std::nullopt)));
    CHECK_EQ("cancelled"s, outcome(cancelled.respond("*")));
    CHECK_EQ("syntax"s, outcome(cancelled.respond(base64("\0user\0pw"s))));  // over is over
  }
};
SUITE(SaslPasswordTest);
