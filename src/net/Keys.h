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

/// ECDSA P-256, valid from an hour ago for four years. `names` are DNS names or IP addresses; the first is also
/// the subject's common name. `random` makes the serial number.
CertificatePem selfSigned(const std::vector<std::string>& names, const Clock& clock, Random& random);

}  // namespace mox::net
