// TLSA records and the keys they are to name.
#include <openssl/bio.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <memory>

#include "app/DnsCheck.h"
#include "config/Files.h"

namespace mox::app {

namespace {

template <class T, int (*Encode)(const T*, unsigned char**)>
std::string der(const T* object) {
  unsigned char* octets = nullptr;
  int size = Encode(object, &octets);
  if (size <= 0) return "";
  std::string out(reinterpret_cast<char*>(octets), static_cast<std::size_t>(size));
  OPENSSL_free(octets);
  return out;
}

using Bio = std::unique_ptr<BIO, decltype(&BIO_free)>;
Bio reading(const std::string& text) { return {BIO_new_mem_buf(text.data(), static_cast<int>(text.size())), &BIO_free}; }

void addCertificate(std::vector<TlsaSubject>& out, const std::string& file, const std::string& pem) {
  auto bio = reading(pem);
  std::unique_ptr<X509, decltype(&X509_free)> certificate(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), &X509_free);
  if (certificate) out.push_back({file, der<X509, i2d_X509>(certificate.get()), der<X509_PUBKEY, i2d_X509_PUBKEY>(X509_get_X509_PUBKEY(certificate.get()))});
}

void addKey(std::vector<TlsaSubject>& out, const std::string& file, const std::string& pem) {
  auto bio = reading(pem);
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  if (key) out.push_back({file, "", der<EVP_PKEY, i2d_PUBKEY>(key.get())});
}

}  // namespace

std::vector<TlsaSubject> tlsaSubjects(const config::Config& config, const config::ListenerInfo& listener, const config::FileReader& files) {
  std::vector<TlsaSubject> out;
  for (const auto& pair : listener.keyPairs)
    if (auto pem = files(pair.certFile)) addCertificate(out, pair.certFile, *pem);
  if (!out.empty() || !listener.settings.tls) return out;
  for (const auto& file : listener.settings.tls->hostPrivateKeyFiles)
    if (auto pem = files(config::resolvePath(config.configDir(), file))) addKey(out, file, *pem);
  return out;
}

bool tlsaMatches(const dns::Tlsa& record, const TlsaSubject& subject) {
  if (record.usage != 3 || record.selector > 1) return false;
  const auto& octets = record.selector == 0 ? subject.certificate : subject.publicKey;
  if (octets.empty()) return false;
  const auto* bytes = reinterpret_cast<const unsigned char*>(octets.data());
  unsigned char digest[SHA512_DIGEST_LENGTH];
  switch (record.matching) {
    case 0: return record.data == octets;
    case 1: SHA256(bytes, octets.size(), digest); return record.data == std::string_view(reinterpret_cast<char*>(digest), SHA256_DIGEST_LENGTH);
    case 2: SHA512(bytes, octets.size(), digest); return record.data == std::string_view(reinterpret_cast<char*>(digest), SHA512_DIGEST_LENGTH);
    default: return false;
  }
}

}  // namespace mox::app
