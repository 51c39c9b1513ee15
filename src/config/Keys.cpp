#include "config/Keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <memory>

namespace mox::config {

namespace {

using BioPtr = std::unique_ptr<BIO, decltype(&BIO_free)>;
using KeyPtr = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using CertPtr = std::unique_ptr<X509, decltype(&X509_free)>;

BioPtr memory(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free); }

/// Never asks at a terminal for the password of an encrypted key.
int noPassword(char*, int, int, void*) { return -1; }

KeyPtr readKey(std::string_view pem) {
  auto bio = memory(pem);
  KeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, &noPassword, nullptr), &EVP_PKEY_free);
  ERR_clear_error();
  return key;
}

bool isCurveP256(EVP_PKEY* key) {
  char name[64] = "";
  std::size_t size = 0;
  if (EVP_PKEY_get_group_name(key, name, sizeof name, &size) != 1) return false;
  return std::string_view(name, size) == "prime256v1" || std::string_view(name, size) == "P-256";
}

}  // namespace

Result<KeyInfo> inspectPrivateKey(std::string_view pem) {
  if (pem.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") != std::string_view::npos)
    return fail(Errc::unsupported, "private key is encrypted");
  if (pem.find("-----BEGIN PRIVATE KEY-----") == std::string_view::npos) return fail(Errc::syntax, "not a private key in PEM of PKCS8");
  auto key = readKey(pem);
  if (!key) return fail(Errc::syntax, "private key is malformed");
  int bits = EVP_PKEY_get_bits(key.get());
  switch (EVP_PKEY_get_base_id(key.get())) {
    case EVP_PKEY_RSA: return KeyInfo{KeyType::rsa, bits};
    case EVP_PKEY_ED25519: return KeyInfo{KeyType::ed25519, bits};
    case EVP_PKEY_EC: return KeyInfo{KeyType::ecdsa, isCurveP256(key.get()) ? 256 : 0};
    default: return fail(Errc::unsupported, "private key of an unknown type");
  }
}

Result<KeyInfo> inspectDkimKey(std::string_view pem) {
  auto info = inspectPrivateKey(pem);
  if (!info) return info;
  if (info->type == KeyType::ecdsa) return fail(Errc::unsupported, "ECDSA keys cannot sign for DKIM, use RSA or ed25519");
  if (info->type == KeyType::rsa && info->bits < minRsaBits) {
    return fail(Errc::unsupported, "RSA key has " + std::to_string(info->bits) + " bits, at least 1024 are needed");
  }
  return info;
}

Result<KeyInfo> inspectHostKey(std::string_view pem) {
  auto info = inspectPrivateKey(pem);
  if (!info) return info;
  bool good = (info->type == KeyType::rsa && info->bits == 2048) || (info->type == KeyType::ecdsa && info->bits == 256);
  if (!good) return fail(Errc::unsupported, "host key must be RSA with 2048 bits or ECDSA on P-256");
  return info;
}

Result<void> inspectCertificates(std::string_view pem) {
  auto bio = memory(pem);
  int count = 0;
  while (CertPtr(PEM_read_bio_X509(bio.get(), nullptr, &noPassword, nullptr), &X509_free)) ++count;
  // The end of the text is an error of its own kind; anything else is a certificate that is none.
  bool ended = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  ERR_clear_error();
  if (count == 0) return fail(Errc::syntax, "no certificate in PEM");
  if (!ended) return fail(Errc::syntax, "a certificate that cannot be read");
  return {};
}

Result<void> inspectKeyPair(std::string_view certificates, std::string_view key) {
  auto bio = memory(certificates);
  CertPtr cert(PEM_read_bio_X509(bio.get(), nullptr, &noPassword, nullptr), &X509_free);
  ERR_clear_error();
  if (!cert) return fail(Errc::syntax, "no certificate in PEM");
  auto parsed = readKey(key);
  if (!parsed) return fail(Errc::syntax, "no usable private key in PEM");
  bool match = X509_check_private_key(cert.get(), parsed.get()) == 1;
  ERR_clear_error();
  if (!match) return fail(Errc::conflict, "private key does not belong to the certificate");
  return {};
}

}  // namespace mox::config
