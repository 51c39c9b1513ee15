// A server side with one user, and helpers to play an exchange to its end.
#pragma once

#include <map>

#include "base/Text.h"
#include "sasl/Client.h"
#include "sasl/Server.h"

namespace mox::sasl::test {

struct Users final : CredentialSource {
  std::map<std::string, PasswordSecrets> secrets;

  std::optional<ScramSecret> scram(HashKind kind, const std::string& login) override {
    auto it = secrets.find(login);
    if (it == secrets.end()) return std::nullopt;
    return kind == HashKind::sha1 ? it->second.scramSha1 : it->second.scramSha256;
  }
  std::optional<HmacMd5States> cramMd5(const std::string& login) override {
    auto it = secrets.find(login);
    return it == secrets.end() ? std::nullopt : std::optional(it->second.cramMd5);
  }
  std::string fakeSaltKey() override { return std::string(32, 'k'); }
};

/// Always the same bytes: for published vectors.
struct FixedRandom final : Random {
  std::string fixed;
  explicit FixedRandom(std::string b) : fixed(std::move(b)) {}
  std::string bytes(std::size_t count) override {
    std::string out = fixed;
    out.resize(count, 'x');
    return out;
  }
};

struct World {
  FakeRandom random;
  FakeClock clock;
  Users users;
  ChannelBindings bindings;
  bool plusAnnounced = true;
  std::string certificateLogin;

  World() { users.secrets["user@example.org"] = derive("pencil", random).value(); }

  ServerContext context() { return {"mail.example.org", bindings, plusAnnounced, certificateLogin, random, clock, users}; }
  std::unique_ptr<ServerMechanism> server(std::string_view name) { return makeServer(name, context()); }
};

inline std::string challenge(const Step& step) {
  const auto* c = std::get_if<Challenge>(&step);
  return c != nullptr ? c->bytes : "(no challenge)";
}
inline std::string outcome(const Step& step) {
  if (const auto* f = std::get_if<Failure>(&step)) return std::string(failureName(f->reason));
  if (const auto* s = std::get_if<Success>(&step)) return "success " + s->authcid + (s->authzid.empty() ? "" : " as " + s->authzid);
  if (const auto* p = std::get_if<NeedsPasswordCheck>(&step)) return "check " + p->authcid + " " + p->password;
  return "challenge " + std::get<Challenge>(step).bytes;
}

/// Plays client against server through the wire encoding; what the server says in the end.
inline std::string play(ServerExchange& server, ClientMechanism& client) {
  auto initial = client.initial();
  std::optional<std::string> coded;
  if (initial) coded = initial->empty() ? "=" : base64(*initial);
  Step step = coded ? server.start(std::string_view(*coded)) : server.start(std::nullopt);
  for (int i = 0; i < 10; ++i) {
    const auto* asked = std::get_if<Challenge>(&step);
    if (asked == nullptr) return outcome(step) + (client.complete() ? "" : " (client incomplete)");
    auto answer = client.step(asked->bytes);
    if (!answer) return "client: " + answer.error().text;
    step = server.respond(base64(*answer));
  }
  return "endless";
}

}  // namespace mox::sasl::test
