#include "login/Secrets.h"

#include "base/Text.h"

namespace mox::login {

std::optional<store::PasswordSecrets> Authenticator::Secrets::stored(const std::string& login) {
  auto config = config_.current();
  auto target = config->loginLookup(login);
  if (!target || !accounts_.exists((*target)->name)) return std::nullopt;
  auto account = accounts_.open((*target)->name);
  if (!account) return std::nullopt;
  return (*account)->password();
}

std::optional<sasl::ScramSecret> Authenticator::Secrets::scram(sasl::HashKind kind, const std::string& login) {
  auto secrets = stored(login);
  if (!secrets) return std::nullopt;
  const auto& secret = kind == sasl::HashKind::sha1 ? secrets->sasl.scramSha1 : secrets->sasl.scramSha256;
  if (secret.empty()) return std::nullopt;
  return secret;
}

std::optional<sasl::HmacMd5States> Authenticator::Secrets::cramMd5(const std::string& login) {
  auto secrets = stored(login);
  if (!secrets || secrets->sasl.cramMd5.inner.empty()) return std::nullopt;
  return secrets->sasl.cramMd5;
}

std::string Authenticator::Secrets::canonicalLogin(const std::string& login) {
  // Spellings that would be one login if it existed: without case, and without what follows a separator.
  auto address = Address::parse(login);
  if (!address) return lower(login);
  auto config = config_.current();
  const auto* domain = config->domain(address->domain);
  if (domain == nullptr) return lower(login);
  return Address{domain->canonical(address->localpart), address->domain}.text(false);
}

}  // namespace mox::login
