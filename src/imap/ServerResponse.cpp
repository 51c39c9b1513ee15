#include "imap/ServerResponse.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::imap {

namespace {

constexpr std::string_view conditions[] = {"OK", "NO", "BAD", "BYE", "PREAUTH"};

/// Reads values; after a failure `ok` is false and what it gives means nothing.
class Values {
 public:
  explicit Values(std::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  bool atEnd() const { return at_ >= text_.size(); }
  bool take(char c) {
    if (atEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  ResponseValue value(int depth) {
    if (take('(')) return list(depth + 1);
    if (take('"')) return quoted();
    auto rest = text_.substr(at_);
    if (rest.starts_with('{') || rest.starts_with("~{")) return literal();
    return atom();
  }

 private:
  ResponseValue broken() {
    ok_ = false;
    return {};
  }

  ResponseValue list(int depth) {
    ResponseValue out{ResponseValue::Kind::list, "", {}};
    if (depth > maxResponseDepth) return broken();
    while (ok_ && !take(')')) {
      if (atEnd()) return broken();
      if (!out.items.empty()) take(' ');  // none between the addresses of a list
      if (take(')')) break;               // a space before the end: some servers do
      out.items.push_back(value(depth));
    }
    return out;
  }

  ResponseValue quoted() {
    ResponseValue out{ResponseValue::Kind::string, "", {}};
    while (!take('"')) {
      if (!atEnd() && text_[at_] == '\\') ++at_;
      if (atEnd()) return broken();
      out.text += text_[at_++];
    }
    return out;
  }

  ResponseValue literal() {
    auto end = text_.find("}\r\n", at_);
    auto size = end == std::string_view::npos ? std::nullopt : literalAtEnd(text_.substr(at_, end + 1 - at_));
    if (!size || *size > text_.size() - (end + 3)) return broken();
    ResponseValue out{ResponseValue::Kind::string, std::string(text_.substr(end + 3, static_cast<std::size_t>(*size))), {}};
    at_ = end + 3 + static_cast<std::size_t>(*size);
    return out;
  }

  /// Up to a space or parenthesis outside of brackets: "BODY[HEADER.FIELDS (DATE)]" is one.
  ResponseValue atom() {
    auto start = at_;
    int brackets = 0;
    for (; !atEnd(); ++at_) {
      char c = text_[at_];
      if (c == '\r' || c == '\n' || c == '\0') return broken();
      if (c == '[') ++brackets;
      if (c == ']' && brackets > 0) --brackets;
      if (brackets == 0 && (c == ' ' || c == '(' || c == ')')) break;
    }
    if (at_ == start) return broken();
    ResponseValue out{ResponseValue::Kind::atom, std::string(text_.substr(start, at_ - start)), {}};
    if (equalsNoCase(out.text, "NIL")) out.kind = ResponseValue::Kind::nil;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace

bool ResponseValue::is(std::string_view word) const { return kind == Kind::atom && equalsNoCase(text, word); }
std::optional<std::uint64_t> ResponseValue::number() const { return kind == Kind::atom ? parseUnsigned(text) : std::nullopt; }

Result<ServerResponse> parseServerResponse(std::string_view response) {
  ServerResponse out;
  auto parts = cut(response, ' ');
  out.tag = parts ? parts->first : response;
  auto rest = parts ? parts->second : std::string_view();
  if (out.tag.empty() || !isOneLine(out.tag)) return fail(Errc::syntax, "a response without a tag");
  if (out.tag == "+") {
    out.text = rest;
    return out;
  }
  auto word = upper(rest.substr(0, rest.find(' ')));
  if (std::find(std::begin(conditions), std::end(conditions), word) != std::end(conditions)) {
    out.condition = word;
    out.text = rest.size() > word.size() ? rest.substr(word.size() + 1) : "";
    return out;
  }
  if (out.tag != "*") return fail(Errc::syntax, "a tagged response that is neither OK, NO nor BAD");
  Values values(rest);
  while (values.ok() && !values.atEnd()) {
    if (!out.values.empty() && !values.take(' ')) return fail(Errc::syntax, "a response with values that nothing divides");
    if (values.atEnd()) break;
    out.values.push_back(values.value(0));
  }
  if (!values.ok() || out.values.empty()) return fail(Errc::syntax, "a malformed response: " + printable(response, 80));
  return out;
}

std::optional<std::uint64_t> literalAtEnd(std::string_view line) {
  if (!line.ends_with('}')) return std::nullopt;
  auto open = line.rfind('{');
  if (open == std::string_view::npos) return std::nullopt;
  auto digits = line.substr(open + 1, line.size() - open - 2);
  if (digits.ends_with('+')) digits.remove_suffix(1);
  return parseUnsigned(digits);
}

std::optional<std::string> quotedArgument(std::string_view text, bool utf8) {
  if (!isOneLine(text) || !(utf8 ? isUtf8(text) : isAscii(text))) return std::nullopt;
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace mox::imap
