// Keys: private ones for signing, public ones from DNS. OpenSSL behind it. Immutable, thread safe, cheap to copy.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/Result.h"
#include "dkim/Signature.h"

struct evp_pkey_st;

namespace mox::dkim {

inline constexpr unsigned minRsaBits = 1024;  ///< RFC 8301 §3.2
inline constexpr unsigned maxRsaBits = 8192;  ///< larger ones only cost us time
/// Octets of p= that are given to OpenSSL: twice what maxRsaBits needs.
inline constexpr std::size_t maxKeyOctets = 2300;

class PrivateKey {
 public:
  /// PKCS #8 PEM without passphrase ("BEGIN PRIVATE KEY"; PKCS #1 is taken too). RSA of minRsaBits to maxRsaBits, or Ed25519.
  static Result<PrivateKey> fromPem(std::string_view pem);
  static PrivateKey generateRsa(unsigned bits = 2048);
  static PrivateKey generateEd25519();

  KeyType type() const { return type_; }
  unsigned bits() const { return bits_; }
  /// PKCS #8.
  std::string pem() const;
  /// Text of the TXT record to publish: "v=DKIM1;k=ed25519;p=...". RSA's k= is the default and left out; only
  /// SHA-256 is allowed (h=).
  std::string record() const;
  /// b= octets for the canonical header.
  std::string sign(Hash hash, std::string_view text) const;

 private:
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key);
  std::shared_ptr<evp_pkey_st> key_;
  KeyType type_;
  unsigned bits_;
};

class PublicKey {
 public:
  /// p= of a key record: SubjectPublicKeyInfo or RSAPublicKey for RSA (errata 1378), 32 octets for Ed25519 (RFC 8463 §4).
  static Result<PublicKey> make(KeyType type, std::string_view octets);
  unsigned bits() const { return bits_; }
  bool verify(Hash hash, std::string_view text, std::string_view signature) const;

 private:
  PublicKey(std::shared_ptr<evp_pkey_st> key, KeyType type, unsigned bits) : key_(std::move(key)), type_(type), bits_(bits) {}
  std::shared_ptr<evp_pkey_st> key_;
  KeyType type_;
  unsigned bits_;
};

}  // namespace mox::dkim
