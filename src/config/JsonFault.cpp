// A recursive descent over RFC 8259 that builds nothing. Poco reads the configuration; it does not tell where it stopped.
#include "config/JsonFault.h"

#include <algorithm>

#include "base/Text.h"
#include "config/Document.h"

namespace mox::config {

namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  std::optional<JsonFault> run() {
    if (value(0) && (blanks(), at_ < text_.size())) fault("expected nothing more after the end");
    return std::move(fault_);
  }

 private:
  /// False, so that a caller can return it.
  bool fault(std::string text) {
    auto line = 1 + std::count(text_.begin(), text_.begin() + static_cast<std::ptrdiff_t>(at_), '\n');
    fault_ = JsonFault{static_cast<int>(line), std::move(text)};
    return false;
  }

  bool expected(const std::string& what) { return fault("expected " + what + ", found " + found()); }
  std::string found() const { return at_ == text_.size() ? "the end" : "'" + printable(text_.substr(at_, 1)) + "'"; }

  void blanks() { at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size()); }
  bool is(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool take(char c) {
    if (!is(c)) return false;
    ++at_;
    return true;
  }

  bool value(int depth) {
    blanks();
    if (depth > maxDepth) return fault("nested too deep");
    if (is('{')) return object(depth);
    if (is('[')) return array(depth);
    if (is('"')) return string();
    if (is('-') || (at_ < text_.size() && isDigit(text_[at_]))) return number();
    return word();
  }

  bool object(int depth) {
    ++at_;
    if (blanks(), take('}')) return true;
    for (bool first = true;; first = false) {
      blanks();
      if (!is('"')) return expected(first ? "a key in quotes" : "a key in quotes after the comma");
      if (!string()) return false;
      if (blanks(), !take(':')) return expected("a colon after the key");
      if (!value(depth + 1)) return false;
      if (blanks(), take('}')) return true;
      if (!take(',')) return expected("a comma or }");
    }
  }

  bool array(int depth) {
    ++at_;
    if (blanks(), take(']')) return true;
    for (;;) {
      if (!value(depth + 1)) return false;
      if (blanks(), take(']')) return true;
      if (!take(',')) return expected("a comma or ]");
    }
  }

  /// Not past the end of its line: else a quote that is missing would be told of at the next one, somewhere below.
  bool string() {
    for (++at_; !take('"'); ++at_) {
      if (at_ == text_.size()) return fault("a text without its closing quote");
      auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '\n') return fault("a text without its closing quote in this line");
      if (c < 0x20) return fault("a control character in a text");
      if (c == '\\' && !escape()) return false;
    }
    return true;
  }

  /// Leaves its last character for the caller to pass.
  bool escape() {
    ++at_;
    if (at_ == text_.size() || std::string_view("\"\\/bfnrtu").find(text_[at_]) == std::string_view::npos) return fault("an escape that JSON does not have");
    if (text_[at_] != 'u') return true;
    auto digits = text_.substr(at_ + 1, 4);
    if (digits.size() < 4 || !fromHex(digits)) return fault("\\u without four hexadecimal digits");
    at_ += 4;
    return true;
  }

  bool digits() {
    auto from = at_;
    while (at_ < text_.size() && isDigit(text_[at_])) ++at_;
    return at_ > from || expected("a digit");
  }

  bool number() {
    take('-');
    if (take('0')) {
      if (at_ < text_.size() && isDigit(text_[at_])) return fault("a number that begins with 0");
    } else if (!digits()) {
      return false;
    }
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  bool word() {
    for (std::string_view word : {"true", "false", "null"}) {
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return true;
    }
    return expected("a value");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::optional<JsonFault> fault_;
};

}  // namespace

std::optional<JsonFault> findJsonFault(std::string_view text) { return Scanner(text).run(); }

}  // namespace mox::config
