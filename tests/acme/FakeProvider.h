// FakeProvider: an ACME provider in memory (RFC 8555), as strict as one, with faults to order. It looks for proofs in the
// place it is given, as a real one would look on the network.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <Poco/JSON/Parser.h>

#include <functional>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "acme/Client.h"
#include "base/Text.h"
#include "net/Keys.h"
#include "net/OpenSsl.h"

namespace mox::test {

class FakeProvider final : public net::HttpClient {
 public:
  explicit FakeProvider(const Clock& clock) : clock_(clock) { issuer_ = net::selfSigned({"issuer.example"}, clock, random_); }

  // Faults and ways, for a test to set.
  bool down = false;
  int badNonces = 0;                          ///< so many requests are refused for their nonce
  int pendingRounds = 0;                      ///< so often a check is still going on
  std::string refuseOrders;                   ///< problem type
  std::string retryAfter;                     ///< field of refusals and unfinished answers
  std::string checkError;                     ///< what a failed check says; "" lets the proof decide
  bool externalRequired = false;
  std::set<std::string> offers = {"http-01", "tls-alpn-01", "dns-01"};
  std::chrono::hours lifetime{90 * 24};
  std::chrono::hours age{0};                  ///< of certificates when they are given; less than 0: they are good later
  bool wrongCertificate = false;
  bool authorizedAlready = false;
  std::string directoryText;                  ///< instead of the directory
  std::function<void()> onCheck;              ///< while proofs stand
  /// Whether the proof is in its place.
  std::function<bool(acme::Proof, const std::string& host, const std::string& token)> proves;

  // What happened.
  std::vector<std::string> asked;  ///< "newOrder", "check", ...
  std::string contact, accountPayload, proofUsed;
  int orders = 0, accounts = 0;

  std::size_t count(const std::string& what) const { return static_cast<std::size_t>(std::count(asked.begin(), asked.end(), what)); }

  Result<net::HttpResponse> send(const net::HttpRequest& request) override {
    if (down) return fail(Errc::temporary, "connection refused");
    auto path = request.url.substr(base.size());
    if (!request.url.starts_with(base)) throw std::logic_error("another host: " + request.url);
    if (path == "/dir") return answer(200, directory());
    if (path == "/nonce") return answer(200, "");
    return signedCall(request, path);
  }

  const std::string base = "https://ca.example";

 private:
  net::HttpResponse answer(int status, std::string body, const std::string& location = "") {
    net::HttpResponse out;
    out.status = status;
    out.body = std::move(body);
    nonces_.insert("nonce" + std::to_string(++nonceNumber_));
    out.fields.emplace("replay-nonce", "nonce" + std::to_string(nonceNumber_));
    if (!location.empty()) out.fields.emplace("location", location);
    if (!retryAfter.empty()) out.fields.emplace("retry-after", retryAfter);
    return out;
  }

  net::HttpResponse problem(int status, const std::string& type, const std::string& detail) {
    asked.push_back("refused " + type);
    return answer(status, R"({"type":"urn:ietf:params:acme:error:)" + type + R"(","detail":")" + detail + "\"}");
  }

  std::string directory() const {
    if (!directoryText.empty()) return directoryText;
    return R"({"newNonce":")" + base + R"(/nonce","newAccount":")" + base + R"(/account","newOrder":")" + base +
           R"(/order","meta":{"externalAccountRequired":)" + (externalRequired ? "true" : "false") + "}}";
  }

  static Poco::JSON::Object::Ptr parse(const std::string& text) { return Poco::JSON::Parser().parse(text).extract<Poco::JSON::Object::Ptr>(); }

  net::HttpResponse signedCall(const net::HttpRequest& request, const std::string& path) {
    if (request.method != "POST" || request.fields.at("Content-Type") != "application/jose+json") throw std::logic_error("no signed request");
    auto outer = parse(request.body);
    auto head = parse(fromBase64Url(outer->getValue<std::string>("protected")).value());
    auto payload = fromBase64Url(outer->getValue<std::string>("payload")).value();
    if (head->getValue<std::string>("url") != request.url) throw std::logic_error("signed for another URL");
    if (fromBase64Url(outer->getValue<std::string>("signature")).value().size() != 64) throw std::logic_error("no signature");
    if (nonces_.erase(head->getValue<std::string>("nonce")) == 0 || badNonces-- > 0) return problem(400, "badNonce", "stale");
    badNonces = std::max(badNonces, 0);
    bool byKey = head->has("jwk");
    if (byKey != (path == "/account")) throw std::logic_error("signed by the wrong name");
    if (path == "/account") return account(payload);
    if (path == "/order") return newOrder(payload);
    if (path.starts_with("/authz/")) return authorization();
    if (path.starts_with("/check/")) return check(payload, path.substr(7));
    if (path == "/finalize/1") return finalize(payload);
    if (path == "/order/1") return asked.push_back("poll order"), answer(200, orderText());
    if (path == "/cert/1") return asked.push_back("certificate"), answer(200, chain_);
    return problem(404, "malformed", "no such thing");
  }

  net::HttpResponse account(const std::string& payload) {
    asked.push_back("newAccount");
    ++accounts;
    accountPayload = payload;
    auto said = parse(payload);
    if (!said->getValue<bool>("termsOfServiceAgreed")) return problem(403, "userActionRequired", "terms");
    if (externalRequired && !said->has("externalAccountBinding")) return problem(403, "externalAccountRequired", "no binding");
    contact = said->getArray("contact")->getElement<std::string>(0);
    return answer(201, "{\"status\":\"valid\"}", base + "/account/7");
  }

  net::HttpResponse newOrder(const std::string& payload) {
    asked.push_back("newOrder");
    if (!refuseOrders.empty()) return problem(429, refuseOrders, "no more today");
    ++orders;
    host_ = parse(payload)->getArray("identifiers")->getObject(0)->getValue<std::string>("value");
    authorization_ = authorizedAlready ? "valid" : "pending";
    order_ = authorizedAlready ? "ready" : "pending";
    rounds_ = pendingRounds;
    return answer(201, orderText(), base + "/order/1");
  }

  std::string orderText() {
    if (order_ == "pending" && authorization_ == "valid") order_ = "ready";
    if (order_ == "processing" && rounds_-- <= 0) order_ = "valid";
    return R"({"status":")" + order_ + R"(","authorizations":[")" + base + R"(/authz/1"],"finalize":")" + base + R"(/finalize/1")" +
           (order_ == "valid" ? R"(,"certificate":")" + base + R"(/cert/1")" : "") + "}";
  }

  net::HttpResponse authorization() {
    asked.push_back("authorization");
    if (authorization_ == "checking" && rounds_-- <= 0) {
      auto kind = proofUsed == "http-01" ? acme::Proof::http01 : acme::Proof::tlsAlpn01;
      bool good = checkError.empty() && proves && proves(kind, host_, token());
      authorization_ = good ? "valid" : "invalid";
      if (onCheck) onCheck();
    }
    std::string list;
    for (const auto& type : offers) {
      list += (list.empty() ? "" : ",") + (R"({"type":")" + type + R"(","url":")" + base + "/check/" + type + R"(","token":")" + token() + "\"");
      if (type == proofUsed && authorization_ == "invalid")
        list += R"(,"error":{"type":"urn:ietf:params:acme:error:unauthorized","detail":")" + (checkError.empty() ? std::string("no proof") : checkError) + "\"}";
      list += "}";
    }
    auto shown = authorization_ == "checking" ? std::string("pending") : authorization_;
    return answer(200, R"({"status":")" + shown + R"(","challenges":[)" + list + "]}");
  }

  std::string token() const { return "token-" + std::to_string(orders); }

  net::HttpResponse check(const std::string& payload, const std::string& type) {
    asked.push_back("check");
    if (payload != "{}") throw std::logic_error("a challenge is answered by an empty object");
    proofUsed = type;
    authorization_ = "checking";
    return answer(200, "{}");
  }

  net::HttpResponse finalize(const std::string& payload) {
    asked.push_back("finalize");
    auto der = fromBase64Url(parse(payload)->getValue<std::string>("csr")).value();
    const auto* at = reinterpret_cast<const unsigned char*>(der.data());
    std::unique_ptr<X509_REQ, net::OpenSslDelete<X509_REQ_free>> request(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
    if (!request || X509_REQ_verify(request.get(), X509_REQ_get0_pubkey(request.get())) != 1) return problem(400, "badCSR", "signature");
    chain_ = issue(*request);
    order_ = "processing";
    rounds_ = pendingRounds;
    return answer(200, orderText());
  }

  std::string issue(X509_REQ& request) {
    auto keyIn = net::memoryBio(issuer_.key);
    net::KeyPtr key(PEM_read_bio_PrivateKey(keyIn.get(), nullptr, nullptr, nullptr));
    net::X509Ptr leaf(X509_new());
    X509_set_version(leaf.get(), X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(leaf.get()), orders);
    auto from = unixSeconds(clock_.now()) - std::chrono::seconds(age).count();
    ASN1_TIME_set(X509_getm_notBefore(leaf.get()), from);
    ASN1_TIME_set(X509_getm_notAfter(leaf.get()), from + std::chrono::seconds(lifetime).count());
    X509_set_pubkey(leaf.get(), X509_REQ_get0_pubkey(&request));
    auto* extensions = X509_REQ_get_extensions(&request);
    if (wrongCertificate) {
      std::unique_ptr<X509_EXTENSION, net::OpenSslDelete<X509_EXTENSION_free>> other(
          X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "DNS:other.example"));
      X509_add_ext(leaf.get(), other.get(), -1);
    } else {
      for (int i = 0; i < sk_X509_EXTENSION_num(extensions); ++i) X509_add_ext(leaf.get(), sk_X509_EXTENSION_value(extensions, i), -1);
    }
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_sign(leaf.get(), key.get(), EVP_sha256());
    net::BioPtr out(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(out.get(), leaf.get());
    return net::bioText(*out) + issuer_.chain;
  }

  const Clock& clock_;
  SystemRandom random_;
  net::CertificatePem issuer_;
  std::set<std::string> nonces_;
  int nonceNumber_ = 0, rounds_ = 0;
  std::string host_, order_, authorization_, chain_;
};

}  // namespace mox::test
