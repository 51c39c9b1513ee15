// The whole conversation of RFC 8555 §7 with a provider in memory, and its troubles.
#include "acme/Client.h"

#include "FakeProvider.h"
#include "acme/Certificate.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::acme;
using namespace std::chrono_literals;

namespace {

struct Place final : ProofPlace {
  void present(Proof proof, const std::string& host, const std::string& token, const std::string& authorization) override {
    shown[std::string(proofName(proof)) + " " + host + " " + token] = authorization;
  }
  void withdraw(Proof proof, const std::string& host, const std::string& token) override { shown.erase(std::string(proofName(proof)) + " " + host + " " + token); }
  std::map<std::string, std::string> shown;
};

}  // namespace

struct AcmeClientTest : test::Suite<AcmeClientTest> {
  static void list(List& l) {
    l.add("from the account to the chain", &AcmeClientTest::whole);
    l.add("by HTTP-01, waiting while the provider checks and makes", &AcmeClientTest::waits);
    l.add("§6.5: a nonce that was refused is replaced, a few times", &AcmeClientTest::nonces);
    l.add("§7.1.4: a name that was proven before is not proven again", &AcmeClientTest::provenBefore);
    l.add("§7.5.1: a failed check says why, and takes its proof away", &AcmeClientTest::unproven);
    l.add("§6.6: refused orders say why and until when", &AcmeClientTest::refused);
    l.add("§7.3.4: binding to an account elsewhere", &AcmeClientTest::external);
    l.add("a provider that is down, or makes no sense", &AcmeClientTest::nonsense);
    l.add("a provider that takes too long, and a server that stops", &AcmeClientTest::patience);
    l.add("§8.3, RFC 8737: a kind of proof that is not offered", &AcmeClientTest::notOffered);
  }

  FakeClock clock;
  test::FakeProvider provider{clock};
  Place place;
  AccountKey key = AccountKey::generate();
  const std::string hostKey = net::generateEcdsaP256();
  std::vector<Duration> waits_;
  bool stopping = false;

  AcmeClientTest() {
    provider.proves = [this](Proof proof, const std::string& host, const std::string& token) {
      auto found = place.shown.find(std::string(proofName(proof)) + " " + host + " " + token);
      return found != place.shown.end() && found->second == keyAuthorization(token, key);
    };
  }

  Client client(std::optional<ExternalAccount> external = std::nullopt) {
    return Client(provider, key, {provider.base + "/dir", "you@mox.example", std::move(external)}, place, clock, [this](Duration time) {
      waits_.push_back(time);
      clock.advance(time);
      return !stopping;
    });
  }
  Outcome<std::string> obtain(Proof proof = Proof::tlsAlpn01) { return client().obtain("mail.mox.example", hostKey, proof); }
  Refusal refusal(Proof proof = Proof::tlsAlpn01) {
    auto got = obtain(proof);
    CHECK(!got);
    CHECK(place.shown.empty());
    return got.error();
  }

  void whole() {
    auto chain = obtain();
    CHECK_MSG(chain ? "" : chain.error().text, chain.has_value());
    auto validity = inspectIssued({*chain, hostKey}, "mail.mox.example");
    CHECK(validity.has_value());
    CHECK_EQ(unixSeconds(clock.now()) + 90 * 24 * 3600, unixSeconds(validity->notAfter));
    CHECK_EQ(std::string("mailto:you@mox.example"), provider.contact);
    CHECK_EQ(std::string("tls-alpn-01"), provider.proofUsed);
    CHECK(place.shown.empty());
    const std::vector<std::string> expected{"newAccount", "newOrder", "authorization", "check", "authorization", "poll order", "finalize", "certificate"};
    CHECK(provider.asked == expected);
    // The account is made once a client.
    auto same = client();
    CHECK(same.obtain("a.example", hostKey, Proof::tlsAlpn01) && same.obtain("b.example", hostKey, Proof::tlsAlpn01));
    CHECK_EQ(2, provider.accounts);
  }

  void waits() {
    provider.pendingRounds = 3;
    CHECK(obtain(Proof::http01).has_value());
    CHECK_EQ(std::string("http-01"), provider.proofUsed);
    CHECK(waits_.size() == 5 && waits_[0] == 1s && waits_[1] == 2s && waits_[2] == 4s);
    waits_.clear();
    provider.retryAfter = "7";
    CHECK(obtain().has_value());
    CHECK(!waits_.empty() && waits_[0] == 7s);
  }

  void nonces() {
    provider.badNonces = Client::nonceTries - 1;
    CHECK(obtain().has_value());
    CHECK_EQ(std::size_t(Client::nonceTries - 1), provider.count("refused badNonce"));
    provider.badNonces = Client::nonceTries;
    auto no = refusal();
    CHECK(no.kind == Refusal::Kind::refused && no.text == "account: badNonce: stale (status 400)");
  }

  void provenBefore() {
    provider.authorizedAlready = true;
    CHECK(obtain().has_value());
    CHECK_EQ(std::size_t(0), provider.count("check"));
  }

  void unproven() {
    bool shownDuring = false;
    provider.onCheck = [&] { shownDuring = place.shown.size() == 1; };
    provider.checkError = "no route to \\u0007host";
    auto no = refusal();
    CHECK(shownDuring && no.kind == Refusal::Kind::unproven);
    CHECK_EQ(std::string("tls-alpn-01: unauthorized: no route to \\x07host"), no.text);
  }

  void refused() {
    provider.refuseOrders = "rateLimited";
    provider.retryAfter = "86400";
    auto no = refusal();
    CHECK(no.kind == Refusal::Kind::refused && no.retryAfter == std::optional<Duration>(24h));
    CHECK_EQ(std::string("rateLimited: no more today (status 429)"), no.text);
    provider.retryAfter = "99999999999";
    CHECK(refusal().retryAfter == std::optional<Duration>(24h));
    provider.retryAfter = "Tue, 01 Dec 2026 00:00:00 GMT";
    CHECK(!refusal().retryAfter);
    provider.refuseOrders.clear();
    provider.retryAfter.clear();
    auto withBadKey = client().obtain("mail.mox.example", "no key", Proof::tlsAlpn01);
    CHECK(!withBadKey && withBadKey.error().kind == Refusal::Kind::refused);
  }

  void external() {
    provider.externalRequired = true;
    CHECK_EQ(std::string("the provider wants ExternalAccountBinding to be configured"), refusal().text);
    CHECK(client(ExternalAccount{"kid-1", "secret"}).obtain("mail.mox.example", hostKey, Proof::tlsAlpn01).has_value());
    CHECK(provider.accountPayload.find(externalBinding({"kid-1", "secret"}, key, provider.base + "/account")) != std::string::npos);
  }

  void nonsense() {
    provider.down = true;
    CHECK(refusal().kind == Refusal::Kind::unreachable && refusal().text == "connection refused");
    provider.down = false;
    for (const char* text : {"[]", "{}", "<html>", R"({"newNonce":1,"newAccount":"x","newOrder":"y"})",
                             R"({"newNonce":"http://ca.example/nonce","newAccount":"http://ca.example/account","newOrder":"http://ca.example/order"})"}) {
      provider.directoryText = text;
      CHECK(refusal().kind == Refusal::Kind::unreachable);
    }
    CHECK_EQ(std::string("account: the provider names a URL without https: http://ca.example/account"), refusal().text);
  }

  void patience() {
    provider.pendingRounds = 1000;
    CHECK_EQ(std::string("the provider takes too long with checking the name"), refusal().text);
    stopping = true;
    CHECK(refusal().kind == Refusal::Kind::stopped);
  }

  void notOffered() {
    provider.offers = {"dns-01", "http-01"};
    CHECK_EQ(std::string("the provider does not offer tls-alpn-01"), refusal().text);
    CHECK(obtain(Proof::http01).has_value());
  }
};
SUITE(AcmeClientTest);
