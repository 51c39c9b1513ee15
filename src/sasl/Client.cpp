#include "sasl/Client.h"

#include <algorithm>

#include "base/Text.h"
#include "sasl/Prepare.h"
#include "sasl/ScramClient.h"

namespace mox::sasl {

namespace {

class PlainClient final : public ClientMechanism {
 public:
  explicit PlainClient(ClientCredentials credentials) : credentials_(std::move(credentials)) {}
  std::string_view name() const override { return "PLAIN"; }
  std::optional<std::string> initial() override {
    sent_ = true;
    return credentials_.authzid + '\0' + credentials_.user + '\0' + credentials_.password;
  }
  Result<std::string> step(std::string_view) override { return fail(Errc::syntax, "unexpected challenge in PLAIN"); }
  bool complete() const override { return sent_; }

 private:
  ClientCredentials credentials_;
  bool sent_ = false;
};

/// The prompts are only decoration in practice ("User Name", localised texts): their order is what counts.
class LoginClient final : public ClientMechanism {
 public:
  explicit LoginClient(ClientCredentials credentials) : credentials_(std::move(credentials)) {}
  std::string_view name() const override { return "LOGIN"; }
  std::optional<std::string> initial() override { return std::nullopt; }
  Result<std::string> step(std::string_view) override {
    switch (steps_++) {
      case 0: return credentials_.user;
      case 1: return credentials_.password;
      default: return fail(Errc::syntax, "unexpected third challenge in LOGIN");
    }
  }
  bool complete() const override { return steps_ == 2; }

 private:
  ClientCredentials credentials_;
  int steps_ = 0;
};

class CramMd5Client final : public ClientMechanism {
 public:
  explicit CramMd5Client(ClientCredentials credentials) : credentials_(std::move(credentials)) {}
  std::string_view name() const override { return "CRAM-MD5"; }
  std::optional<std::string> initial() override { return std::nullopt; }
  Result<std::string> step(std::string_view challenge) override {
    if (answered_) return fail(Errc::syntax, "unexpected second challenge in CRAM-MD5");
    answered_ = true;
    return credentials_.user + " " + hex(hmacMd5(hmacMd5States(credentials_.password), challenge));
  }
  bool complete() const override { return answered_; }

 private:
  ClientCredentials credentials_;
  bool answered_ = false;
};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return equalsNoCase(n, name); });
}

std::unique_ptr<ClientMechanism> makeClient(std::string_view name, const std::vector<std::string>& announced, const ClientCredentials& credentials,
                                            const ChannelBindings& bindings, Random& random) {
  if (equalsNoCase(name, "PLAIN")) return std::make_unique<PlainClient>(credentials);
  if (equalsNoCase(name, "LOGIN") && credentials.authzid.empty()) return std::make_unique<LoginClient>(credentials);
  if (equalsNoCase(name, "CRAM-MD5") && credentials.authzid.empty()) return std::make_unique<CramMd5Client>(credentials);
  for (HashKind kind : {HashKind::sha1, HashKind::sha256}) {
    bool plusAnnounced = contains(announced, scramName(kind, true));
    if (equalsNoCase(name, scramName(kind, true)) && bindings.any())
      return makeScramClient(kind, ScramBinding{BindFlag::bound, bindings}, credentials, random);
    if (equalsNoCase(name, scramName(kind, false))) {
      auto flag = bindings.any() && !plusAnnounced ? BindFlag::serverCannot : BindFlag::none;
      return makeScramClient(kind, ScramBinding{flag, bindings}, credentials, random);
    }
  }
  return nullptr;
}

}  // namespace

std::vector<std::string> defaultClientMechanisms() {
  return {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5"};
}

Result<std::unique_ptr<ClientMechanism>> chooseClient(const std::vector<std::string>& announced, const std::vector<std::string>& allowed,
                                                      const ClientCredentials& credentials, const ChannelBindings& bindings, Random& random) {
  auto user = prepareName(credentials.user);
  if (!user) return tl::unexpected(user.error());
  auto password = preparePassword(credentials.password);
  if (!password) return tl::unexpected(password.error());
  std::string authzid;
  if (!credentials.authzid.empty()) {
    auto prepared = prepareName(credentials.authzid);
    if (!prepared) return tl::unexpected(prepared.error());
    authzid = *prepared;
  }
  ClientCredentials prepared{*user, *password, authzid};
  for (const auto& name : allowed) {
    if (!contains(announced, name)) continue;
    if (auto mechanism = makeClient(name, announced, prepared, bindings, random)) return mechanism;
  }
  return nullptr;
}

}  // namespace mox::sasl
