// The few hash functions SASL mechanisms are made of, over OpenSSL.
//
// All take and give raw octets. A failure of OpenSSL itself (no memory, a
// provider without the digest) is an exception: no peer can cause it.
#pragma once

#include <string>
#include <string_view>

namespace mox::sasl {

/// The hash of a SCRAM mechanism, RFC 5802 §4 and RFC 7677.
enum class HashKind { sha1, sha256 };

/// Octets of a digest: 20 or 32.
std::size_t hashSize(HashKind kind);
std::string digest(HashKind kind, std::string_view data);
std::string hmac(HashKind kind, std::string_view key, std::string_view data);
/// RFC 5802 §2.2 Hi(): PBKDF2 with one block. Burns CPU: about 0.4 ms for 1000 iterations.
std::string saltedPassword(HashKind kind, std::string_view password, std::string_view salt, unsigned iterations);
/// Strings of equal length.
std::string exclusiveOr(std::string_view a, std::string_view b);
/// Takes the same time wherever the strings differ. Lengths are not secret.
bool equalConstantTime(std::string_view a, std::string_view b);

/// RFC 2195: HMAC-MD5 split so that the password need not be kept. A state is that of MD5 after the one
/// block key XOR pad: 16 octets, A, B, C, D little-endian.
struct HmacMd5States {
  std::string inner, outer;
};
HmacMd5States hmacMd5States(std::string_view key);
/// HMAC-MD5 of `data`, 16 octets. States that are not 16 octets long throw std::invalid_argument.
std::string hmacMd5(const HmacMd5States& states, std::string_view data);

}  // namespace mox::sasl
