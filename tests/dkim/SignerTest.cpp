#include "dkim/Signer.h"

#include "base/Text.h"
#include "dkim/Fixtures.h"
#include "dkim/Verifier.h"
#include "dns/FakeResolver.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::dkim;
using namespace mox::test;

struct SignerTest : test::Suite<SignerTest> {
  static void list(List& l) {
    l.add("round trips of all forms", &SignerTest::roundTrips);
    l.add("Ed25519 gives the signature of RFC 8463", &SignerTest::rfc8463);
    l.add("sealed headers cannot be added", &SignerTest::sealing);
    l.add("unsealed headers, repeated fields", &SignerTest::unsealed);
    l.add("t=, x= and i=", &SignerTest::times);
    l.add("the field is folded", &SignerTest::folding);
    l.add("what is not signed", &SignerTest::refusals);
    l.add("keys", &SignerTest::keys);
  }

  FakeClock clock;
  dns::FakeResolver dns;
  PublicSuffixList suffixList;
  Domain domain = *Domain::make("example.org");
  PrivateKey rsa = *PrivateKey::fromPem(rfc8463RsaKey), ed = *PrivateKey::fromPem(rfc8463EdKey);

  Selector selector(const std::string& name, const PrivateKey& key) {
    dns.txt(name + "._domainkey.example.org", key.record());
    return Selector{name, domain, key};
  }
  std::string sign(const std::vector<Selector>& selectors, const std::string& data, std::optional<Localpart> identity = std::nullopt) {
    auto got = Signer(clock).sign(selectors, identity, "", data);
    CHECK_MSG(got ? "" : got.error().text, got.has_value());
    return *got;
  }
  std::vector<Outcome> verify(const std::string& message) {
    return Verifier(dns, clock, suffixList).verify("", message, clock.steady() + std::chrono::minutes(1));
  }

  void roundTrips() {
    std::string message = crlf("From: Ann  <ann@example.org>\nSubject: a\n\t b\nTo:bob@example.net\n\n a  b \n\n\n");
    for (auto header : {Canonicalization::simple, Canonicalization::relaxed}) {
      for (auto body : {Canonicalization::simple, Canonicalization::relaxed}) {
        auto one = selector("one", rsa), two = selector("two", ed);
        one.header = two.header = header;
        one.body = two.body = body;
        auto lines = sign({one, two}, message);
        for (const auto& result : verify(lines + message)) CHECK_MSG(result.reason, result.status == Status::pass);
        CHECK_EQ(std::size_t(2), verify(lines + message).size());
        auto spaced = lines + message;
        spaced.replace(spaced.find("Ann  "), 5, "Ann ");
        CHECK((header == Canonicalization::relaxed ? Status::pass : Status::fail) == verify(spaced).at(0).status);
        spaced = lines + message;
        spaced.replace(spaced.find(" a  b "), 6, " a b");
        CHECK((body == Canonicalization::relaxed ? Status::pass : Status::fail) == verify(spaced).at(1).status);
        dns.clear();
      }
    }
    // In a prefix, without a body.
    auto got = Signer(clock).sign({selector("one", rsa)}, std::nullopt, "From: a@example.org\r\n", "Subject: x\r\n\r\n");
    CHECK(verify(*got + "From: a@example.org\r\nSubject: x\r\n\r\n").at(0).status == Status::pass);
  }

  void rfc8463() {
    // Ed25519 is deterministic: over the text of the RFC's field without b= it must give the RFC's signature.
    auto text =
        "from:Joe SixPack <joe@football.example.com>\r\nto:Suzie Q <suzie@shopping.example.net>\r\nsubject:Is dinner ready?\r\n"
        "date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\nmessage-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
        "dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com; i=@football.example.com; q=dns/txt; "
        "s=brisbane; t=1528637909; h=from : to : subject : date : message-id : from : subject : date; "
        "bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=";
    CHECK_EQ(std::string("/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw=="),
             base64(ed.sign(Hash::sha256, text)));
    CHECK(ed.record().find(rfc8463EdRecord.substr(rfc8463EdRecord.find("p="))) != std::string::npos);
    CHECK(rsa.record().find(rfc8463RsaRecord.substr(rfc8463RsaRecord.find("p="))) != std::string::npos);
  }

  void sealing() {
    std::string message = crlf("From: ann@example.org\nSubject: x\n\nbody\n");
    auto lines = sign({selector("one", ed)}, message);
    CHECK(verify(lines + message).at(0).status == Status::pass);
    for (const auto& name : defaultSignedHeaders()) {
      CHECK_MSG(name, verify(name + ": evil\r\n" + lines + message).at(0).status == Status::fail);
    }
    CHECK(verify("X: fine\r\n" + lines + message).at(0).status == Status::pass);
    auto signature = *verify(lines + message).at(0).signature;
    CHECK_EQ(2L, std::count(signature.names.begin(), signature.names.end(), "From"));
    CHECK_EQ(1L, std::count(signature.names.begin(), signature.names.end(), "Cc"));
  }

  void unsealed() {
    std::string message = crlf("Subject: x\nFrom: ann@example.org\nTo: a@example.org\nTo: b@example.org\n\nbody\n");
    auto open = selector("one", ed);
    open.seal = false;
    open.headers = {"Subject", "To", "subject"};
    auto lines = sign({open}, message);
    auto got = verify(lines + message).at(0);
    CHECK(got.status == Status::pass);
    CHECK(got.signature->names == (std::vector<std::string>{"From", "Subject", "To", "To"}));
    CHECK(verify("Cc: new@example.org\r\n" + lines + message).at(0).status == Status::pass);
    auto swapped = lines + message;
    swapped.replace(swapped.find("To: a@"), 5, "To: b");
    CHECK(verify(swapped).at(0).status == Status::fail);
  }

  void times() {
    std::string message = crlf("From: ann@example.org\nSubject: x\n\nbody\n");
    auto expiring = selector("one", rsa);
    expiring.expiration = std::chrono::hours(1);
    auto lines = sign({expiring}, message, *Localpart::make("ann;b"));
    auto got = verify(lines + message).at(0);
    CHECK(got.status == Status::pass);
    CHECK(got.signature->signedAt == clock.now());
    CHECK(got.signature->expires == clock.now() + std::chrono::hours(1));
    CHECK_EQ(std::string("\"ann;b\"@example.org"), got.signature->identity());
    clock.advance(std::chrono::seconds(3601));
    CHECK(verify(lines + message).at(0).status == Status::permerror);
    CHECK_EQ(std::string("signature has expired"), verify(lines + message).at(0).reason);
  }

  void folding() {
    std::string message = crlf("From: ann@example.org\nSubject: x\n\nbody\n");
    auto lines = sign({selector("one", PrivateKey::generateRsa(2048))}, message);
    CHECK(lines.ends_with("\r\n"));
    CHECK(!lines.ends_with("\r\n\r\n"));
    for (auto line : split(lines, '\n')) CHECK(line.size() <= 78);
    CHECK(verify(lines + message).at(0).status == Status::pass);
  }

  void refusals() {
    Signer signer(clock);
    auto refused = [&](const Selector& with, const std::string& message) {
      auto got = signer.sign({with}, std::nullopt, "", message);
      CHECK_MSG(message, !got);
    };
    auto good = selector("one", rsa);
    refused(good, "Subject: x\r\n\r\n");
    refused(good, "From: a@example.org\r\nFrom: b@example.org\r\nSubject: x\r\n\r\n");
    refused(good, "From: a@example.org\r\nSubject: x\nFrom: b@example.org\r\n\r\n");
    auto sha1 = good;
    sha1.hash = Hash::sha1;
    refused(sha1, "From: a@example.org\r\n\r\n");
    sha1.allowSha1 = true;
    Metrics metrics;
    std::string message = "From: a@example.org\r\nSubject: x\r\n\r\n";
    auto lines = Signer(clock, &metrics).sign({sha1}, std::nullopt, "", message);
    CHECK(lines.has_value());
    CHECK_EQ(1.0, metrics.value("mox_dkim_sign_total", {{"key", "rsa"}}));
    // Our own record allows SHA-256 only.
    CHECK(verify(*lines + message).at(0).status == Status::permerror);
    dns.clear();
    dns.txt("one._domainkey.example.org", rfc8463RsaRecord);
    CHECK(verify(*lines + message).at(0).status == Status::pass);
  }

  void keys() {
    for (const auto& key : {PrivateKey::generateEd25519(), PrivateKey::generateRsa(1024)}) {
      auto again = PrivateKey::fromPem(key.pem());
      CHECK(again.has_value());
      CHECK_EQ(key.record(), again->record());
      CHECK(key.pem().starts_with("-----BEGIN PRIVATE KEY-----"));
    }
    CHECK(!PrivateKey::fromPem(""));
    CHECK(!PrivateKey::fromPem("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"));
  }
};
SUITE(SignerTest);
