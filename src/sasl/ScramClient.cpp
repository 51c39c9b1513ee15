#include "sasl/ScramClient.h"

#include "base/Text.h"

namespace mox::sasl {

namespace {

class ScramClient final : public ClientMechanism {
 public:
  ScramClient(HashKind kind, const ScramBinding& binding, ClientCredentials credentials, std::string nonce)
      : kind_(kind), plus_(binding.flag == BindFlag::bound), credentials_(std::move(credentials)), nonce_(std::move(nonce)) {
    gs2Header_ = static_cast<char>(binding.flag);
    if (plus_) {
      std::string type(binding.bindings.best());
      gs2Header_ += "=" + type;
      bindingData_ = binding.bindings.find(type).value_or("");
    }
    gs2Header_ += ",";
    if (!credentials_.authzid.empty()) gs2Header_ += "a=" + escapeName(credentials_.authzid);
    gs2Header_ += ",";
    bare_ = "n=" + escapeName(credentials_.user) + ",r=" + nonce_;
  }

  std::string_view name() const override { return scramName(kind_, plus_); }
  std::optional<std::string> initial() override { return gs2Header_ + bare_; }
  bool complete() const override { return state_ == State::done; }

  Result<std::string> step(std::string_view challenge) override {
    switch (state_) {
      case State::first: return onServerFirst(challenge);
      case State::final: return onServerFinal(challenge);
      case State::done: break;
    }
    return fail(Errc::syntax, "unexpected challenge after SCRAM exchange");
  }

 private:
  enum class State { first, final, done };

  Result<std::string> onServerFirst(std::string_view challenge) {
    auto server = parseServerFirst(challenge);
    if (!server) return tl::unexpected(server.error());
    if (!server->nonce.starts_with(nonce_) || server->nonce.size() == nonce_.size())
      return fail(Errc::denied, "SCRAM server nonce does not extend ours");
    if (server->iterations < minScramIterations) return fail(Errc::denied, "SCRAM iteration count too low");
    if (server->iterations > maxScramIterations) return fail(Errc::denied, "SCRAM iteration count too high");
    std::string salted = saltedPassword(kind_, credentials_.password, server->salt, server->iterations);
    std::string clientKey = hmac(kind_, salted, "Client Key");
    std::string withoutProof = "c=" + base64(gs2Header_ + bindingData_) + ",r=" + server->nonce;
    std::string authMessage = bare_ + "," + std::string(challenge) + "," + withoutProof;
    std::string proof = exclusiveOr(clientKey, hmac(kind_, digest(kind_, clientKey), authMessage));
    serverSignature_ = hmac(kind_, hmac(kind_, salted, "Server Key"), authMessage);
    state_ = State::final;
    return withoutProof + ",p=" + base64(proof);
  }

  Result<std::string> onServerFinal(std::string_view challenge) {
    if (challenge.starts_with("e=")) return fail(Errc::denied, "SCRAM server error: " + printable(challenge.substr(2)));
    auto value = challenge.substr(0, challenge.find(','));
    if (!value.starts_with("v=")) return fail(Errc::syntax, "malformed SCRAM server signature");
    auto signature = fromBase64(value.substr(2));
    if (!signature || !equalConstantTime(*signature, serverSignature_))
      return fail(Errc::denied, "SCRAM server does not know the password");
    state_ = State::done;
    return std::string();
  }

  HashKind kind_;
  bool plus_;
  ClientCredentials credentials_;
  std::string nonce_, gs2Header_, bindingData_, bare_, serverSignature_;
  State state_ = State::first;
};

}  // namespace

std::unique_ptr<ClientMechanism> makeScramClient(HashKind kind, ScramBinding binding, const ClientCredentials& credentials, std::string nonce) {
  return std::make_unique<ScramClient>(kind, binding, credentials, std::move(nonce));
}

std::unique_ptr<ClientMechanism> makeScramClient(HashKind kind, ScramBinding binding, const ClientCredentials& credentials, Random& random) {
  constexpr std::size_t nonceOctets = 18;
  return makeScramClient(kind, std::move(binding), credentials, base64(random.bytes(nonceOctets)));
}

}  // namespace mox::sasl
