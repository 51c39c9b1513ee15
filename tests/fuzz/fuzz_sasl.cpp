// room: sasl
// The server side fed with lines of the input; nothing but a right proof may end in success. SCRAM messages and name
// escapes parse the same when printed again. The first octet chooses the mechanism.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/Text.h"
#include "base/Unicode.h"
#include "sasl/Prepare.h"
#include "sasl/ScramMessages.h"
#include "sasl/Server.h"

using namespace mox;
using namespace mox::sasl;

namespace {

struct Users final : CredentialSource {
  PasswordSecrets secrets;
  Users() {
    FakeRandom random(7);
    secrets = derive("a password no fuzzer finds", random).value();
  }
  std::optional<ScramSecret> scram(HashKind kind, const std::string& login) override {
    if (login != "user") return std::nullopt;
    return kind == HashKind::sha1 ? secrets.scramSha1 : secrets.scramSha256;
  }
  std::optional<HmacMd5States> cramMd5(const std::string& login) override { return login == "user" ? std::optional(secrets.cramMd5) : std::nullopt; }
  std::string fakeSaltKey() override { return "key"; }
};

void exchange(std::string_view name, std::string_view input, bool coded) {
  static Users users;
  FakeRandom random;
  FakeClock clock;
  ServerContext context{"host", {true, "exported", "unique", ""}, (input.size() & 1) != 0, "user", random, clock, users};
  ServerExchange server(makeServer(name, context));
  bool first = true;
  for (auto line : split(input, '\n')) {
    std::string encoded = coded ? std::string(line) : base64(line);
    Step step = !first ? server.respond(encoded) : line == "-" ? server.start(std::nullopt) : server.start(std::string_view(encoded));
    first = false;
    if (const auto* ok = std::get_if<Success>(&step); ok != nullptr && (name != "EXTERNAL" || ok->authcid != "user")) abort();
    if (const auto* check = std::get_if<NeedsPasswordCheck>(&step)) {
      if (check->authcid.empty() || check->password.empty() || !isNfc(check->authcid)) abort();
      if (!check->authzid.empty() && check->authzid != check->authcid) abort();
    }
    if (const auto* failed = std::get_if<Failure>(&step); failed != nullptr && !isOneLine(failed->text)) abort();
    if (!std::holds_alternative<Challenge>(step)) return;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const char* const names[] = {"PLAIN", "LOGIN", "CRAM-MD5", "EXTERNAL", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"};
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  exchange(names[data[0] & 7], input, (data[0] & 8) != 0);
  if (auto first = parseClientFirst(input)) {
    std::string again = first->gs2Header + first->bare;
    if (again != input || !parseClientFirst(again)) abort();
  }
  if (auto final = parseClientFinal(input); final && !input.starts_with(final->withoutProof)) abort();
  (void)parseServerFirst(input);
  if (auto name = unescapeName(input); name && unescapeName(escapeName(*name)) != name) abort();
  if (auto password = preparePassword(input)) {
    auto again = preparePassword(*password);
    if (!again || *again != *password) abort();
  }
  return 0;
}
