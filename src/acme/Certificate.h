// Certificates of ACME: the request for one, what came back, and the one that proves control over a name.
//
// RFC 2986 and RFC 8555 §7.4 (request), RFC 8737 §3 (proof). Failure of the library is an exception (std::runtime_error).
#pragma once

#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Random.h"
#include "base/Result.h"
#include "net/Keys.h"

namespace mox::acme {

/// A PKCS #10 request in DER for one DNS name (A-label form), signed with `keyPem`. Errc::syntax for what is no key.
Result<std::string> certificateRequest(const std::string& host, const std::string& keyPem);

/// When a certificate is good for use.
struct Validity {
  Time notBefore, notAfter;
};

/// Of a chain's first certificate. Errc::syntax for what is none.
Result<Validity> validityOf(const std::string& chainPem);

/// Validity of the chain's first certificate, whatever the time is, if it is for `host` and of this key; Errc::syntax for what is no
/// certificate, denied for one that is another's.
Result<Validity> inspectIssued(const net::CertificatePem& certificate, const std::string& host);

/// The self-signed certificate that is shown to who asks for `host` by the protocol acme-tls/1.
net::CertificatePem proofCertificate(const std::string& host, const std::string& keyAuthorization, const Clock& clock, Random& random);

/// ALPN of RFC 8737 §6.2.
inline constexpr std::string_view proofProtocol = "acme-tls/1";

}  // namespace mox::acme
