// The CredentialSource of the house: SCRAM and CRAM-MD5 secrets out of account databases, by login address.
#pragma once

#include <optional>
#include <string>

#include "login/Authenticator.h"

namespace mox::login {

class Authenticator::Secrets final : public sasl::CredentialSource {
 public:
  Secrets(config::ConfigSource& config, store::Accounts& accounts, std::string saltKey)
      : config_(config), accounts_(accounts), saltKey_(std::move(saltKey)) {}

  std::optional<sasl::ScramSecret> scram(sasl::HashKind kind, const std::string& login) override;
  std::optional<sasl::HmacMd5States> cramMd5(const std::string& login) override;
  std::string fakeSaltKey() override { return saltKey_; }
  std::string canonicalLogin(const std::string& login) override;

 private:
  std::optional<store::PasswordSecrets> stored(const std::string& login);
  config::ConfigSource& config_;
  store::Accounts& accounts_;
  std::string saltKey_;
};

}  // namespace mox::login
