#include "net/Keys.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <stdexcept>

#include "base/Ip.h"
#include "net/OpenSsl.h"

namespace mox::net {

namespace {

constexpr std::int64_t backdateSeconds = 3600;  // clocks of peers differ
constexpr std::int64_t validSeconds = 4 * 365 * 24 * 3600L;
constexpr std::int64_t proofSeconds = 7 * 24 * 3600L;
constexpr const char* acmeIdentifierOid = "1.3.6.1.5.5.7.1.31";  // RFC 8737 §6.1
constexpr std::size_t maxCommonName = 64;  // RFC 5280 ub-common-name

[[noreturn]] void throwOpenSsl(const char* what) { throw std::runtime_error(std::string(what) + ": " + opensslError()); }

std::string keyPem(EVP_PKEY* key) {
  BioPtr out(BIO_new(BIO_s_mem()));
  if (key == nullptr || !out || PEM_write_bio_PKCS8PrivateKey(out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    throwOpenSsl("generating a key");
  return bioText(*out);
}

KeyPtr newP256() { return KeyPtr(EVP_EC_gen("P-256")); }

void addExtension(X509& certificate, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, &certificate, &certificate, nullptr, nullptr, 0);
  std::unique_ptr<X509_EXTENSION, OpenSslDelete<X509_EXTENSION_free>> extension(
      X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  if (!extension || X509_add_ext(&certificate, extension.get(), -1) != 1) throwOpenSsl("certificate extension");
}

std::string subjectAltNames(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) {
    if (!out.empty()) out += ",";
    out += (IpAddress::parse(name) ? "IP:" : "DNS:") + name;
  }
  return out;
}

KeyPtr readKey(const std::string& pem) {
  BioPtr in = memoryBio(pem);
  return KeyPtr(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
}

void setSerial(X509& certificate, Random& random) {
  std::string serial = random.bytes(16);
  serial[0] = static_cast<char>((serial[0] & 0x7f) | 0x40);  // positive and of full length, RFC 5280 §4.1.2.2
  std::unique_ptr<BIGNUM, OpenSslDelete<BN_free>> number(
      BN_bin2bn(reinterpret_cast<const unsigned char*>(serial.data()), static_cast<int>(serial.size()), nullptr));
  if (!number || BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(&certificate)) == nullptr) throwOpenSsl("serial number");
}

/// Critical, an OCTET STRING in the extension's own.
void addAcmeIdentifier(X509& certificate, const std::string& digest) {
  std::unique_ptr<ASN1_OBJECT, OpenSslDelete<ASN1_OBJECT_free>> oid(OBJ_txt2obj(acmeIdentifierOid, 1));
  std::unique_ptr<ASN1_OCTET_STRING, OpenSslDelete<ASN1_OCTET_STRING_free>> inner(ASN1_OCTET_STRING_new()), outer(ASN1_OCTET_STRING_new());
  auto set = [](ASN1_OCTET_STRING* string, const unsigned char* octets, int size) { return string != nullptr && ASN1_OCTET_STRING_set(string, octets, size) == 1; };
  if (!oid || !set(inner.get(), reinterpret_cast<const unsigned char*>(digest.data()), static_cast<int>(digest.size()))) throwOpenSsl("acmeIdentifier");
  unsigned char* der = nullptr;
  int size = i2d_ASN1_OCTET_STRING(inner.get(), &der);
  bool taken = size > 0 && set(outer.get(), der, size);
  OPENSSL_free(der);
  std::unique_ptr<X509_EXTENSION, OpenSslDelete<X509_EXTENSION_free>> extension(
      taken ? X509_EXTENSION_create_by_OBJ(nullptr, oid.get(), 1, outer.get()) : nullptr);
  if (!extension || X509_add_ext(&certificate, extension.get(), -1) != 1) throwOpenSsl("acmeIdentifier");
}

}  // namespace

std::string opensslError() {
  unsigned long code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown";
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

BioPtr memoryBio(std::string_view text) { return BioPtr(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

std::string bioText(BIO& bio) {
  char* data = nullptr;
  long size = BIO_get_mem_data(&bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : std::string();
}

std::string generateRsa2048() { return keyPem(KeyPtr(EVP_RSA_gen(2048)).get()); }
std::string generateEcdsaP256() { return keyPem(newP256().get()); }
std::string generateEd25519() { return keyPem(KeyPtr(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")).get()); }

CertificatePem makeSelfSigned(const SelfSignedOptions& options, const Clock& clock, Random& random) {
  for (const auto& name : options.names) {
    if (name.empty() || name.find_first_of(",\n\r") != std::string::npos || name.find('\0') != std::string::npos)
      throw std::invalid_argument("makeSelfSigned: a name that is none");
  }
  if (options.names.empty()) throw std::invalid_argument("makeSelfSigned: no names");
  KeyPtr key = options.key.empty() ? newP256() : readKey(options.key);
  X509Ptr certificate(X509_new());
  if (!key || !certificate) throwOpenSsl("self-signed certificate");
  X509& x = *certificate;
  X509_set_version(&x, X509_VERSION_3);
  setSerial(x, random);
  std::int64_t from = unixSeconds(clock.now()) - backdateSeconds;
  ASN1_TIME_set(X509_getm_notBefore(&x), from);
  ASN1_TIME_set(X509_getm_notAfter(&x), from + (options.acmeIdentifier.empty() ? validSeconds : proofSeconds));
  X509_set_pubkey(&x, key.get());
  std::string commonName = options.names.front().substr(0, maxCommonName);
  X509_NAME* name = X509_get_subject_name(&x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(commonName.c_str()), -1, -1, 0);
  X509_set_issuer_name(&x, name);
  addExtension(x, NID_subject_alt_name, subjectAltNames(options.names));
  if (options.acmeIdentifier.empty()) {
    addExtension(x, NID_basic_constraints, "critical,CA:TRUE");
    addExtension(x, NID_subject_key_identifier, "hash");
    addExtension(x, NID_ext_key_usage, "serverAuth,clientAuth");
  } else {
    addAcmeIdentifier(x, options.acmeIdentifier);
  }
  // Ed25519 has a digest of its own.
  if (X509_sign(&x, key.get(), EVP_PKEY_get_base_id(key.get()) == EVP_PKEY_ED25519 ? nullptr : EVP_sha256()) == 0) throwOpenSsl("signing a certificate");
  BioPtr out(BIO_new(BIO_s_mem()));
  if (!out || PEM_write_bio_X509(out.get(), &x) != 1) throwOpenSsl("certificate");
  return {bioText(*out), options.key.empty() ? keyPem(key.get()) : options.key};
}

CertificatePem selfSigned(const std::vector<std::string>& names, const Clock& clock, Random& random) { return makeSelfSigned(SelfSignedOptions{names, "", ""}, clock, random); }

}  // namespace mox::net
