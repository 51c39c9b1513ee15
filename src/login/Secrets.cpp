#include "login/Secrets.h"

#include <fmt/format.h>

#include "base/Text.h"
#include "sasl/Prepare.h"

namespace mox::login {

namespace {

// The texts kept in the database: base64 fields with ":" between.

std::string scramText(const sasl::ScramSecret& secret) {
  return fmt::format("{}:{}:{}:{}", secret.iterations, base64(secret.salt), base64(secret.storedKey), base64(secret.serverKey));
}

/// Throws if the text is damaged: that is our disk, not the client.
sasl::ScramSecret scramFromText(const std::string& text) {
  auto fields = split(text, ':');
  if (fields.size() == 4) {
    auto iterations = parseUnsigned(fields[0]);
    auto salt = fromBase64(fields[1]), stored = fromBase64(fields[2]), server = fromBase64(fields[3]);
    if (iterations && salt && stored && server) return {*salt, static_cast<unsigned>(*iterations), *stored, *server};
  }
  throw std::runtime_error("damaged SCRAM secret in the account database");
}

std::string cramText(const sasl::HmacMd5States& states) { return base64(states.inner) + ":" + base64(states.outer); }

sasl::HmacMd5States cramFromText(const std::string& text) {
  if (auto fields = cut(text, ':')) {
    auto inner = fromBase64(fields->first), outer = fromBase64(fields->second);
    if (inner && outer) return {*inner, *outer};
  }
  throw std::runtime_error("damaged CRAM-MD5 secret in the account database");
}

}  // namespace

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
  const auto& text = kind == sasl::HashKind::sha1 ? secrets->scramSha1 : secrets->scramSha256;
  if (text.empty()) return std::nullopt;
  return scramFromText(text);
}

std::optional<sasl::HmacMd5States> Authenticator::Secrets::cramMd5(const std::string& login) {
  auto secrets = stored(login);
  if (!secrets || secrets->cramMd5.empty()) return std::nullopt;
  return cramFromText(secrets->cramMd5);
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

Result<store::PasswordSecrets> makeSecrets(std::string_view password, Random& random) {
  auto prepared = sasl::preparePassword(password);
  if (!prepared) return tl::unexpected(prepared.error());
  auto derived = sasl::derive(*prepared, random);
  if (!derived) return tl::unexpected(derived.error());
  return store::PasswordSecrets{store::bcryptHash(*prepared, random), cramText(derived->cramMd5), scramText(derived->scramSha1),
                                scramText(derived->scramSha256)};
}

}  // namespace mox::login
