#include "acme/Certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <ctime>
#include <stdexcept>

#include "base/Text.h"
#include "net/OpenSsl.h"
#include "sasl/Hash.h"

namespace mox::acme {

namespace {

using ExtensionPtr = std::unique_ptr<X509_EXTENSION, net::OpenSslDelete<X509_EXTENSION_free>>;

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(std::string(what) + ": " + net::opensslError());
}

net::KeyPtr readKey(const std::string& pem) {
  auto in = net::memoryBio(pem);
  return net::KeyPtr(PEM_read_bio_PrivateKey(in.get(), nullptr, nullptr, nullptr));
}

/// Host names come from the configuration as A-labels; what else could end up in an extension's text is a bug.
ExtensionPtr alternativeName(const std::string& host) {
  for (char c : host)
    if (!isAlpha(c) && !isDigit(c) && c != '-' && c != '.' && c != '_') throw std::invalid_argument("a host name that is none");
  ExtensionPtr out(X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + host).c_str()));
  require(out != nullptr, "subjectAltName");
  return out;
}

net::X509Ptr readLeaf(const std::string& chainPem) {
  auto in = net::memoryBio(chainPem);
  return net::X509Ptr(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
}

Result<Time> timeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return fail(Errc::syntax, "time of a certificate: " + net::opensslError());
  return fromUnixSeconds(::timegm(&parts));
}

Result<Validity> validityOf(const X509& leaf) {
  auto from = timeOf(X509_get0_notBefore(&leaf)), until = timeOf(X509_get0_notAfter(&leaf));
  if (!from) return tl::unexpected(from.error());
  if (!until) return tl::unexpected(until.error());
  return Validity{*from, *until};
}

}  // namespace

Result<std::string> certificateRequest(const std::string& host, const std::string& keyPem) {
  auto key = readKey(keyPem);
  if (!key) return fail(Errc::syntax, "private key: " + net::opensslError());
  std::unique_ptr<X509_REQ, net::OpenSslDelete<X509_REQ_free>> request(X509_REQ_new());
  std::unique_ptr<STACK_OF(X509_EXTENSION), void (*)(STACK_OF(X509_EXTENSION)*)> extensions(
      sk_X509_EXTENSION_new_null(), [](STACK_OF(X509_EXTENSION)* stack) { sk_X509_EXTENSION_pop_free(stack, X509_EXTENSION_free); });
  // The name is in subjectAltName alone: a common name has 64 characters at most.
  require(request && extensions && sk_X509_EXTENSION_push(extensions.get(), alternativeName(host).release()) > 0 &&
              X509_REQ_add_extensions(request.get(), extensions.get()) == 1 && X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
              X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0,
          "certificate request");
  unsigned char* der = nullptr;
  int size = i2d_X509_REQ(request.get(), &der);
  require(size > 0, "certificate request");
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  return out;
}

Result<Validity> validityOf(const std::string& chainPem) {
  auto leaf = readLeaf(chainPem);
  if (!leaf) return fail(Errc::syntax, "no certificate: " + net::opensslError());
  return validityOf(*leaf);
}

Result<Validity> inspectIssued(const net::CertificatePem& certificate, const std::string& host) {
  auto leaf = readLeaf(certificate.chain);
  if (!leaf) return fail(Errc::syntax, "no certificate: " + net::opensslError());
  auto key = readKey(certificate.key);
  if (!key) return fail(Errc::syntax, "private key: " + net::opensslError());
  if (X509_check_private_key(leaf.get(), key.get()) != 1) {
    (void)net::opensslError();
    return fail(Errc::denied, "the certificate is not of our key");
  }
  if (X509_check_host(leaf.get(), host.data(), host.size(), 0, nullptr) != 1) return fail(Errc::denied, "the certificate is not for " + host);
  return validityOf(*leaf);
}

net::CertificatePem proofCertificate(const std::string& host, const std::string& keyAuthorization, const Clock& clock, Random& random) {
  return net::makeSelfSigned(net::SelfSignedOptions{{host}, "", sasl::digest(sasl::HashKind::sha256, keyAuthorization)}, clock, random);
}

}  // namespace mox::acme
