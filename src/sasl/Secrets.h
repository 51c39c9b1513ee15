// What is kept of a password so that SCRAM and CRAM-MD5 can check it. None of
// it is the password, but CRAM-MD5's states let their holder log in by CRAM-MD5.
// The password hash for PLAIN and LOGIN (bcrypt) is the store's own matter.
#pragma once

#include <string>
#include <string_view>

#include "base/Random.h"
#include "base/Result.h"
#include "sasl/Hash.h"

namespace mox::sasl {

/// RFC 5802 §3: all octets raw.
struct ScramSecret {
  std::string salt;
  unsigned iterations = 0;
  std::string storedKey;  ///< H(HMAC(SaltedPassword, "Client Key"))
  std::string serverKey;  ///< HMAC(SaltedPassword, "Server Key")
  bool empty() const { return storedKey.empty(); }
};

struct PasswordSecrets {
  HmacMd5States cramMd5;
  ScramSecret scramSha1, scramSha256;
};

/// RFC 7677 §4 wants 4096 at least. SHA-1 gets twice as many.
inline constexpr unsigned scramSha1Iterations = 8192;
inline constexpr unsigned scramSha256Iterations = 4096;
inline constexpr unsigned scramIterations(HashKind kind) {
  return kind == HashKind::sha1 ? scramSha1Iterations : scramSha256Iterations;
}
inline constexpr std::size_t scramSaltOctets = 16;

/// `password` must be prepared (Prepare.h).
ScramSecret deriveScram(HashKind kind, std::string_view password, std::string salt, unsigned iterations);

/// Prepares the password and derives everything, each with its own salt. Burns some 5 ms of CPU.
Result<PasswordSecrets> derive(std::string_view password, Random& random);

}  // namespace mox::sasl
