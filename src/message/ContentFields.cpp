#include "message/ContentFields.h"

#include <algorithm>
#include <map>

#include "base/Text.h"
#include "message/Charset.h"
#include "message/FieldLexer.h"

namespace mox::message {

namespace {

/// One "name=value" as written. `section` is the index of an RFC 2231 §3 continuation.
struct RawParameter {
  std::string name;  ///< lower case, without "*0" and "*"
  std::string value;
  std::optional<unsigned> section;
  bool extended = false;  ///< name ended in "*": percent encoded, charset in front of the first
};

int hexValue(char c) {
  if (isDigit(c)) return c - '0';
  char l = asciiLower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

std::string percentDecode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hexValue(text[i + 1]) >= 0 && hexValue(text[i + 2]) >= 0) {
      out += static_cast<char>(hexValue(text[i + 1]) * 16 + hexValue(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

/// Splits "title*1*" into title, 1 and extended. Indices with leading zeros or beyond the limit are no indices, so
/// such a parameter is dropped by giving an empty name.
void splitName(std::string_view written, RawParameter& out) {
  if (written.ends_with('*')) {
    out.extended = true;
    written.remove_suffix(1);
  }
  auto star = written.find('*');
  out.name = lower(written.substr(0, star));
  if (star == std::string_view::npos) return;
  auto index = written.substr(star + 1);
  auto number = index.size() <= 3 ? parseUnsigned(index) : std::nullopt;
  if (!number || *number >= maxParameters || (index.size() > 1 && index[0] == '0')) out.name.clear();
  else out.section = static_cast<unsigned>(*number);
}

bool hasNul(std::string_view value) { return value.find('\0') != std::string_view::npos; }

/// NUL is nowhere in a header (RFC 5322 §2.2). It is read as if it were not there, names and all, since readers that take no
/// NUL are shown the header so: a parameter "bound<NUL>ary" that counted for nothing here would be a boundary to them.
std::string withoutNul(std::string_view value) {
  std::string out(value);
  std::erase(out, '\0');
  return out;
}

/// A value without quotes. Blanks within go on with the value unless a new "name=" starts: senders write
/// `name=My File.pdf`, and `a=b c=d` without semicolon.
std::string bareValue(FieldLexer& lexer) {
  std::string out(lexer.run(valueEnds));
  while (true) {
    FieldLexer ahead = lexer;
    if (!ahead.skipCfws()) return out;
    auto word = ahead.run(valueEnds);
    if (word.empty() || word.find('=') != std::string_view::npos) return out;
    out += ' ';
    out += word;
    lexer = ahead;
  }
}

std::vector<RawParameter> rawParameters(FieldLexer& lexer) {
  std::vector<RawParameter> out;
  while (out.size() < maxParameters) {
    lexer.skipCfws();
    if (lexer.atEnd()) break;
    RawParameter parameter;
    auto name = lexer.run(nameEnds);
    lexer.skipCfws();
    if (name.empty() || !lexer.take('=')) {
      // Not a parameter: on to the next semicolon, and past it.
      if (name.empty() && lexer.take(';')) continue;
      lexer.skipTo(';');
      continue;
    }
    splitName(name, parameter);
    lexer.skipCfws();
    parameter.value = lexer.peek() == '"' ? lexer.quotedString() : bareValue(lexer);
    if (!parameter.name.empty()) out.push_back(std::move(parameter));
  }
  return out;
}

/// What is known of one name: RFC 2231 forms win over the plain one, which is there for old readers.
struct Collected {
  std::optional<std::string> plain, whole;
  bool isExtended() const { return std::any_of(sections.begin(), sections.end(), [](const auto& piece) { return piece.second->extended; }); }
  std::map<unsigned, const RawParameter*> sections;  ///< the first of each index counts
};

/// Octets that were percent encoded may be any: those that no value may hold are dropped.
std::string toText(std::string bytes, std::string_view charset) {
  std::string out = charset.empty() ? std::move(bytes) : charsetToUtf8(bytes, charset);
  std::erase_if(out, [](char c) { return c == '\0' || c == '\r' || c == '\n'; });
  return out;
}

std::string decodeExtended(std::string_view value) {
  auto charset = cut(value, '\'');
  auto language = charset ? cut(charset->second, '\'') : std::nullopt;
  if (!language) return toText(percentDecode(value), "");
  return toText(percentDecode(language->second), charset->first);
}

/// Pieces 0, 1, 2, ... up to the first that is missing.
std::string joinSections(const std::map<unsigned, const RawParameter*>& sections) {
  std::string bytes;
  std::string charset;
  unsigned expected = 0;
  for (const auto& [index, piece] : sections) {
    if (index != expected++) break;
    std::string_view value = piece->value;
    if (index == 0 && piece->extended) {
      auto first = cut(value, '\'');
      auto second = first ? cut(first->second, '\'') : std::nullopt;
      if (second) {
        charset = std::string(first->first);
        value = second->second;
      }
    }
    bytes += piece->extended ? percentDecode(value) : std::string(value);
  }
  return toText(std::move(bytes), charset);
}

std::vector<Parameter> parameters(FieldLexer& lexer) {
  auto raw = rawParameters(lexer);
  std::vector<std::string> order;
  std::map<std::string, Collected> byName;
  for (const auto& one : raw) {
    auto [at, isNew] = byName.try_emplace(one.name);
    if (isNew) order.push_back(one.name);
    if (one.section) at->second.sections.try_emplace(*one.section, &one);
    else if (one.extended && !at->second.whole) at->second.whole = decodeExtended(one.value);
    else if (!one.extended && !at->second.plain) at->second.plain = one.value;
  }
  std::vector<Parameter> out;
  for (const auto& name : order) {
    auto& found = byName[name];
    if (found.whole) out.push_back({name, std::move(*found.whole), true});
    else if (found.sections.contains(0)) out.push_back({name, joinSections(found.sections), found.isExtended()});
    else if (found.plain) out.push_back({name, std::move(*found.plain)});
  }
  return out;
}

}  // namespace

std::optional<ContentType> contentType(std::string_view value) {
  if (hasNul(value)) return contentType(withoutNul(value));
  FieldLexer lexer(value);
  lexer.skipCfws();
  auto type = lexer.run(nameEnds);
  lexer.skipCfws();
  if (type.empty() || !lexer.take('/')) return std::nullopt;
  lexer.skipCfws();
  auto subtype = lexer.run(nameEnds);
  if (subtype.empty()) return std::nullopt;
  ContentType out{lower(type), lower(subtype), {}};
  lexer.skipTo(';');
  out.parameters = parameters(lexer);
  return out;
}

std::optional<Disposition> contentDisposition(std::string_view value) {
  if (hasNul(value)) return contentDisposition(withoutNul(value));
  FieldLexer lexer(value);
  lexer.skipCfws();
  // Some senders quote it.
  auto type = lexer.peek() == '"' ? lexer.quotedString() : std::string(lexer.run(nameEnds));
  if (type.empty()) return std::nullopt;
  Disposition out{lower(type), {}};
  lexer.skipTo(';');
  out.parameters = parameters(lexer);
  return out;
}

std::string firstToken(std::string_view value) {
  if (hasNul(value)) return firstToken(withoutNul(value));
  FieldLexer lexer(value);
  lexer.skipCfws();
  auto token = lexer.peek() == '"' ? lexer.quotedString() : std::string(lexer.run(nameEnds));
  return lower(token);
}

std::vector<std::string> languageTags(std::string_view value) {
  if (hasNul(value)) return languageTags(withoutNul(value));
  std::vector<std::string> out;
  FieldLexer lexer(value);
  while (lexer.skipCfws(), !lexer.atEnd() && out.size() < maxParameters) {
    std::string tag(lexer.run(nameEnds));
    if (!tag.empty()) out.push_back(std::move(tag));
    else lexer.skip();
  }
  return out;
}

}  // namespace mox::message
