#include "acme/Jws.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>
#include <stdexcept>

#include "acme/JsonText.h"
#include "base/Text.h"
#include "net/Keys.h"
#include "net/OpenSsl.h"
#include "sasl/Hash.h"

namespace mox::acme {

namespace {

constexpr std::size_t coordinateOctets = 32;  // of P-256

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + net::opensslError());
}

std::string fixedWidth(const BIGNUM* number) {
  std::string out(coordinateOctets, '\0');
  require(BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), static_cast<int>(out.size())) >= 0, "number of a key");
  return out;
}

std::string coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  require(EVP_PKEY_get_bn_param(key, name, &number) == 1, "public key");
  std::unique_ptr<BIGNUM, net::OpenSslDelete<BN_free>> owned(number);
  return fixedWidth(number);
}

std::string flattened(std::string_view head, std::string_view payload, const std::string& signature) {
  return R"({"protected":")" + std::string(head) + R"(","payload":")" + std::string(payload) + R"(","signature":")" + base64Url(signature) + "\"}";
}

}  // namespace

AccountKey AccountKey::generate() { return *fromPem(net::generateEcdsaP256()); }

Result<AccountKey> AccountKey::fromPem(std::string_view pem) {
  auto in = net::memoryBio(pem);
  std::shared_ptr<EVP_PKEY> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr), [](EVP_PKEY* k) { EVP_PKEY_free(k); });
  if (!key) return fail(Errc::syntax, "account key: " + net::opensslError());
  std::array<char, 32> group{};
  std::size_t size = 0;
  bool isP256 = EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), &size) == 1 && std::string_view(group.data(), size) == SN_X9_62_prime256v1;
  if (!isP256) return fail(Errc::unsupported, "the account key is not an ECDSA P-256 key");
  return AccountKey(std::move(key));
}

std::string AccountKey::pem() const {
  net::BioPtr out(BIO_new(BIO_s_mem()));
  require(out && PEM_write_bio_PKCS8PrivateKey(out.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1, "account key");
  return net::bioText(*out);
}

std::string AccountKey::jwk() const {
  return R"({"crv":"P-256","kty":"EC","x":")" + base64Url(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X)) + R"(","y":")" +
         base64Url(coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y)) + "\"}";
}

std::string AccountKey::thumbprint() const { return base64Url(sasl::digest(sasl::HashKind::sha256, jwk())); }

std::string AccountKey::sign(std::string_view input) const {
  std::unique_ptr<EVP_MD_CTX, net::OpenSslDelete<EVP_MD_CTX_free>> context(EVP_MD_CTX_new());
  std::string der(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
  std::size_t size = der.size();
  require(context && EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
              EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(der.data()), &size, reinterpret_cast<const unsigned char*>(input.data()),
                             input.size()) == 1,
          "signing");
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  std::unique_ptr<ECDSA_SIG, net::OpenSslDelete<ECDSA_SIG_free>> pair(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(size)));
  require(pair != nullptr, "signature");
  return fixedWidth(ECDSA_SIG_get0_r(pair.get())) + fixedWidth(ECDSA_SIG_get0_s(pair.get()));
}

std::string signedRequest(const AccountKey& key, const SignedHead& head, std::string_view payload) {
  auto who = head.accountUrl.empty() ? R"("jwk":)" + key.jwk() : R"("kid":)" + jsonText(head.accountUrl);
  auto protectedHead = base64Url(R"({"alg":"ES256",)" + who + R"(,"nonce":)" + jsonText(head.nonce) + R"(,"url":)" + jsonText(head.url) + "}");
  auto body = base64Url(payload);
  return flattened(protectedHead, body, key.sign(protectedHead + "." + body));
}

std::string externalBinding(const ExternalAccount& account, const AccountKey& key, std::string_view url) {
  auto protectedHead = base64Url(R"({"alg":"HS256","kid":)" + jsonText(account.keyId) + R"(,"url":)" + jsonText(url) + "}");
  auto body = base64Url(key.jwk());
  return flattened(protectedHead, body, sasl::hmac(sasl::HashKind::sha256, account.key, protectedHead + "." + body));
}

std::string keyAuthorization(std::string_view token, const AccountKey& key) { return std::string(token) + "." + key.thumbprint(); }

}  // namespace mox::acme
