// Private keys and self-signed certificates as PEM text: for localserve, quickstart, DKIM and tests.
//
// Keys come from OpenSSL's generator; failure of the library is an exception (std::runtime_error).
#pragma once

#include <string>
#include <vector>

#include "base/Clock.h"
#include "base/Random.h"

namespace mox::net {

/// A certificate chain (leaf first) and its private key, both PEM.
struct CertificatePem {
  std::string chain;
  std::string key;
};

/// PKCS #8 PEM, unencrypted.
std::string generateRsa2048();
std::string generateEcdsaP256();
std::string generateEd25519();

struct SelfSignedOptions {
  /// DNS names or IP addresses; the first is also the subject's common name.
  std::vector<std::string> names;
  /// PEM; "" makes an ECDSA P-256 key.
  std::string key;
  /// 32 octets make it the proof of RFC 8737 §3, which is good for nothing else: the digest of a key authorization.
  std::string acmeIdentifier;
};

/// Valid from an hour ago for four years, a proof for a week. `random` makes the serial number.
CertificatePem makeSelfSigned(const SelfSignedOptions& options, const Clock& clock, Random& random);
CertificatePem selfSigned(const std::vector<std::string>& names, const Clock& clock, Random& random);

}  // namespace mox::net
