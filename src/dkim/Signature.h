// The DKIM-Signature header field, RFC 6376 §3.5, as values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "dkim/Canonical.h"

namespace mox::dkim {

/// Names in h=; more is hostile.
inline constexpr std::size_t maxSignedNames = 1000;

enum class KeyType { rsa, ed25519 };
std::string_view keyTypeName(KeyType type);

struct Signature {
  KeyType keyType = KeyType::rsa;
  Hash hash = Hash::sha256;
  Canonicalization header = Canonicalization::simple, body = Canonicalization::simple;
  Domain domain;         ///< d=
  std::string selector;  ///< s=, lower case, dots possible
  std::vector<std::string> names;  ///< h=, as written without white space
  std::string signature;           ///< b=, octets
  std::string signatureText;       ///< b=, base64 without white space
  std::string bodyHash;            ///< bh=, octets
  /// i=: localpart (decoded, may be "") and domain, within d=.
  std::optional<std::string> identityLocalpart;
  std::optional<Domain> identityDomain;
  std::optional<std::uint64_t> length;  ///< l=
  std::optional<Time> signedAt, expires;
  /// Where b='s value is in the field's value, for cutting it out.
  std::size_t valueStart = 0, valueEnd = 0;

  /// "rsa-sha256"
  std::string algorithm() const;
  /// The first 12 characters of b= or what there is: names the signature in Authentication-Results (RFC 6008 §4).
  std::string shortSignature() const { return signatureText.substr(0, 12); }
  /// i= as written in Authentication-Results: "@d" if there was none. Printable, UTF-8 possible.
  std::string identity() const;
  /// True if h= has the name, case aside.
  bool isSigned(std::string_view name) const;
  /// Name of the key's TXT record, absolute.
  std::string keyName() const;

  /// `value`: what follows the colon of the field. All rules of §3.5 and §6.1.1 that need only the field.
  static Result<Signature> parse(std::string_view value);

 private:
  explicit Signature(Domain d) : domain(std::move(d)) {}
};

}  // namespace mox::dkim
