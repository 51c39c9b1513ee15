#include "dkim/Verifier.h"

#include "base/Text.h"
#include "dkim/Fixtures.h"
#include "dkim/Key.h"
#include "dns/FakeResolver.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::dkim;
using namespace mox::test;

struct VerifierTest : test::Suite<VerifierTest> {
  static void list(List& l) {
    l.add("RFC 6376 appendix A", &VerifierTest::rfc6376);
    l.add("RFC 8463 appendix A", &VerifierTest::rfc8463);
    l.add("any change of what is signed fails", &VerifierTest::tampering);
    l.add("fields in a prefix", &VerifierTest::prefix);
    l.add("signature fields with mistakes", &VerifierTest::badFields);
    l.add("our policy", &VerifierTest::policy);
    l.add("key records", &VerifierTest::records);
    l.add("key record flags", &VerifierTest::flags);
    l.add("key sizes", &VerifierTest::keySizes);
    l.add("ten signatures are evaluated", &VerifierTest::tooMany);
    l.add("short and huge b=, huge h=", &VerifierTest::hostile);
    l.add("metrics and Authentication-Results details", &VerifierTest::details);
    l.add("public suffixes", &VerifierTest::suffixes);
  }

  FakeClock clock;
  dns::FakeResolver dns;
  PublicSuffixList suffixList;
  static constexpr const char* edName = "brisbane._domainkey.football.example.com";
  static constexpr const char* rsaName = "test._domainkey.football.example.com";

  void setUp() override { dns.txt(edName, rfc8463EdRecord).txt(rsaName, rfc8463RsaRecord); }

  std::vector<Outcome> verify(const std::string& message, Verifier::Options options = {}, Metrics* metrics = nullptr) {
    return Verifier(dns, clock, suffixList, metrics, options).verify("", message, clock.steady() + std::chrono::minutes(1));
  }
  /// The first signature of RFC 8463, with a change in its field.
  Outcome changed(const std::string& from, const std::string& to, Verifier::Options options = {}) {
    std::string message = rfc8463Signatures + rfc8463Unsigned;
    message.replace(message.find(from), from.size(), to);
    return verify(message, options).at(0);
  }
  Outcome withRecord(const std::string& record) {
    dns.clear();
    if (!record.empty()) dns.txt(edName, record);
    return verify(rfc8463Signatures + rfc8463Unsigned).at(0);
  }

  void rfc6376() {
    dns.txt("brisbane._domainkey.example.com", rfc6376Record).allAuthentic(true);
    auto got = verify(rfc6376Message);
    CHECK_EQ(std::size_t(1), got.size());
    CHECK_EQ(std::string(""), got[0].reason);
    CHECK(got[0].status == Status::pass);
    CHECK(got[0].authentic);
    CHECK_EQ(std::string("joe@football.example.com"), got[0].signature->identity());
  }

  void rfc8463() {
    auto got = verify(rfc8463Signatures + rfc8463Unsigned);
    CHECK_EQ(std::size_t(2), got.size());
    CHECK_EQ(std::string(""), got[0].reason + got[1].reason);
    CHECK(got[0].status == Status::pass && got[1].status == Status::pass);
    CHECK_EQ(1024u, got[1].keyBits);
    CHECK_EQ(256u, got[0].keyBits);
  }

  void tampering() {
    std::string message = rfc8463Signatures + rfc8463Unsigned;
    auto start = rfc8463Signatures.size();
    // Each octet of the header but white space, which relaxed forgives.
    for (auto at = start; at < message.find("\r\n\r\n"); ++at) {
      if (message[at] == ' ' || message[at] == '\r' || message[at] == '\n') continue;
      std::string bad = message;
      bad[at] = bad[at] == 'q' ? 'Q' : 'q';
      if (lower(bad) == lower(message)) continue;
      for (const auto& each : verify(bad)) CHECK_MSG(bad, each.status != Status::pass);
    }
    std::string body = message;
    body.replace(body.find("lost"), 4, "won ");
    CHECK(verify(body).at(0).status == Status::fail);
    CHECK_EQ(std::string("body hash does not match"), verify(body).at(0).reason);
    // h= names From and Subject twice: none can be added, above or below.
    for (const char* add : {"From: evil@example.org\r\n", "Subject: evil\r\n"}) {
      CHECK(verify(add + message).at(0).status == Status::fail);
      auto below = message;
      below.insert(below.find("To: "), add);
      CHECK(verify(below).at(0).status == Status::fail);
      auto bareLf = message;
      bareLf.insert(bareLf.find("To: "), std::string("X: y\n") + add);
      CHECK(verify(bareLf).at(0).status == Status::fail);
    }
    CHECK(verify("X-Other: fine\r\n" + message).at(0).status == Status::pass);
  }

  void prefix() {
    Verifier verifier(dns, clock, suffixList);
    auto got = verifier.verify("Received: by us\r\n" + rfc8463Signatures, rfc8463Unsigned, clock.steady() + std::chrono::minutes(1));
    CHECK_EQ(std::size_t(2), got.size());
    CHECK(got[0].status == Status::pass && got[1].status == Status::pass);
    CHECK(verify(rfc8463Unsigned).empty());
  }

  void badFields() {
    auto permerror = [&](const char* from, const char* to) {
      auto got = changed(from, to);
      CHECK_MSG(to, got.status == Status::permerror);
      CHECK_MSG(to, !got.reason.empty());
    };
    permerror("v=1;", "v=2;");
    permerror("v=1;", "");
    permerror("v=1;", "v=1; v=1;");
    permerror("v=1;", "v=1;;");
    permerror("v=1;", "v=1; =x;");
    permerror("v=1;", "v=1; x\x01=y;");
    permerror("a=ed25519-sha256", "a=ed25519-sha1");
    permerror("a=ed25519-sha256", "a=rsa-md5");
    permerror("c=relaxed/relaxed", "c=relaxed/other");
    permerror("d=football.example.com", "d=*.example.com");
    permerror("d=football.example.com", "d=example..com");
    permerror("d=football.example.com", "d=com");
    permerror("d=football.example.com", "d=other.example.com");  // i= is not within it
    permerror("s=brisbane", "s=bris*");
    permerror("s=brisbane", "s=");
    permerror("q=dns/txt", "q=http");
    permerror("t=1528637909", "t=x");
    permerror("t=1528637909", "t=1528637909; x=1528637909");
    permerror("t=1528637909", "t=1528637909; x=1600000000");
    permerror("t=1528637909", "l=-1");
    permerror("h=from : to :", "h=to :: from:");
    permerror("i=@football.example.com", "i=football.example.com");
    permerror("i=@football.example.com", "i==4@football.example.com");
    permerror("bh=2jUS", "bh=2jU");
    permerror("b=/gCr", "b=/g!r");
    auto message = rfc8463Signatures + rfc8463Unsigned;
    for (auto at = message.find("from"); at < message.find("b="); at = message.find("from", at)) message.replace(at, 4, "fram");
    CHECK_EQ(std::string("From is not signed"), verify(message).at(0).reason);
  }

  void policy() {
    CHECK(changed("t=1528637909", "l=10").status == Status::policy);
    auto message = rfc8463Signatures + rfc8463Unsigned;
    for (int i = 0; i < 2; ++i) message.replace(message.find("subject"), 7, "sabject");
    CHECK(verify(message).at(0).status == Status::policy);
    Verifier::Options lax;
    lax.requireSubject = false;
    CHECK(verify(message, lax).at(0).status == Status::fail);
  }

  void records() {
    CHECK(withRecord("").status == Status::permerror);
    CHECK_EQ(std::string("no key record"), withRecord("").reason);
    CHECK_EQ(std::string("no key record"), withRecord("v=spf1 -all").reason);
    CHECK_EQ(std::string("key has been revoked"), withRecord("v=DKIM1; k=ed25519; p=").reason);
    CHECK(withRecord("v=DKIM1; k=ed25519").status == Status::permerror);
    CHECK(withRecord("v=DKIM1; k=ed25519; p=!!").status == Status::permerror);
    CHECK(withRecord("v=DKIM1; k=ed25519; p=AAAA").status == Status::permerror);
    CHECK(withRecord("v=DKIM1; k=other; p=AAAA").status == Status::permerror);
    CHECK(withRecord("k=ed25519; v=DKIM1; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").status == Status::permerror);
    CHECK(withRecord(rfc8463RsaRecord).status == Status::permerror);
    CHECK(withRecord("k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=").status == Status::pass);
    CHECK(withRecord(rfc8463EdRecord + std::string("; x=\0", 5)).status == Status::permerror);
    CHECK(withRecord(rfc8463EdRecord + "; n=" + std::string(70'000, 'x')).status == Status::permerror);
    (void)withRecord(rfc8463EdRecord);
    dns.txt(edName, "v=spf1 -all");
    CHECK(verify(rfc8463Signatures + rfc8463Unsigned).at(0).status == Status::pass);
    dns.txt(edName, rfc8463EdRecord);
    CHECK(verify(rfc8463Signatures + rfc8463Unsigned).at(0).status == Status::temperror);
    for (auto failure : {dns::Failure::temporary, dns::Failure::bogus}) {
      dns.fail(edName, failure);
      CHECK(verify(rfc8463Signatures + rfc8463Unsigned).at(0).status == Status::temperror);
    }
  }

  void flags() {
    CHECK(withRecord(rfc8463EdRecord + "; h=sha1:sha256; s=email; t=s").status == Status::pass);
    CHECK(withRecord(rfc8463EdRecord + "; h=sha1").status == Status::permerror);
    CHECK(withRecord(rfc8463EdRecord + "; s=tlsrpt").status == Status::permerror);
    CHECK(withRecord(rfc8463EdRecord + "; s=tlsrpt:*").status == Status::pass);
    CHECK(withRecord(rfc8463EdRecord + "; n=hello=20there").status == Status::pass);
    CHECK(withRecord(rfc8463EdRecord + "; n=bad=2").status == Status::permerror);

    // t=s: i= must be the domain itself. A sub-domain of it is fine for §6.1.1, so the refusal comes from the flag.
    (void)withRecord(rfc8463EdRecord + "; t=s");
    CHECK_EQ(std::string("key does not allow i= in a subdomain"), changed("i=@football", "i=@sub.football").reason);

    auto got = withRecord(rfc8463EdRecord + "; t=y");
    CHECK(got.status == Status::pass && got.testing);
    CHECK(changed("lost", "won ").status == Status::none);
    Verifier::Options strict;
    strict.ignoreTesting = true;
    CHECK(changed("lost", "won ", strict).status == Status::fail);
  }

  void keySizes() {
    // 512 bits, as SubjectPublicKeyInfo.
    auto small = PublicKey::make(KeyType::rsa,
                                 *fromBase64("MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAL8eJ5AKoIsjURpcEoGubZMxLD7+kT+TLr7UkvEtFrRhDDKMtuII"
                                             "q19FrL4pUIMymPMSLBn3hJLe30Dw48GQM4UCAwEAAQ=="));
    CHECK(!small);
    CHECK_MSG(small.error().text, small.error().text.find("512 bits is too small") != std::string::npos);
    CHECK(!PublicKey::make(KeyType::rsa, std::string(maxKeyOctets + 1, 'x')));
    CHECK(!PublicKey::make(KeyType::rsa, ""));
    CHECK(!PublicKey::make(KeyType::ed25519, std::string(31, 'x')));
    // Trailing octets after the key.
    auto tag = rfc8463RsaRecord.substr(rfc8463RsaRecord.find("p=") + 2);
    CHECK(PublicKey::make(KeyType::rsa, *fromBase64(tag)).has_value());
    CHECK(!PublicKey::make(KeyType::rsa, *fromBase64(tag) + "x"));
    // A modulus of 16384 bits and exponent 3 as RSAPublicKey: refused for size, before any arithmetic.
    std::string modulus = std::string("\x00\xff", 2) + std::string(2047, '\x55');
    std::string integer = std::string("\x02\x82\x08\x01", 4) + modulus + std::string("\x02\x01\x03", 3);
    std::string der = std::string("\x30\x82\x08\x08", 4) + integer;
    auto large = PublicKey::make(KeyType::rsa, der);
    CHECK(!large && large.error().text.find("16384 bits is too large") != std::string::npos);
  }

  void tooMany() {
    std::string message;
    for (int i = 0; i < 1000; ++i) message += rfc8463Signatures.substr(0, rfc8463Signatures.find("DKIM-Signature", 5));
    auto got = verify(message + rfc8463Unsigned);
    CHECK_EQ(maxReported, got.size());
    for (std::size_t i = 0; i < got.size(); ++i) CHECK((i < maxEvaluated ? Status::pass : Status::policy) == got[i].status);
    CHECK_EQ(maxEvaluated, dns.queries().size());
  }

  void hostile() {
    auto signature = changed("b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==", "b=AAAA");
    CHECK(signature.status == Status::fail);
    CHECK_EQ(std::string("AAAA"), signature.signature->shortSignature());
    CHECK(changed("b=/gCr", "b=" + std::string(1 << 20, 'A') + "/gCr").status == Status::permerror);
    std::string names;
    for (int i = 0; i < 900; ++i) names += "x:";
    CHECK(changed("h=from", "h=" + names + "from").status == Status::fail);
    names += names;
    CHECK(changed("h=from", "h=" + names + "from").status == Status::permerror);
    CHECK(changed("s=brisbane", "s=" + std::string(60, 's') + "." + std::string(60, 's') + "." + std::string(60, 's') + "." + std::string(60, 's'))
              .status == Status::permerror);
  }

  void details() {
    Metrics metrics;
    auto got = verify(rfc8463Signatures + rfc8463Unsigned, {}, &metrics);
    const auto& signature = *got.at(0).signature;
    CHECK_EQ(std::string("ed25519-sha256"), signature.algorithm());
    CHECK_EQ(std::string("football.example.com"), signature.domain.ascii());
    CHECK_EQ(std::string("brisbane"), signature.selector);
    CHECK_EQ(std::string("/gCrinpcQOoI"), signature.shortSignature());
    CHECK_EQ(std::string("@football.example.com"), signature.identity());
    CHECK(metrics.text().find(R"(mox_dkim_verify_duration_seconds_count{algorithm="rsa-sha256",status="pass"} 1)") != std::string::npos);
    auto quoted = changed("i=@football", "i=a=0D=0Ab@football");
    CHECK_EQ(std::string("a\\x0d\\x0ab@football.example.com"), quoted.signature->identity());
  }

  void suffixes() {
    auto org = [&](const char* name) { return suffixList.organisational(*Domain::make(name)).ascii(); };
    CHECK_EQ(std::string("example.co.uk"), org("a.b.example.co.uk"));
    CHECK_EQ(std::string("co.uk"), org("co.uk"));
    CHECK_EQ(std::string("example.unknowntld"), org("mail.example.unknowntld"));
    CHECK_EQ(std::string("localhost"), org("localhost"));
    auto registry = [&](const char* name) { return suffixList.isRegistry(*Domain::make(name)); };
    CHECK(registry("com") && registry("co.uk") && registry("xn--p1ai"));
    CHECK(!registry("example.com") && !registry("localhost") && !registry("github.io"));
  }
};
SUITE(VerifierTest);
