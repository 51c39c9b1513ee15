#include "sasl/ScramClient.h"

#include "sasl/Fixture.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::sasl;
using namespace mox::sasl::test;
using namespace std::string_literals;

namespace {
const std::string sha1First = "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL";
const std::string sha1Server = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
const std::string sha1Final = "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=";
const std::string sha1Signature = "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=";
const std::string sha256First = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
const std::string sha256Server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
const std::string sha256Final = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
const std::string sha256Signature = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
}  // namespace

struct SaslScramTest : mox::test::Suite<SaslScramTest> {
  static void list(List& l) {
    l.add("client plays RFC 5802 §5 and RFC 7677 §3", &SaslScramTest::clientVectors);
    l.add("stored secret checks the RFC's proof", &SaslScramTest::secretVectors);
    l.add("client against server, all mechanisms and bindings", &SaslScramTest::combinations);
    l.add("gs2 flags", &SaslScramTest::flags);
    l.add("binding of another connection", &SaslScramTest::mismatch);
    l.add("unknown user looks like a wrong password", &SaslScramTest::unknownUser);
    l.add("malformed client messages", &SaslScramTest::malformed);
    l.add("tampered final messages", &SaslScramTest::tampered);
    l.add("client refuses false servers", &SaslScramTest::falseServers);
    l.add("choice of mechanism", &SaslScramTest::choice);
    l.add("escapes and authzid", &SaslScramTest::escapes);
  }

  World world;

  static std::unique_ptr<ClientMechanism> vectorClient(HashKind kind) {
    return makeScramClient(kind, {}, {"user", "pencil", ""}, kind == HashKind::sha1 ? "fyko+d2lbbFgONRv9qkxdawL" : "rOprNGfwEbeRWgbNEkqO");
  }

  void clientVectors() {
    auto sha1 = vectorClient(HashKind::sha1);
    CHECK_EQ(sha1First, sha1->initial().value());
    CHECK_EQ(sha1Final, sha1->step(sha1Server).value());
    CHECK(!sha1->complete());
    CHECK_EQ(""s, sha1->step(sha1Signature).value());
    CHECK(sha1->complete());
    auto sha256 = vectorClient(HashKind::sha256);
    CHECK_EQ(sha256First, sha256->initial().value());
    CHECK_EQ(sha256Final, sha256->step(sha256Server).value());
    CHECK_EQ(""s, sha256->step(sha256Signature).value());
    CHECK(sha256->complete());
  }

  /// Our nonces are base64, the RFC's are not, so the server's arithmetic is played here by hand.
  void secretVectors() {
    auto check = [](HashKind kind, const std::string& salt, const std::string& first, const std::string& server, const std::string& final,
                    const std::string& signature) {
      auto secret = deriveScram(kind, "pencil", fromBase64(salt).value(), 4096);
      auto parsed = parseClientFinal(final).value();
      std::string message = first.substr(3) + "," + server + "," + parsed.withoutProof;
      CHECK_EQ(secret.storedKey, digest(kind, exclusiveOr(parsed.proof, hmac(kind, secret.storedKey, message))));
      CHECK_EQ(signature, "v=" + base64(hmac(kind, secret.serverKey, message)));
    };
    check(HashKind::sha1, "QSXCR+Q6sek8bf92", sha1First, sha1Server, sha1Final, sha1Signature);
    check(HashKind::sha256, "W22ZaJ0SNY7soEsUEjb6gQ==", sha256First, sha256Server, sha256Final, sha256Signature);
  }

  std::string run(const std::string& mechanism, const ChannelBindings& clientBindings, const std::string& user = "user@example.org",
                  const std::string& password = "pencil", std::vector<std::string> announced = {}) {
    if (announced.empty()) announced = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"};
    auto client = chooseClient(announced, {mechanism}, {user, password, ""}, clientBindings, world.random).value();
    if (!client) return "none";
    CHECK_EQ(mechanism, std::string(client->name()));
    ServerExchange server(world.server(mechanism));
    return play(server, *client);
  }

  void combinations() {
    std::vector<ChannelBindings> all = {{}, {true, "exporterdata", "", "endpoint"}, {true, "", "uniquedata", "endpoint"}, {true, "", "", "endpoint"}};
    for (const auto& bindings : all) {
      world.bindings = bindings;
      for (std::string name : {"SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"}) {
        bool impossible = name.ends_with("PLUS") && !bindings.any();
        CHECK_EQ(impossible ? "none"s : "success user@example.org"s, run(name, bindings));
        if (!impossible) CHECK_EQ("badcredentials (client incomplete)"s, run(name, bindings, "user@example.org", "pen"));
      }
    }
    world.bindings = {};
    CHECK_EQ("success user@example.org"s, run("CRAM-MD5", {}));
    CHECK_EQ("check user@example.org pencil"s, run("PLAIN", {}));
    CHECK_EQ("check user@example.org pencil"s, run("LOGIN", {}));
  }

  std::string first(const std::string& mechanism, const std::string& message) {
    std::string end = outcome(world.server(mechanism)->start(message));
    return end.substr(0, end.find(' '));
  }

  void flags() {
    world.bindings = {true, "exporterdata", "", ""};
    const std::string rest = "n=user,r=12345678";
    CHECK_EQ("challenge"s, first("SCRAM-SHA-256", "n,," + rest));
    CHECK_EQ("channelbindingmismatch"s, first("SCRAM-SHA-256-PLUS", "n,," + rest));
    CHECK_EQ("channelbindingmismatch"s, first("SCRAM-SHA-256", "y,," + rest));
    CHECK_EQ("channelbindingmismatch"s, first("SCRAM-SHA-256-PLUS", "y,," + rest));
    CHECK_EQ("challenge"s, first("SCRAM-SHA-256-PLUS", "p=tls-exporter,," + rest));
    CHECK_EQ("challenge"s, first("SCRAM-SHA-256", "p=tls-exporter,," + rest));  // Cyrus
    CHECK_EQ("unsupportedbinding"s, first("SCRAM-SHA-256-PLUS", "p=tls-unique,," + rest));
    CHECK_EQ("unsupportedbinding"s, first("SCRAM-SHA-256-PLUS", "p=made-up,," + rest));
    CHECK_EQ("syntax"s, first("SCRAM-SHA-256-PLUS", "p=,," + rest));
    CHECK_EQ("syntax"s, first("SCRAM-SHA-256", "x,," + rest));
    world.plusAnnounced = false;
    CHECK_EQ("challenge"s, first("SCRAM-SHA-256", "y,," + rest));
    world.bindings = {};
    CHECK_EQ("unsupportedbinding"s, first("SCRAM-SHA-256-PLUS", "p=tls-exporter,," + rest));
  }

  void mismatch() {
    world.bindings = {true, "ours", "", ""};
    CHECK_EQ("channelbindingmismatch (client incomplete)"s, run("SCRAM-SHA-256-PLUS", {true, "theirs", "", ""}));
    // A client that can bind but was shown a list without -PLUS says so, and we notice.
    CHECK_EQ("channelbindingmismatch (client incomplete)"s,
             run("SCRAM-SHA-256", {true, "ours", "", ""}, "user@example.org", "pencil", {"SCRAM-SHA-256"}));
  }

  void unknownUser() {
    CHECK_EQ("badcredentials (client incomplete)"s, run("SCRAM-SHA-256", {}, "nobody@example.org"));
    auto ask = [&](const std::string& user) {
      return parseServerFirst(challenge(world.server("SCRAM-SHA-1")->start("n,,n=" + user + ",r=12345678"))).value();
    };
    auto a = ask("nobody@example.org"), b = ask("nobody@example.org"), c = ask("someone@example.org"), known = ask("user@example.org");
    CHECK_EQ(a.salt, b.salt);
    CHECK_EQ(a.salt, ask("Nobody@Example.ORG").salt);
    CHECK(a.nonce != b.nonce);
    CHECK(a.salt != c.salt);
    CHECK_EQ(known.iterations, a.iterations);
    CHECK_EQ(known.salt.size(), a.salt.size());
    CHECK_EQ(known.nonce.size(), a.nonce.size());
  }

  void malformed() {
    for (std::string bad : {"", "n", "n,", "n,,", "n,,n=user", "n,,n=,r=12345678", "n,,n=user,r=", "n,,n=user,r=1234567", "n,,r=12345678,n=user",
                            "n,x=y,n=user,r=12345678", "n,,n=us=er,r=12345678", "n,,n=us=2cer,r=12345678", "n,,n=user,r=1234 5678",
                            "n,,n=user,r=12345678,", "n,,n=user,r=12345678,,x=y", "n,,n=user,r=12345678,junk", "n,,n=e\xcc\x81,r=12345678",
                            "n,,n=\xff,r=12345678", "n,a=e\xcc\x81,n=u,r=12345678"}) {
      CHECK_MSG(bad, first("SCRAM-SHA-256", bad) == "syntax");
    }
    CHECK_EQ("syntax"s, first("SCRAM-SHA-256", "n,,n=us\0er,r=12345678"s));
    CHECK_EQ("syntax"s, first("SCRAM-SHA-256", "n,,n=user,r=" + std::string(maxNonce + 1, 'r')));
    CHECK_EQ("unsupportedextension"s, first("SCRAM-SHA-256", "n,,m=x,n=user,r=12345678"));
    CHECK_EQ("challenge"s, first("SCRAM-SHA-256", "n,,n=user,r=12345678,x=optional"));
    CHECK_EQ("authorizationdenied"s, first("SCRAM-SHA-256", "n,a=other,n=user,r=12345678"));
    CHECK_EQ("challenge"s, first("SCRAM-SHA-256", "n,a=user,n=user,r=12345678"));
  }

  void tampered() {
    auto end = [&](auto change) {
      auto client = makeScramClient(HashKind::sha256, {}, {"user@example.org", "pencil", ""}, "abcdefgh");
      auto server = world.server("SCRAM-SHA-256");
      std::string final = client->step(challenge(server->start(client->initial().value()))).value();
      change(final);
      return outcome(server->step(final));
    };
    CHECK(end([](std::string&) {}).starts_with("challenge v="));
    CHECK_EQ("syntax"s, end([](std::string& s) { s.clear(); }));
    CHECK_EQ("syntax"s, end([](std::string& s) { s.resize(s.size() - 4); }));
    CHECK_EQ("syntax"s, end([](std::string& s) { s += "="; }));
    CHECK_EQ("syntax"s, end([](std::string& s) { s.replace(s.find(",r=") + 3, 1, "X"); }));
    CHECK_EQ("syntax"s, end([](std::string& s) { s.replace(s.find(",p="), 3, ",q="); }));
    CHECK_EQ("channelbindingmismatch"s, end([](std::string& s) { s.replace(0, 6, "c=eSws"); }));  // "y,,"
    CHECK_EQ("badcredentials"s, end([](std::string& s) {
      char& c = s[s.find(",p=") + 5];
      c = c == 'A' ? 'B' : 'A';
    }));
    CHECK_EQ("badcredentials"s, end([](std::string& s) { s.insert(s.find(",p="), ",x=y"); }));  // signed text changed
    auto server = world.server("SCRAM-SHA-256");
    auto client = makeScramClient(HashKind::sha256, {}, {"user@example.org", "pencil", ""}, "abcdefgh");
    std::string final = client->step(challenge(server->start(client->initial().value()))).value();
    CHECK(outcome(server->step(final)).starts_with("challenge v="));
    CHECK_EQ("syntax"s, outcome(server->step("junk")));  // must be empty
  }

  void falseServers() {
    auto answer = [](const std::string& server) { return vectorClient(HashKind::sha1)->step(server).has_value(); };
    CHECK(answer(sha1Server));
    CHECK(!answer("r=other,s=QSXCR+Q6sek8bf92,i=4096"));
    CHECK(!answer("r=fyko+d2lbbFgONRv9qkxdawL,s=QSXCR+Q6sek8bf92,i=4096"));
    CHECK(!answer("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4095"));
    CHECK(!answer("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=2147483648"));
    CHECK(!answer("r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=2147483647"));
    CHECK(!answer("r=fyko+d2lbbFgONRv9qkxdawLx,s=,i=4096"));
    CHECK(!answer("m=x,r=fyko+d2lbbFgONRv9qkxdawLx,s=QSXCR+Q6sek8bf92,i=4096"));
    for (std::string final : {"v=", "v=AAAA", "e=other-error", "", "v=rmF9pqV8S7suAoZWja4dJRkFsKA="}) {
      auto client = vectorClient(HashKind::sha1);
      CHECK(client->step(sha1Server).has_value());
      CHECK_MSG(final, !client->step(final).has_value());
      CHECK(!client->complete());
    }
  }

  void choice() {
    auto chosen = [&](std::vector<std::string> announced, std::vector<std::string> allowed, ChannelBindings bindings) {
      auto client = chooseClient(announced, allowed, {"u", "p", ""}, bindings, world.random).value();
      return client ? std::string(client->name()) : "none"s;
    };
    std::vector<std::string> all = {"PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256-PLUS", "scram-sha-256"};
    CHECK_EQ("SCRAM-SHA-256"s, chosen(all, defaultClientMechanisms(), {}));
    CHECK_EQ("SCRAM-SHA-256-PLUS"s, chosen(all, defaultClientMechanisms(), {true, "x", "", ""}));
    CHECK_EQ("CRAM-MD5"s, chosen({"PLAIN", "CRAM-MD5"}, defaultClientMechanisms(), {}));
    CHECK_EQ("none"s, chosen({"PLAIN", "LOGIN"}, defaultClientMechanisms(), {}));
    CHECK_EQ("PLAIN"s, chosen({"PLAIN", "LOGIN"}, {"PLAIN"}, {}));
    CHECK(!chooseClient({"PLAIN"}, {"PLAIN"}, {"u", "a\nb", ""}, {}, world.random));
  }

  void escapes() {
    CHECK_EQ("a=2Cb=3Dc"s, escapeName("a,b=c"));
    CHECK_EQ("a,b=c"s, unescapeName("a=2Cb=3Dc").value());
    world.users.secrets["a,b=c"] = derive("pencil", world.random).value();
    CHECK_EQ("success a,b=c"s, run("SCRAM-SHA-1", {}, "a,b=c"));
  }
};
SUITE(SaslScramTest);
