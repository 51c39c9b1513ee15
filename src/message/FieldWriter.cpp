#include "message/FieldWriter.h"

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Charset.h"

namespace mox::message {

namespace {

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

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += isControl(c) ? ' ' : c;
  }
  return out + "\"";
}

}  // namespace mox::message
