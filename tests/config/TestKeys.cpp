#include "config/TestKeys.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <memory>
#include <stdexcept>

namespace mox::test {

namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;

void need(bool ok) {
  if (!ok) throw std::runtime_error("OpenSSL could not make a test key");
}

Key made(EVP_PKEY* key) {
  need(key != nullptr);
  return Key(key, &EVP_PKEY_free);
}

Bio memory() { return Bio(BIO_new(BIO_s_mem()), &BIO_free); }

std::string taken(const Bio& bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(bio.get(), &data);
  return std::string(data, static_cast<std::size_t>(size));
}

std::string pkcs8(const Key& key) {
  auto bio = memory();
  need(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return taken(bio);
}

std::string traditional(const Key& key) {
  auto bio = memory();
  need(PEM_write_bio_PrivateKey_traditional(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return taken(bio);
}

std::string certificate(const Key& key) {
  std::unique_ptr<X509, decltype(&X509_free)> cert(X509_new(), &X509_free);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 3600);
  need(X509_set_pubkey(cert.get(), key.get()) == 1 && X509_sign(cert.get(), key.get(), EVP_sha256()) > 0);
  auto bio = memory();
  need(PEM_write_bio_X509(bio.get(), cert.get()) == 1);
  return taken(bio);
}

TestKeys make() {
  TestKeys out;
  auto p256 = made(EVP_EC_gen("P-256"));
  out.ed25519 = pkcs8(made(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")));
  out.rsa2048 = pkcs8(made(EVP_RSA_gen(2048)));
  out.rsa512 = pkcs8(made(EVP_RSA_gen(512)));
  out.p256 = pkcs8(p256);
  out.p256Pkcs1 = traditional(p256);
  out.p256Certificate = certificate(p256);
  return out;
}

}  // namespace

const TestKeys& testKeys() {
  static const TestKeys keys = make();
  return keys;
}

}  // namespace mox::test
