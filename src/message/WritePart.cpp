#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Compose.h"
#include "message/EncodedWords.h"
#include "message/FieldLexer.h"
#include "message/FieldWriter.h"

namespace mox::message {

namespace {

constexpr std::size_t encodedLine = 76;        ///< RFC 2045 §6.7, §6.8
constexpr std::size_t longestParameter = 60;   ///< octets of a value that is written as it is
constexpr std::size_t boundaryOctets = 18;

bool isToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f && !nameEnds.has(c); });
}

/// RFC 6838 §4.2.
bool isTypeName(std::string_view text) { return isToken(text) && text.size() <= 127; }

std::string escapedOctet(char c, char escape) { return escape + upper(hex(std::string_view(&c, 1))); }

Result<void> writeParameters(FieldWriter& field, const std::vector<Parameter>& parameters) {
  for (const auto& parameter : parameters) {
    const auto &name = parameter.name, &value = parameter.value;
    if (!isTypeName(name) || name.find('*') != std::string::npos) return fail(Errc::syntax, "invalid parameter name");
    if (!isOneLine(value) || !isUtf8(value) || value.size() > maxFieldValue) return fail(Errc::syntax, "invalid parameter value");
    if (isToken(value) && value.size() <= longestParameter) field.glue(";").word(name + "=" + value);
    else if (isAscii(value) && value.size() <= longestParameter) field.glue(";").word(name + "=" + quoted(value));
    else field.extendedParameter(name, value);
  }
  return {};
}

Result<std::string> partHeader(const OutPart& part, const std::vector<Parameter>& parameters, std::string_view encoding, bool utf8) {
  if (!isTypeName(part.type) || !isTypeName(part.subtype)) return fail(Errc::syntax, "invalid content type");
  FieldWriter type("Content-Type");
  type.word(part.type + "/" + part.subtype);
  if (auto good = writeParameters(type, parameters); !good) return tl::unexpected(good.error());
  std::string out = type.end();
  HeaderBuilder fields(utf8);
  if (encoding != "7bit") out += "Content-Transfer-Encoding: " + std::string(encoding) + "\r\n";
  if (part.disposition) {
    if (!isTypeName(part.disposition->type)) return fail(Errc::syntax, "invalid content disposition");
    FieldWriter field("Content-Disposition");
    field.word(part.disposition->type);
    if (auto good = writeParameters(field, part.disposition->parameters); !good) return tl::unexpected(good.error());
    out += field.end();
  }
  if (part.id)
    if (auto good = fields.messageIds("Content-ID", {*part.id}); !good) return tl::unexpected(good.error());
  if (part.description)
    if (auto good = fields.text("Content-Description", *part.description); !good) return tl::unexpected(good.error());
  return out + fields.bytes() + "\r\n";
}

bool hasLongLine(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    auto end = std::min(text.find('\n', at), text.size());
    if (end - at > maxBodyLine + 1) return true;
    at = end + 1;
  }
  return false;
}

Result<std::string> writeText(const OutPart& part, const WriteRules& rules) {
  auto body = withCrlf(part.body);
  bool plain = !hasLongLine(body) && (rules.allow8bit || isAscii(body));
  bool mayEncode = part.type == "text" || part.subtype.starts_with("global");
  if (!plain && !mayEncode) return fail(Errc::unsupported, "message part cannot be sent as it is");
  auto encoding = !plain ? "quoted-printable" : isAscii(body) ? "7bit" : "8bit";
  auto header = partHeader(part, part.parameters, encoding, rules.utf8);
  if (!header) return header;
  return *header + (plain ? body : quotedPrintable(body));
}

Result<std::string> writeMultipart(const OutPart& part, const WriteRules& rules, Random& random, std::size_t depth);

Result<std::string> write(const OutPart& part, const WriteRules& rules, Random& random, std::size_t depth) {
  if (part.type == "multipart") return writeMultipart(part, rules, random, depth);
  if (part.type == "text" || part.type == "message") return writeText(part, rules);
  auto header = partHeader(part, part.parameters, "base64", rules.utf8);
  if (!header) return header;
  return *header + base64Lines(part.body);
}

Result<std::string> writeMultipart(const OutPart& part, const WriteRules& rules, Random& random, std::size_t depth) {
  if (part.parts.empty() || depth >= maxNesting) return fail(Errc::syntax, "multipart without parts or nested too deep");
  // "=_" is in no quoted-printable and no base64 line; the rest cannot be guessed by who wrote the text.
  auto boundary = "=_" + base64Url(random.bytes(boundaryOctets));
  auto parameters = part.parameters;
  parameters.push_back({"boundary", boundary});
  bool has8bit = false;
  std::string body;
  for (const auto& one : part.parts) {
    auto text = write(one, rules, random, depth + 1);
    if (!text) return text;
    has8bit = has8bit || !isAscii(*text);
    body += "--" + boundary + "\r\n" + *text;
    if (!body.ends_with("\r\n")) body += "\r\n";
  }
  auto header = partHeader(part, parameters, has8bit ? "8bit" : "7bit", rules.utf8);
  if (!header) return header;
  return *header + body + "--" + boundary + "--\r\n";
}

}  // namespace

Result<std::string> writePart(const OutPart& part, const WriteRules& rules, Random& random) { return write(part, rules, random, 0); }

std::string withCrlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32 + 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    if (c == '\r' || c == '\n') out += "\r\n";
    else if (c != '\0') out += c;
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

std::string quotedPrintable(std::string_view text) {
  std::string out;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') {
      out += "\r\n";
      column = 0;
      ++i;
      continue;
    }
    bool lineEnds = i + 1 >= text.size() || text[i + 1] == '\r';
    bool plain = (c > ' ' && c < 0x7f && c != '=') || (isWsp(c) && !lineEnds);
    auto piece = plain ? std::string(1, c) : escapedOctet(c, '=');
    // One octet is kept for the "=" of a soft line break.
    if (column + piece.size() > encodedLine - 1) {
      out += "=\r\n";
      column = 0;
    }
    out += piece;
    column += piece.size();
  }
  return out;
}

std::string base64Lines(std::string_view bytes) {
  constexpr std::size_t octetsOfLine = encodedLine / 4 * 3;
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += octetsOfLine) out += base64(bytes.substr(at, octetsOfLine)) + "\r\n";
  return out;
}

}  // namespace mox::message
