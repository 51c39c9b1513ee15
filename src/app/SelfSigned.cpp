#include "app/SelfSigned.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <stdexcept>

namespace mox::app {

namespace {

constexpr std::size_t serialOctets = 16;  // RFC 5280 §4.1.2.2: unique, at most 20
constexpr std::int64_t hourSeconds = 3600, validSeconds = 4 * 365 * 24 * hourSeconds;

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* value) const {
    Free(value);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Freer<Free>>;

void require(bool done) {
  if (!done) throw std::runtime_error("cannot make a self-signed certificate");
}

void setSerial(X509* certificate, Random& random) {
  auto bytes = random.bytes(serialOctets);
  bytes[0] = static_cast<char>((bytes[0] & 0x7f) | 0x40);  // positive and of full length
  Owned<BIGNUM, BN_free> number(BN_bin2bn(reinterpret_cast<const unsigned char*>(bytes.data()), static_cast<int>(bytes.size()), nullptr));
  require(number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr);
}

void setNames(X509* certificate, const std::string& hostname) {
  auto* name = X509_get_subject_name(certificate);
  require(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(hostname.data()),
                                     static_cast<int>(hostname.size()), -1, 0) == 1);
  require(X509_set_issuer_name(certificate, name) == 1);
  Owned<X509_EXTENSION, X509_EXTENSION_free> names(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + hostname).c_str()));
  require(names && X509_add_ext(certificate, names.get(), -1) == 1);
}

}  // namespace

std::string selfSignedFor(const std::string& keyPem, const std::string& hostname, const Clock& clock, Random& random) {
  Owned<BIO, BIO_free> in(BIO_new_mem_buf(keyPem.data(), static_cast<int>(keyPem.size())));
  Owned<EVP_PKEY, EVP_PKEY_free> key(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
  Owned<X509, X509_free> certificate(X509_new());
  require(key && certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  setSerial(certificate.get(), random);
  auto from = unixSeconds(clock.now()) - hourSeconds;
  require(ASN1_TIME_set(X509_getm_notBefore(certificate.get()), from) != nullptr);
  require(ASN1_TIME_set(X509_getm_notAfter(certificate.get()), from + validSeconds) != nullptr);
  setNames(certificate.get(), hostname);
  const auto* digest = EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256();  // Ed25519 has its own
  require(X509_set_pubkey(certificate.get(), key.get()) == 1 && X509_sign(certificate.get(), key.get(), digest) > 0);
  Owned<BIO, BIO_free> out(BIO_new(BIO_s_mem()));
  require(out && PEM_write_bio_X509(out.get(), certificate.get()) == 1);
  char* text = nullptr;
  auto size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace mox::app
