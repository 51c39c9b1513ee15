#include "sasl/ScramMessages.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "sasl/Prepare.h"

namespace mox::sasl {

namespace {

/// The next "x=value" up to a comma; the comma is taken.
std::optional<std::string_view> attribute(std::string_view& rest, char name) {
  if (rest.size() < 2 || rest[0] != name || rest[1] != '=') return std::nullopt;
  auto comma = rest.find(',');
  auto value = rest.substr(2, comma == std::string_view::npos ? comma : comma - 2);
  rest.remove_prefix(comma == std::string_view::npos ? rest.size() : comma + 1);
  return value;
}

/// RFC 5802 §7 nonce: printable ASCII but the comma.
bool isNonce(std::string_view text) {
  return !text.empty() && text.size() <= maxNonce && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f && c != ','; });
}

/// Optional extensions (attr-val after the known ones) are to be ignored, but they must be well-formed.
bool areExtensions(std::string_view rest) {
  while (!rest.empty()) {
    if (!isAlpha(rest[0]) || !attribute(rest, rest[0])) return false;
  }
  return true;
}

std::optional<BindFlag> parseFlag(std::string_view flag, std::string& type) {
  if (flag == "n") return BindFlag::none;
  if (flag == "y") return BindFlag::serverCannot;
  if (!flag.starts_with("p=") || flag.size() == 2) return std::nullopt;
  type = flag.substr(2);
  bool valid = std::all_of(type.begin(), type.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '.' || c == '-'; });
  return valid ? std::optional(BindFlag::bound) : std::nullopt;
}

/// A saslname that is already NFC. RFC 5802 leaves normalising to the client, and what it signed is what it sent.
Result<std::string> parseName(std::string_view escaped) {
  auto name = unescapeName(escaped);
  if (!name) return fail(Errc::syntax, "bad escape in SCRAM user name");
  auto prepared = prepareName(*name);
  if (!prepared) return prepared;
  if (*prepared != *name) return fail(Errc::syntax, "SCRAM user name is not in normalisation form C");
  return prepared;
}

}  // namespace

std::string_view scramName(HashKind kind, bool plus) {
  if (kind == HashKind::sha1) return plus ? "SCRAM-SHA-1-PLUS" : "SCRAM-SHA-1";
  return plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256";
}

std::string escapeName(std::string_view name) {
  std::string out;
  for (char c : name) {
    if (c == ',') out += "=2C";
    else if (c == '=') out += "=3D";
    else out += c;
  }
  return out;
}

std::optional<std::string> unescapeName(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == ',') return std::nullopt;
    if (name[i] != '=') {
      out += name[i];
      continue;
    }
    auto code = name.substr(i, 3);
    if (code != "=2C" && code != "=3D") return std::nullopt;
    out += code == "=2C" ? ',' : '=';
    i += 2;
  }
  return out;
}

Result<ClientFirst> parseClientFirst(std::string_view text) {
  ClientFirst out;
  auto comma = text.find(',');
  auto second = comma == std::string_view::npos ? comma : text.find(',', comma + 1);
  if (second == std::string_view::npos) return fail(Errc::syntax, "SCRAM message without gs2 header");
  auto flag = parseFlag(text.substr(0, comma), out.bindingType);
  if (!flag) return fail(Errc::syntax, "bad channel binding flag");
  out.flag = *flag;
  auto authzid = text.substr(comma + 1, second - comma - 1);
  if (!authzid.empty()) {
    if (!authzid.starts_with("a=")) return fail(Errc::syntax, "bad authorization identity");
    auto name = parseName(authzid.substr(2));
    if (!name) return tl::unexpected(name.error());
    out.authzid = *name;
  }
  out.gs2Header = text.substr(0, second + 1);
  auto rest = text.substr(second + 1);
  out.bare = rest;
  if (rest.starts_with("m=")) return fail(Errc::unsupported, "SCRAM extensions are not supported");
  auto user = attribute(rest, 'n');
  if (!user) return fail(Errc::syntax, "SCRAM message without user name");
  auto name = parseName(*user);
  if (!name) return tl::unexpected(name.error());
  out.user = *name;
  auto nonce = attribute(rest, 'r');
  if (!nonce || !isNonce(*nonce)) return fail(Errc::syntax, "bad SCRAM nonce");
  if (nonce->size() < minClientNonce) return fail(Errc::syntax, "SCRAM nonce too short");
  out.nonce = *nonce;
  if (!areExtensions(rest) || text.ends_with(',')) return fail(Errc::syntax, "junk after SCRAM nonce");
  return out;
}

Result<ServerFirst> parseServerFirst(std::string_view text) {
  if (text.starts_with("m=")) return fail(Errc::unsupported, "SCRAM extensions are not supported");
  auto nonce = attribute(text, 'r');
  auto salt = attribute(text, 's');
  auto count = attribute(text, 'i');
  if (!nonce || !salt || !count || !isNonce(*nonce) || !areExtensions(text)) return fail(Errc::syntax, "malformed SCRAM server message");
  auto bytes = fromBase64(*salt);
  if (!bytes || bytes->empty()) return fail(Errc::syntax, "bad SCRAM salt");
  auto iterations = parseUnsigned(*count);
  constexpr std::uint64_t cap = 0x7fffffff;  // policy is the caller's; this only keeps the number in its type
  if (!iterations || *iterations == 0 || *iterations > cap) return fail(Errc::syntax, "bad SCRAM iteration count");
  return ServerFirst{std::string(*nonce), *bytes, static_cast<unsigned>(*iterations)};
}

Result<ClientFinal> parseClientFinal(std::string_view text) {
  auto proofAt = text.rfind(",p=");
  if (proofAt == std::string_view::npos) return fail(Errc::syntax, "SCRAM message without proof");
  ClientFinal out;
  out.withoutProof = text.substr(0, proofAt);
  auto proof = fromBase64(text.substr(proofAt + 3));
  auto rest = text.substr(0, proofAt);
  auto binding = attribute(rest, 'c');
  auto nonce = attribute(rest, 'r');
  if (!proof || !binding || !nonce || !isNonce(*nonce) || !areExtensions(rest)) return fail(Errc::syntax, "malformed SCRAM message");
  auto input = fromBase64(*binding);
  if (!input) return fail(Errc::syntax, "bad channel binding encoding");
  out.binding = *input;
  out.nonce = *nonce;
  out.proof = *proof;
  return out;
}

}  // namespace mox::sasl
