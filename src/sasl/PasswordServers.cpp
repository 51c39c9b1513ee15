#include "sasl/PasswordServers.h"

#include "base/Text.h"
#include "sasl/Prepare.h"

namespace mox::sasl {

namespace {

Failure syntax(std::string text) { return {FailureReason::syntax, std::move(text)}; }

/// What both password mechanisms end with. A password that PRECIS forbids cannot be anybody's, so it is a
/// wrong password and not a syntax error.
Step passwordStep(std::string_view authzid, std::string_view authcid, std::string_view password) {
  auto name = prepareName(authcid);
  if (!name) return syntax(name.error().text);
  std::string acting;
  if (!authzid.empty()) {
    auto prepared = prepareName(authzid);
    if (!prepared) return syntax(prepared.error().text);
    if (*prepared != *name) return Failure{FailureReason::authorizationDenied, "authorization for another user"};
    acting = *prepared;
  }
  auto secret = preparePassword(password);
  if (!secret) return Failure{FailureReason::badCredentials, secret.error().text};
  return NeedsPasswordCheck{*name, acting, *secret};
}

class PlainServer final : public ServerMechanism {
 public:
  std::string_view name() const override { return "PLAIN"; }

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{};
    return step(*initial);
  }

  /// message = [authzid] NUL authcid NUL passwd
  Step step(std::string_view response) override {
    auto parts = split(response, '\0');
    if (parts.size() != 3) return syntax("PLAIN response needs two NULs");
    return passwordStep(parts[0], parts[1], parts[2]);
  }
};

class LoginServer final : public ServerMechanism {
 public:
  std::string_view name() const override { return "LOGIN"; }

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{"Username:"};
    return step(*initial);
  }

  Step step(std::string_view response) override {
    if (user_) return passwordStep({}, *user_, response);
    if (response.size() > maxNameOctets) return syntax("user name too long");
    user_ = std::string(response);
    return Challenge{"Password:"};
  }

 private:
  std::optional<std::string> user_;
};

class CramMd5Server final : public ServerMechanism {
 public:
  explicit CramMd5Server(ServerContext context) : context_(std::move(context)) {}
  std::string_view name() const override { return "CRAM-MD5"; }
  std::string_view authcid() const override { return user_; }

  Step start(std::optional<std::string_view> initial) override {
    if (initial) return syntax("CRAM-MD5 has no initial response");
    auto nanos = std::chrono::duration_cast<std::chrono::nanoseconds>(context_.clock.now().time_since_epoch()).count();
    challenge_ = "<" + hex(context_.random.bytes(nonceOctets)) + "." + std::to_string(nanos) + "@" + context_.hostname + ">";
    return Challenge{challenge_};
  }

  /// user SP digest, the digest in lower case hex.
  Step step(std::string_view response) override {
    auto space = response.rfind(' ');
    if (space == std::string_view::npos) return syntax("CRAM-MD5 response needs a space");
    auto proof = fromHex(response.substr(space + 1));
    if (!proof || proof->size() != digestOctets) return syntax("CRAM-MD5 digest is not 32 hex digits");
    auto user = prepareName(response.substr(0, space));
    if (!user) return syntax(user.error().text);
    user_ = *user;
    auto states = context_.credentials.cramMd5(user_);
    auto nobody = hmacMd5States("");  // the same work whether the user exists or not
    bool known = states.has_value();
    if (!known) states = nobody;
    if (states->inner.size() != digestOctets || states->outer.size() != digestOctets)
      return Failure{FailureReason::internal, "stored CRAM-MD5 secret is damaged"};
    bool equal = equalConstantTime(hmacMd5(*states, challenge_), *proof);
    if (!equal || !known) return Failure{FailureReason::badCredentials, "wrong user name or password"};
    return Success{user_, {}};
  }

 private:
  static constexpr std::size_t nonceOctets = 16;
  static constexpr std::size_t digestOctets = 16;

  ServerContext context_;
  std::string challenge_, user_;
};

class ExternalServer final : public ServerMechanism {
 public:
  explicit ExternalServer(ServerContext context) : login_(std::move(context.certificateLogin)) {}
  std::string_view name() const override { return "EXTERNAL"; }

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{};
    return step(*initial);
  }

  Step step(std::string_view response) override {
    if (response.empty()) return Success{login_, {}};
    auto acting = prepareName(response);
    if (!acting) return syntax(acting.error().text);
    return Success{login_, *acting};
  }

 private:
  std::string login_;
};

}  // namespace

std::unique_ptr<ServerMechanism> makePlainServer() { return std::make_unique<PlainServer>(); }
std::unique_ptr<ServerMechanism> makeLoginServer() { return std::make_unique<LoginServer>(); }
std::unique_ptr<ServerMechanism> makeCramMd5Server(ServerContext context) { return std::make_unique<CramMd5Server>(std::move(context)); }
std::unique_ptr<ServerMechanism> makeExternalServer(ServerContext context) { return std::make_unique<ExternalServer>(std::move(context)); }

}  // namespace mox::sasl
