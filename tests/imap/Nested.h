// A reader of nested lists of nstrings and numbers as a client has one: for what the server renders. Strict.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Text.h"

namespace mox::imap::test {

struct Nested {
  bool isList = false;
  std::vector<Nested> items;
  std::optional<std::string> text;  ///< nothing: NIL, or a list
};

class NestedReader {
 public:
  explicit NestedReader(std::string_view text) : text_(text) {}

  /// Items of a list may stand without a space only after ")" and before "(".
  bool value(Nested& out, unsigned depth = 0) {
    if (depth > 300 || at_ >= text_.size()) return false;
    char c = text_[at_];
    if (c == '(') return list(out, depth);
    if (c == '"') return quoted(out.text.emplace());
    if (c == '{') return literal(out.text.emplace());
    if (text_.substr(at_, 3) == "NIL") return at_ += 3, true;
    auto& digits = out.text.emplace();
    while (at_ < text_.size() && isDigit(text_[at_])) digits += text_[at_++];
    return !digits.empty();
  }
  bool atEnd() const { return at_ == text_.size(); }

 private:
  bool list(Nested& out, unsigned depth) {
    out.isList = true;
    ++at_;
    for (;;) {
      if (!value(out.items.emplace_back(), depth + 1) || at_ >= text_.size()) return false;
      if (text_[at_] == ')') return ++at_, true;
      bool glued = out.items.back().isList && text_[at_] == '(';
      if (!glued && text_[at_++] != ' ') return false;
    }
  }
  bool quoted(std::string& out) {
    for (++at_; at_ < text_.size(); ++at_) {
      char c = text_[at_];
      if (c == '"') return ++at_, true;
      if (c == '\\' && ++at_ < text_.size()) c = text_[at_];
      if (c == '\r' || c == '\n' || c == '\0' || static_cast<unsigned char>(c) > 0x7f) return false;
      out += c;
    }
    return false;
  }
  bool literal(std::string& out) {
    auto close = text_.find("}\r\n", at_);
    if (close == std::string_view::npos) return false;
    auto size = parseUnsigned(text_.substr(at_ + 1, close - at_ - 1));
    at_ = close + 3;
    if (!size || *size > text_.size() - at_) return false;
    out = text_.substr(at_, static_cast<std::size_t>(*size));
    at_ += out.size();
    return out.find('\0') == std::string::npos;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

/// Nothing if `text` is not exactly one value.
inline std::optional<Nested> readNested(std::string_view text) {
  NestedReader reader(text);
  Nested out;
  if (!reader.value(out) || !reader.atEnd()) return std::nullopt;
  return out;
}

}  // namespace mox::imap::test
