#include "message/Compose.h"

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "message/EncodedWords.h"
#include "message/FieldLexer.h"
#include "message/FieldWriter.h"

namespace mox::message {

namespace {

/// RFC 5322 §3.6.8.
Result<void> checkField(std::string_view name, std::string_view value) {
  bool goodName = !name.empty() && name.size() <= 76 && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != ':'; });
  if (!goodName) return fail(Errc::syntax, "invalid header field name");
  if (value.size() > maxFieldValue) return fail(Errc::tooLong, "header field too long");
  if (!isOneLine(value)) return fail(Errc::syntax, "line break in header field");
  if (!isUtf8(value)) return fail(Errc::syntax, "header field is not valid UTF-8");
  return {};
}

/// RFC 5322 §3.2.5: a display name as atoms, in quotes, or as encoded words.
std::string phrase(std::string_view name, bool utf8) {
  if (!isAscii(name) && !utf8) return encodeWords(name);
  bool atoms = std::all_of(name.begin(), name.end(), [](char c) { return c == ' ' || !specials.has(c); });
  if (name.find("=?") != std::string_view::npos) return utf8 ? quoted(name) : encodeWords(name);
  return atoms ? std::string(name) : quoted(name);
}

bool isMessageId(std::string_view id) {
  return !id.empty() && id.size() <= 900 && isPlainUtf8(id) && id.find_first_of("<> \t") == std::string_view::npos;
}

}  // namespace

Result<void> HeaderBuilder::text(std::string_view name, std::string_view value) {
  if (auto good = checkField(name, value); !good) return good;
  FieldWriter field(name);
  field.words(utf8_ ? std::string(value) : encodeWords(value));
  out_ += field.end();
  return {};
}

Result<void> HeaderBuilder::structured(std::string_view name, std::string_view value) {
  if (auto good = checkField(name, value); !good) return good;
  if (!utf8_ && !isAscii(value)) return fail(Errc::unsupported, "header field beyond ASCII");
  FieldWriter field(name);
  field.words(value);
  out_ += field.end();
  return {};
}

Result<void> HeaderBuilder::addresses(std::string_view name, const std::vector<NamedAddress>& list) {
  if (auto good = checkField(name, {}); !good) return good;
  if (list.empty()) return {};
  FieldWriter field(name);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& [display, address] = list[i];
    if (auto good = checkField(name, display); !good) return good;
    if (!utf8_ && !address.isAscii()) return fail(Errc::unsupported, "address needs UTF-8 headers");
    auto text = address.text(utf8_);
    if (!display.empty()) field.words(phrase(display, utf8_));
    field.word((display.empty() ? text : "<" + text + ">") + (i + 1 < list.size() ? "," : ""));
  }
  out_ += field.end();
  return {};
}

Result<void> HeaderBuilder::messageIds(std::string_view name, const std::vector<std::string>& ids) {
  if (auto good = checkField(name, {}); !good) return good;
  if (ids.empty()) return {};
  FieldWriter field(name);
  for (const auto& id : ids) {
    if (!isMessageId(id) || (!utf8_ && !isAscii(id))) return fail(Errc::syntax, "invalid message id");
    field.word("<" + id + ">");
  }
  out_ += field.end();
  return {};
}

Result<void> HeaderBuilder::date(std::string_view name, Time time) { return structured(name, rfc5322Date(time)); }

Result<std::string> compose(const HeaderBuilder& header, const OutPart& body, bool allow8bit, Random& random) {
  auto part = writePart(body, {allow8bit, header.utf8()}, random);
  if (!part) return part;
  return header.bytes() + "MIME-Version: 1.0\r\n" + *part;
}

std::string makeMessageId(Random& random, const Domain& host) {
  constexpr std::size_t idOctets = 16;
  return base64Url(random.bytes(idOctets)) + "@" + host.ascii();
}

}  // namespace mox::message
