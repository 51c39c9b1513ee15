#include "imapserver/model/Wire.h"

#include <stdexcept>

#include "base/Text.h"

namespace mox::test::model {

namespace {

class Cursor {
 public:
  explicit Cursor(std::string_view bytes) : bytes_(bytes) {}

  bool atEnd() const { return at_ == bytes_.size(); }
  bool atLineEnd() const { return bytes_.substr(at_, 2) == "\r\n"; }
  std::size_t position() const { return at_; }
  std::string_view since(std::size_t start) const { return bytes_.substr(start, at_ - start); }
  char peek() const { return atEnd() ? '\0' : bytes_[at_]; }
  bool take(char c) {
    if (peek() != c) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view text) {
    if (bytes_.substr(at_, text.size()) != text) bad("expected \"" + std::string(text) + "\"");
    at_ += text.size();
  }
  std::string upTo(std::string_view stop) {
    auto end = bytes_.find(stop, at_);
    if (end == std::string_view::npos) bad("no end of line");
    auto out = std::string(bytes_.substr(at_, end - at_));
    at_ = end;
    return out;
  }

  Value value() {
    if (take('(')) return list();
    if (take('"')) return quoted();
    if (peek() == '{' || (peek() == '~' && bytes_.substr(at_, 2) == "~{")) return literal();
    return atom();
  }

  [[noreturn]] void bad(const std::string& why) const {
    throw std::runtime_error("response is malformed: " + why + " at: " + printable(bytes_.substr(at_, 80)));
  }

 private:
  Value list() {
    Value out{Value::Kind::list, "", {}};
    while (!take(')')) {
      if (!out.items.empty() && peek() != '(') expect(" ");  // "((…)(…))" of bodies and address lists
      out.items.push_back(value());
    }
    return out;
  }

  Value quoted() {
    Value out{Value::Kind::text, "", {}};
    while (!take('"')) {
      if (atEnd() || peek() == '\r' || peek() == '\n') bad("quoted string without end");
      if (peek() == '\\') ++at_;
      out.text += bytes_[at_++];
    }
    return out;
  }

  Value literal() {
    take('~');
    expect("{");
    auto size = parseUnsigned(upTo("}"));
    expect("}\r\n");
    if (!size || bytes_.size() - at_ < *size) bad("literal");
    Value out{Value::Kind::text, std::string(bytes_.substr(at_, *size)), {}};
    at_ += *size;
    return out;
  }

  /// Anything else up to a space or parenthesis; brackets hold together ("BODY[HEADER.FIELDS (A B)]").
  Value atom() {
    auto start = at_;
    int depth = 0;
    for (; !atEnd() && !atLineEnd(); ++at_) {
      char c = bytes_[at_];
      if (c == '[') ++depth;
      if (c == ']') --depth;
      if (depth == 0 && (c == ' ' || c == '(' || c == ')')) break;
    }
    if (at_ == start) bad("expected a value");
    std::string text(since(start));
    return {equalsNoCase(text, "NIL") ? Value::Kind::nil : Value::Kind::atom, text, {}};
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

bool isStatus(const Value& word) {
  for (auto name : {"OK", "NO", "BAD", "BYE", "PREAUTH"})
    if (word.is(name)) return true;
  return false;
}

Response parseOne(Cursor& in) {
  Response out;
  auto start = in.position();
  out.tag = in.upTo(" ");
  in.expect(" ");
  if (out.tag != "+") {
    while (!in.atLineEnd()) {
      if (!out.words.empty() && in.peek() != '(') in.expect(" ");  // "(1)(2)" of THREAD
      else in.take(' ');
      out.words.push_back(in.value());
      if (!isStatus(out.words.back()) || out.words.size() > 1) continue;
      in.expect(" ");
      if (in.take('[')) {
        out.code = in.upTo("] ");
        in.expect("] ");
      }
      in.upTo("\r\n");
      break;
    }
  }
  in.upTo("\r\n");
  out.line = in.since(start);
  in.expect("\r\n");
  return out;
}

}  // namespace

bool Value::is(std::string_view atom) const { return kind == Kind::atom && equalsNoCase(text, atom); }

std::uint64_t Value::number() const {
  auto parsed = kind == Kind::atom ? parseUnsigned(text) : std::nullopt;
  if (!parsed) throw std::runtime_error("expected a number, not " + text);
  return *parsed;
}

std::vector<Response> parseResponses(std::string_view output) {
  std::vector<Response> out;
  Cursor in(output);
  while (!in.atEnd()) out.push_back(parseOne(in));
  return out;
}

std::vector<std::uint32_t> parseSet(std::string_view text) {
  std::vector<std::uint32_t> out;
  for (auto range : split(text, ',')) {
    auto ends = split(range, ':');
    auto first = parseUnsigned(ends.at(0)), last = parseUnsigned(ends.back());
    if (!first || !last || ends.size() > 2 || *last < *first) throw std::runtime_error("not a set: " + std::string(text));
    for (auto n = *first; n <= *last; ++n) out.push_back(static_cast<std::uint32_t>(n));
  }
  return out;
}

std::string formatSet(const std::vector<std::uint32_t>& numbers) {
  std::string out;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t end = i;
    while (end + 1 < numbers.size() && numbers[end + 1] == numbers[end] + 1) ++end;
    out += (out.empty() ? "" : ",") + std::to_string(numbers[i]);
    if (end > i) out += ":" + std::to_string(numbers[end]);
    i = end + 1;
  }
  return out;
}

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  for (auto word : split(text, ' '))
    if (!word.empty()) out.emplace_back(word);
  return out;
}

}  // namespace mox::test::model
