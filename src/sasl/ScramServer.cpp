#include "sasl/ScramServer.h"

#include "base/Text.h"

namespace mox::sasl {

namespace {

Failure failure(const Error& error) {
  auto reason = error.code == Errc::unsupported ? FailureReason::unsupportedExtension : FailureReason::syntax;
  return {reason, error.text};
}

class ScramServer final : public ServerMechanism {
 public:
  ScramServer(HashKind kind, bool plus, ServerContext context) : kind_(kind), plus_(plus), context_(std::move(context)) {}

  std::string_view name() const override { return scramName(kind_, plus_); }
  std::string_view authcid() const override { return first_.user; }

  Step start(std::optional<std::string_view> initial) override {
    if (!initial) return Challenge{};
    return step(*initial);
  }

  Step step(std::string_view response) override {
    switch (state_) {
      case State::first: return onFirst(response);
      case State::final: return onFinal(response);
      case State::confirm: return onConfirm(response);
    }
    return Failure{FailureReason::internal, "impossible state"};
  }

 private:
  enum class State { first, final, confirm };
  static constexpr std::size_t nonceOctets = 16;

  std::optional<Failure> checkFlag() {
    switch (first_.flag) {
      case BindFlag::none:
        if (plus_) return Failure{FailureReason::channelBindingMismatch, "mechanism needs channel binding, client sent none"};
        return std::nullopt;
      case BindFlag::serverCannot:
        if (plus_ || context_.plusAnnounced)
          return Failure{FailureReason::channelBindingMismatch, "client was told that channel binding is not supported: possible downgrade"};
        return std::nullopt;
      case BindFlag::bound: break;
    }
    auto data = context_.bindings.find(first_.bindingType);
    if (!data) return Failure{FailureReason::unsupportedBinding, "channel binding type not available on this connection"};
    bindingData_ = *data;
    return std::nullopt;
  }

  Step onFirst(std::string_view response) {
    auto parsed = parseClientFirst(response);
    if (!parsed) return failure(parsed.error());
    first_ = std::move(*parsed);
    if (auto refused = checkFlag()) return *refused;
    if (!first_.authzid.empty() && first_.authzid != first_.user)
      return Failure{FailureReason::authorizationDenied, "authorization for another user"};
    if (auto damaged = findSecret()) return *damaged;
    nonce_ = first_.nonce + base64(context_.random.bytes(nonceOctets));
    serverFirst_ = "r=" + nonce_ + ",s=" + base64(secret_.salt) + ",i=" + std::to_string(secret_.iterations);
    state_ = State::final;
    return Challenge{serverFirst_};
  }

  /// For a login without secret makes one up: the same salt each time, a key nobody can have.
  std::optional<Failure> findSecret() {
    auto found = context_.credentials.scram(kind_, first_.user);
    known_ = found.has_value();
    std::string seed = std::string(scramName(kind_, false)) + '\0' + context_.credentials.canonicalLogin(first_.user);
    std::string fake = hmac(HashKind::sha256, context_.credentials.fakeSaltKey(), seed);
    secret_.salt = fake.substr(0, scramSaltOctets);
    secret_.iterations = scramIterations(kind_);
    secret_.storedKey = context_.random.bytes(hashSize(kind_));
    secret_.serverKey = context_.random.bytes(hashSize(kind_));
    if (known_) secret_ = std::move(*found);  // made up in any case, so that both take the same work
    bool sound = secret_.iterations > 0 && !secret_.salt.empty() && secret_.storedKey.size() == hashSize(kind_) &&
                 secret_.serverKey.size() == hashSize(kind_);
    if (!sound) return Failure{FailureReason::internal, "stored SCRAM secret is damaged"};
    return std::nullopt;
  }

  Step onFinal(std::string_view response) {
    auto parsed = parseClientFinal(response);
    if (!parsed) return failure(parsed.error());
    if (!equalConstantTime(parsed->nonce, nonce_)) return Failure{FailureReason::syntax, "SCRAM nonce is not the one sent"};
    if (!equalConstantTime(parsed->binding, first_.gs2Header + bindingData_))
      return Failure{FailureReason::channelBindingMismatch, "channel binding does not match: possible man in the middle"};
    if (parsed->proof.size() != hashSize(kind_)) return Failure{FailureReason::syntax, "SCRAM proof has the wrong length"};
    std::string authMessage = first_.bare + "," + serverFirst_ + "," + parsed->withoutProof;
    std::string clientKey = exclusiveOr(parsed->proof, hmac(kind_, secret_.storedKey, authMessage));
    bool equal = equalConstantTime(digest(kind_, clientKey), secret_.storedKey);
    std::string signature = hmac(kind_, secret_.serverKey, authMessage);
    if (!equal || !known_) return Failure{FailureReason::badCredentials, "wrong user name or password"};
    state_ = State::confirm;
    return Challenge{"v=" + base64(signature)};
  }

  /// SMTP and IMAP have no place for data with success, so the client confirms with an empty response.
  Step onConfirm(std::string_view response) {
    if (!response.empty()) return Failure{FailureReason::syntax, "unexpected data after SCRAM exchange"};
    return Success{first_.user, first_.authzid};
  }

  HashKind kind_;
  bool plus_;
  ServerContext context_;
  State state_ = State::first;
  ClientFirst first_;
  std::string bindingData_;
  ScramSecret secret_;
  bool known_ = false;
  std::string nonce_, serverFirst_;
};

}  // namespace

std::unique_ptr<ServerMechanism> makeScramServer(HashKind kind, bool plus, ServerContext context) {
  return std::make_unique<ScramServer>(kind, plus, std::move(context));
}

}  // namespace mox::sasl
