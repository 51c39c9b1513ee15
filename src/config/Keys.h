// Private keys and certificates as the configuration needs them: are they
// what they should be? Signing and TLS are for other rooms.
#pragma once

#include <string>
#include <string_view>

#include "base/Result.h"

namespace mox::config {

/// RFC 8301 §3.2: verifiers refuse shorter keys.
inline constexpr int minRsaBits = 1024;

enum class KeyType { rsa, ed25519, ecdsa };

struct KeyInfo {
  KeyType type = KeyType::rsa;
  int bits = 0;
};

/// A private key as PEM in PKCS8 ("BEGIN PRIVATE KEY"), not encrypted; for other things before it no eye.
Result<KeyInfo> inspectPrivateKey(std::string_view pem);
/// RSA of at least minRsaBits or ed25519, RFC 6376 §3.3 and RFC 8463.
Result<KeyInfo> inspectDkimKey(std::string_view pem);
/// RSA 2048 or ECDSA P-256.
Result<KeyInfo> inspectHostKey(std::string_view pem);
/// One certificate or more in PEM, each readable.
Result<void> inspectCertificates(std::string_view pem);
/// That the first certificate of `certificates` belongs to `key` (PKCS8, PKCS1 or SEC1).
Result<void> inspectKeyPair(std::string_view certificates, std::string_view key);

}  // namespace mox::config
