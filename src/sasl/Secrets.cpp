#include "sasl/Secrets.h"

#include "sasl/Prepare.h"

namespace mox::sasl {

ScramSecret deriveScram(HashKind kind, std::string_view password, std::string salt, unsigned iterations) {
  std::string salted = saltedPassword(kind, password, salt, iterations);
  ScramSecret secret;
  secret.storedKey = digest(kind, hmac(kind, salted, "Client Key"));
  secret.serverKey = hmac(kind, salted, "Server Key");
  secret.salt = std::move(salt);
  secret.iterations = iterations;
  return secret;
}

Result<PasswordSecrets> derive(std::string_view password, Random& random) {
  auto prepared = preparePassword(password);
  if (!prepared) return tl::unexpected(prepared.error());
  PasswordSecrets secrets;
  secrets.cramMd5 = hmacMd5States(*prepared);
  secrets.scramSha1 = deriveScram(HashKind::sha1, *prepared, random.bytes(scramSaltOctets), scramSha1Iterations);
  secrets.scramSha256 = deriveScram(HashKind::sha256, *prepared, random.bytes(scramSaltOctets), scramSha256Iterations);
  return secrets;
}

}  // namespace mox::sasl
