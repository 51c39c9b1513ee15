// Keys and signed requests against the examples of the standards, and against OpenSSL's own check.
#include "acme/Jws.h"

#include <openssl/ecdsa.h>

#include "base/Text.h"
#include "net/Keys.h"
#include "net/OpenSsl.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::acme;

namespace {

// The key of RFC 7515 appendix A.3.
constexpr const char* examplePem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"
    "-----END PRIVATE KEY-----\n";
constexpr const char* exampleJwk =
    R"({"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})";

/// The text of a member of a flat JSON object.
std::string member(const std::string& json, const std::string& name) {
  auto at = json.find("\"" + name + "\":\"");
  if (at == std::string::npos) return "(none)";
  at += name.size() + 4;
  return json.substr(at, json.find('"', at) - at);
}

std::string decoded(const std::string& json, const std::string& name) { return fromBase64Url(member(json, name)).value_or("(not base64url)"); }

bool verifies(const std::string& pem, const std::string& input, const std::string& signature) {
  if (signature.size() != 64) return false;
  auto in = net::memoryBio(pem);
  net::KeyPtr key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  std::unique_ptr<ECDSA_SIG, net::OpenSslDelete<ECDSA_SIG_free>> pair(ECDSA_SIG_new());
  const auto* octets = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG_set0(pair.get(), BN_bin2bn(octets, 32, nullptr), BN_bin2bn(octets + 32, 32, nullptr));
  unsigned char* der = nullptr;
  int size = i2d_ECDSA_SIG(pair.get(), &der);
  std::unique_ptr<EVP_MD_CTX, net::OpenSslDelete<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get());
  bool good = EVP_DigestVerify(context.get(), der, static_cast<std::size_t>(size), reinterpret_cast<const unsigned char*>(input.data()), input.size()) == 1;
  OPENSSL_free(der);
  return good;
}

}  // namespace

struct AcmeJwsTest : test::Suite<AcmeJwsTest> {
  static void list(List& l) {
    l.add("RFC 7515 A.3: the key's JWK, RFC 7638: its thumbprint", &AcmeJwsTest::jwk);
    l.add("RFC 8555 §6.2: signed requests, by key and by account", &AcmeJwsTest::requests);
    l.add("RFC 8555 §7.3.4: binding to an account elsewhere", &AcmeJwsTest::binding);
    l.add("keys: kept and read again, others refused", &AcmeJwsTest::keys);
    l.add("signatures have 64 octets whatever their numbers", &AcmeJwsTest::width);
  }

  AccountKey key = AccountKey::fromPem(examplePem).value();

  void jwk() {
    CHECK_EQ(std::string(exampleJwk), key.jwk());
    CHECK_EQ(std::string("oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"), key.thumbprint());
    CHECK_EQ(std::string("token.oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"), keyAuthorization("token", key));
  }

  void requests() {
    auto first = signedRequest(key, {"n-1", "https://ca.example/new", ""}, "{\"a\":1}");
    CHECK_EQ(R"({"alg":"ES256","jwk":)" + std::string(exampleJwk) + R"(,"nonce":"n-1","url":"https://ca.example/new"})", decoded(first, "protected"));
    CHECK_EQ(std::string("{\"a\":1}"), decoded(first, "payload"));
    CHECK(verifies(examplePem, member(first, "protected") + "." + member(first, "payload"), decoded(first, "signature")));
    auto later = signedRequest(key, {"n\"2", "https://ca.example/o", "https://ca.example/acct/1"}, "");
    CHECK_EQ(std::string(R"({"alg":"ES256","kid":"https://ca.example/acct/1","nonce":"n\"2","url":"https://ca.example/o"})"), decoded(later, "protected"));
    CHECK_EQ(std::string(), decoded(later, "payload"));
  }

  void binding() {
    auto text = externalBinding({"kid-1", "secret key"}, key, "https://ca.example/new-account");
    CHECK_EQ(std::string("eyJhbGciOiJIUzI1NiIsImtpZCI6ImtpZC0xIiwidXJsIjoiaHR0cHM6Ly9jYS5leGFtcGxlL25ldy1hY2NvdW50In0"), member(text, "protected"));
    CHECK_EQ(std::string(exampleJwk), decoded(text, "payload"));
    CHECK_EQ(std::string("HWyREOIk0wSW9ThtLFQKygOKUc43Av1lw-Hq9_2MFgY"), member(text, "signature"));
  }

  void keys() {
    auto made = AccountKey::generate();
    CHECK_EQ(made.jwk(), AccountKey::fromPem(made.pem()).value().jwk());
    CHECK(made.jwk() != AccountKey::generate().jwk());
    CHECK(AccountKey::fromPem(net::generateRsa2048()).error().code == Errc::unsupported);
    CHECK(AccountKey::fromPem(net::generateEd25519()).error().code == Errc::unsupported);
    CHECK(AccountKey::fromPem("").error().code == Errc::syntax);
  }

  void width() {
    // One in 128 has a number that is short of an octet.
    for (int i = 0; i < 400; ++i) {
      auto input = std::to_string(i);
      CHECK(verifies(examplePem, input, key.sign(input)));
    }
  }
};
SUITE(AcmeJwsTest);
