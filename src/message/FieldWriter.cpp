#include "message/FieldWriter.h"

#include <vector>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Charset.h"

namespace mox::message {

namespace {

constexpr std::size_t longestParameter = 60;  ///< octets of a value before it is cut in pieces

/// RFC 2231 §4 attribute-char.
bool isAttributeChar(char c) { return isAlpha(c) || isDigit(c) || std::string_view("!#$&+-.^_`{|}~").find(c) != std::string_view::npos; }

bool isControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

}  // namespace

FieldWriter::FieldWriter(std::string_view name) : out_(name), column_(name.size() + 1) { out_ += ':'; }

void FieldWriter::put(std::string_view text) {
  for (char c : text) {
    // A line longer than this is cut on the way by others; a space in a word is the lesser harm.
    if (column_ >= maxLine && (static_cast<unsigned char>(c) & 0xc0) != 0x80) {
      out_ += "\r\n ";
      column_ = 1;
    }
    out_ += isControl(c) ? ' ' : c;
    ++column_;
  }
}

FieldWriter& FieldWriter::word(std::string_view text) {
  if (text.empty()) return *this;
  if (hasWord_ && column_ + 1 + text.size() > foldAt) {
    out_ += "\r\n";
    column_ = 0;
  }
  // A fold keeps the space, so that unfolding gives the text back.
  put(" ");
  put(text);
  hasWord_ = true;
  return *this;
}

FieldWriter& FieldWriter::glue(std::string_view text) {
  put(text);
  return *this;
}

FieldWriter& FieldWriter::words(std::string_view text) {
  for (auto one : split(trim(text), ' ')) {
    if (one.empty()) glue(" ");  // a run of spaces stays one
    else word(one);
  }
  return *this;
}

/// Never a piece that breaks an escape in two.
FieldWriter& FieldWriter::extendedParameter(std::string_view name, std::string_view value) {
  auto text = extendedValue(value);
  std::vector<std::string> pieces{""};
  for (std::size_t at = 0; at < text.size();) {
    auto size = text[at] == '%' ? std::size_t{3} : std::size_t{1};
    if (pieces.back().size() + size > longestParameter) pieces.emplace_back();
    pieces.back().append(text, at, size);
    at += size;
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    auto section = pieces.size() == 1 ? std::string() : "*" + std::to_string(i);
    glue(";").word(std::string(name) + section + "*=" + pieces[i]);
  }
  return *this;
}

std::string FieldWriter::end() {
  out_ += "\r\n";
  return std::move(out_);
}

std::string safeText(std::string_view text, std::size_t limit, bool utf8) {
  std::string out;
  bool keep = utf8 && isUtf8(text);
  for (char c : text) {
    if (out.size() > limit + 4) break;
    bool ascii = static_cast<unsigned char>(c) < 0x80;
    if (isControl(c) || c == ' ') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += ascii || keep ? c : '?';
    }
  }
  // C1 controls and direction marks would let a peer disguise what a person reads.
  if (keep && !isPlainUtf8(cutUtf8(out, limit))) return safeText(text, limit, false);
  if (out.size() > limit) out = std::string(cutUtf8(out, limit)) + "...";
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string comment(std::string_view text, std::size_t limit, bool utf8) {
  std::string out = "(";
  for (char c : safeText(text, limit, utf8)) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out + ")";
}

std::string extendedValue(std::string_view utf8Text) {
  std::string out = "utf-8''";
  for (char c : utf8Text) {
    if (isAttributeChar(c)) out += c;
    else out += "%" + upper(hex(std::string_view(&c, 1)));
  }
  return out;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += isControl(c) ? ' ' : c;
  }
  return out + "\"";
}

}  // namespace mox::message
