#include "message/DowngradeHeader.h"

#include <algorithm>
#include <array>

#include "base/Address.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Addresses.h"
#include "message/Charset.h"
#include "message/ContentFields.h"
#include "message/EncodedWords.h"
#include "message/FieldLexer.h"
#include "message/FieldWriter.h"
#include "message/HeaderFields.h"

namespace mox::message {

namespace {

constexpr std::array<std::string_view, 12> addressFields{"from", "sender", "reply-to", "to", "cc", "bcc", "resent-from", "resent-sender",
                                                         "resent-reply-to", "resent-to", "resent-cc", "resent-bcc"};

/// A parameter with a charset of its own may decode to anything.
std::string utf8Of(std::string_view octets) { return isUtf8(octets) ? std::string(octets) : charsetToUtf8(octets, "windows-1252"); }

bool isEncodedWord(std::string_view word) { return word.starts_with("=?") && word.ends_with("?="); }

/// A text whose words are encoded where they must be. White space between two encoded words is none to a reader
/// (RFC 2047 §6.2), so it goes into one of them.
std::string encodedText(std::string_view value) {
  std::string out, pending;
  bool afterEncoded = false;
  auto flush = [&](bool beforeEncoded) {
    if (pending.empty()) return;
    std::string text = (afterEncoded ? " " : "") + pending + (beforeEncoded ? " " : "");
    out += (out.empty() ? "" : " ") + encodeWords(text);
    pending.clear();
    afterEncoded = true;
  };
  for (auto word : split(value, ' ')) {
    if (!isAscii(word)) {
      pending += (pending.empty() ? "" : " ") + std::string(word);
      continue;
    }
    if (word.empty()) continue;
    flush(isEncodedWord(word));
    out.append(out.empty() ? "" : " ").append(word);
    afterEncoded = isEncodedWord(word);
  }
  flush(false);
  return out;
}

std::string textField(const HeaderField& field) {
  auto value = unfold(field.value);
  std::replace(value.begin(), value.end(), '\t', ' ');
  return FieldWriter(field.name).words(encodedText(value)).end();
}

bool isAtoms(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return (specials.has(c) && c != ' ') || static_cast<unsigned char>(c) < ' '; });
}

std::string phrase(std::string_view name) {
  if (!isAscii(name)) return encodeWords(name);
  return isAtoms(name) ? std::string(name) : quoted(name);
}

std::string localpartText(std::string_view text) {
  bool dotAtom = !text.empty() && std::none_of(text.begin(), text.end(), [](char c) { return specials.has(c) && c != '.'; });
  return dotAtom ? std::string(text) : quoted(text);
}

/// Name and address in ASCII.
void writeAddress(FieldWriter& field, const EnvelopeAddress& address) {
  auto localpart = address.mailbox.value_or(""), host = address.host.value_or("");
  auto ascii = host;
  if (!isAscii(host)) {
    auto domain = Domain::make(host);
    ascii = domain ? domain->ascii() : "";
  }
  if (isAscii(localpart) && ascii.empty() == host.empty()) {
    auto spec = localpartText(localpart) + (host.empty() ? "" : "@" + ascii);
    if (address.name) field.words(phrase(*address.name)).word("<" + spec + ">");
    else field.word(spec);
    return;
  }
  auto shown = localpart + (host.empty() ? "" : "@" + host);
  if (address.name) shown = *address.name + " <" + shown + ">";
  field.words(encodeWords(shown)).word("<" + std::string(unusableAddress) + ">");
}

std::string addressField(const HeaderField& field) {
  FieldWriter out(field.name);
  bool needsComma = false;
  for (const auto& address : addresses(field.value, maxAddresses).addresses) {
    bool endsGroup = !address.mailbox && !address.host;
    if (endsGroup) {
      out.glue(";");
      needsComma = true;
      continue;
    }
    if (needsComma) out.glue(",");
    needsComma = address.host.has_value();
    if (address.host) writeAddress(out, address);
    else out.words(phrase(*address.mailbox)).glue(":");
  }
  return out.end();
}

/// Control characters come out as white space, and "boundary<DLE>=x", which is none, would be a boundary then.
bool isVisibleAscii(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

std::string parameterField(const HeaderField& field, const std::string& value, const std::vector<Parameter>& parameters) {
  FieldWriter out(field.name);
  out.word(value);
  for (const auto& parameter : parameters) {
    if (!isVisibleAscii(parameter.name)) continue;
    // A boundary must stay as short as it is: old readers know no pieces.
    if (isAscii(parameter.value)) out.glue(";").word(parameter.name + "=" + quoted(parameter.value));
    else out.extendedParameter(parameter.name, utf8Of(parameter.value));
  }
  return out.end();
}

std::string downgradedField(const HeaderField& field) {
  auto name = lower(field.name);
  if (std::find(addressFields.begin(), addressFields.end(), name) != addressFields.end()) return addressField(field);
  if (name == "content-type") {
    auto type = contentType(field.value);
    if (type && isVisibleAscii(type->type) && isVisibleAscii(type->subtype)) return parameterField(field, type->type + "/" + type->subtype, type->parameters);
  } else if (name == "content-disposition") {
    auto disposition = contentDisposition(field.value);
    if (disposition && isVisibleAscii(disposition->type)) return parameterField(field, disposition->type, disposition->parameters);
  }
  return textField(field);
}

/// As it is, without NUL. In lines that are no fields nobody reads what is not ASCII, so a "?" will do.
void appendPlain(std::string_view text, bool toAscii, std::string& out) {
  for (char c : text)
    if (c != '\0') out += static_cast<unsigned char>(c) < 0x80 || !toAscii ? c : '?';
}

}  // namespace

std::string downgradeHeader(std::string_view block, const HeaderDowngrade& how) {
  std::string out;
  HeaderFields fields(block);
  std::size_t at = 0;
  bool hasVersion = false;
  while (auto field = fields.next()) {
    auto start = static_cast<std::size_t>(field->whole.data() - block.data());
    appendPlain(block.substr(at, start - at), how.toAscii, out);
    at = start + field->whole.size();
    hasVersion = hasVersion || field->is("MIME-Version") || startsWithNoCase(field->name, "Content-");
    if (!how.encoding.empty() && field->is("Content-Transfer-Encoding")) continue;
    bool isUtf8Field = !isAscii(field->whole) && isUtf8(field->whole);
    if (how.toAscii && isUtf8Field) out += downgradedField(*field);
    else appendPlain(field->whole, false, out);
  }
  if (how.encoding.empty()) {
    appendPlain(block.substr(at), how.toAscii, out);
    return out;
  }
  if (!out.empty() && out.back() != '\n') out += "\r\n";
  if (how.isMessage && !hasVersion) out += "MIME-Version: 1.0\r\n";
  return out.append("Content-Transfer-Encoding: ").append(how.encoding).append("\r\n\r\n");
}

}  // namespace mox::message
