// Requests, proofs and what comes back, read again with OpenSSL.
#include "acme/Certificate.h"

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/Text.h"
#include "net/OpenSsl.h"
#include "sasl/Hash.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::acme;

struct AcmeCertificateTest : test::Suite<AcmeCertificateTest> {
  static void list(List& l) {
    l.add("RFC 2986: the request has the name and is of the key", &AcmeCertificateTest::request);
    l.add("RFC 8737 §3: the proof has the name and, critical, the digest", &AcmeCertificateTest::proof);
    l.add("what a provider gives is looked at before it is used", &AcmeCertificateTest::inspect);
  }

  FakeClock clock;
  FakeRandom random;

  void request() {
    for (const auto& key : {net::generateEcdsaP256(), net::generateRsa2048()}) {
      // Longer than a common name may be.
      auto host = std::string(63, 'a') + "." + std::string(60, 'b') + ".example";
      auto der = certificateRequest(host, key).value();
      const auto* at = reinterpret_cast<const unsigned char*>(der.data());
      std::unique_ptr<X509_REQ, net::OpenSslDelete<X509_REQ_free>> parsed(d2i_X509_REQ(nullptr, &at, static_cast<long>(der.size())));
      CHECK(parsed && X509_REQ_verify(parsed.get(), X509_REQ_get0_pubkey(parsed.get())) == 1);
      net::BioPtr text(BIO_new(BIO_s_mem()));
      X509_REQ_print(text.get(), parsed.get());
      CHECK(net::bioText(*text).find("DNS:" + host + "\n") != std::string::npos);
    }
    CHECK(certificateRequest("a.example", "no key").error().code == Errc::syntax);
    CHECK_THROWS(std::invalid_argument, (void)certificateRequest("a.example,DNS:b.example", net::generateEcdsaP256()));
  }

  void proof() {
    auto made = proofCertificate("mail.mox.example", "token.thumb", clock, random);
    auto in = net::memoryBio(made.chain);
    net::X509Ptr parsed(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
    CHECK(X509_check_host(parsed.get(), "mail.mox.example", 0, 0, nullptr) == 1);
    std::unique_ptr<ASN1_OBJECT, net::OpenSslDelete<ASN1_OBJECT_free>> oid(OBJ_txt2obj("1.3.6.1.5.5.7.1.31", 1));
    auto* extension = X509_get_ext(parsed.get(), X509_get_ext_by_OBJ(parsed.get(), oid.get(), -1));
    CHECK(extension != nullptr && X509_EXTENSION_get_critical(extension) == 1);
    auto* data = X509_EXTENSION_get_data(extension);
    std::string octets(reinterpret_cast<const char*>(ASN1_STRING_get0_data(data)), static_cast<std::size_t>(ASN1_STRING_length(data)));
    CHECK_EQ("0420" + hex(sasl::digest(sasl::HashKind::sha256, "token.thumb")), hex(octets));
    CHECK_EQ(unixSeconds(clock.now()) + 7 * 24 * 3600 - 3600, unixSeconds(inspectIssued(made, "mail.mox.example").value().notAfter));
  }

  void inspect() {
    auto made = net::selfSigned({"a.example"}, clock, random);
    CHECK_EQ(unixSeconds(clock.now()) - 3600, unixSeconds(inspectIssued(made, "a.example").value().notBefore));
    CHECK_EQ(std::string("the certificate is not for b.example"), inspectIssued(made, "b.example").error().text);
    CHECK_EQ(std::string("the certificate is not of our key"), inspectIssued({made.chain, net::generateEcdsaP256()}, "a.example").error().text);
    CHECK(inspectIssued({"", made.key}, "a.example").error().code == Errc::syntax);
    CHECK(inspectIssued({made.chain, ""}, "a.example").error().code == Errc::syntax);
  }
};
SUITE(AcmeCertificateTest);
