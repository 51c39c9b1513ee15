#include "imap/Lexer.h"

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "imap/MailboxName.h"

namespace mox::imap {

bool Lexer::fail(std::string_view reason) {
  if (reason_.empty()) reason_ = reason;
  return false;
}

bool Lexer::within(const Limit& limit, std::size_t used) {
  if (used <= static_cast<std::size_t>(limit.value)) return true;
  if (reason_.empty()) limit_ = &limit;
  return fail("more than " + std::to_string(limit.value) + " " + std::string(limit.unit) + " (" + std::string(limit.name) + ")");
}

std::string Lexer::place() const {
  if (atEnd()) return " at the end of the command";
  return " at octet " + std::to_string(at_ + 1);
}

bool Lexer::end() {
  if (!atEnd()) return fail("unexpected text" + place());
  return true;
}

bool Lexer::take(char c) {
  if (atEnd() || text_[at_] != c) return false;
  ++at_;
  return true;
}

bool Lexer::expect(char c) {
  if (take(c)) return true;
  std::string wanted = c == ' ' ? "a space" : "\"" + std::string(1, c) + "\"";
  return fail("expected " + wanted + place());
}

bool Lexer::takeWord(std::string_view word) {
  if (!startsWithNoCase(rest(), word)) return false;
  if (at_ + word.size() < text_.size() && isAtomChar(text_[at_ + word.size()])) return false;
  at_ += word.size();
  return true;
}

bool Lexer::takeSpaceWord(std::string_view word) {
  if (peek() != ' ') return false;
  ++at_;
  if (takeWord(word)) return true;
  --at_;
  return false;
}

std::string_view Lexer::span(bool (*accept)(char)) {
  auto first = text_.begin() + static_cast<std::ptrdiff_t>(at_);
  auto last = std::find_if_not(first, text_.end(), accept);
  auto found = text_.substr(at_, static_cast<std::size_t>(last - first));
  at_ += found.size();
  return found;
}

bool Lexer::tag(std::string& out) {
  out = span(isTagChar);
  return !out.empty() || fail("expected a tag");
}

bool Lexer::atom(std::string& out) {
  out = span(isAtomChar);
  return !out.empty() || fail("expected an atom" + place());
}

bool Lexer::upperAtom(std::string& out) {
  if (!atom(out)) return false;
  out = upper(out);
  return true;
}

bool Lexer::itemName(std::string& out) {
  out = upper(span([](char c) { return isAlpha(c) || isDigit(c) || c == '.' || c == '-'; }));
  return !out.empty() || fail("expected a name" + place());
}

bool Lexer::quoted(std::string& out) {
  if (!expect('"')) return false;
  out.clear();
  for (; !atEnd(); ++at_) {
    char c = text_[at_];
    if (c == '"') {
      ++at_;
      if (isAscii(out)) return true;
      if (!utf8_) return fail("8-bit octets in a quoted string need UTF8=ACCEPT or IMAP4rev2");
      return isUtf8(out) || fail("quoted string is not UTF-8");
    }
    if (c == '\\') {
      // quoted-specials are the only ones that may be escaped.
      ++at_;
      if (peek() != '"' && peek() != '\\') return fail("only \\\" and \\\\ may be escaped in a quoted string");
      c = text_[at_];
    }
    if (c == '\r' || c == '\n' || c == '\0') return fail("CR, LF or NUL in a quoted string");
    out += c;
  }
  return fail("quoted string without end");
}

bool Lexer::literal(std::string& out, bool allowBinary) {
  bool binary = take('~');
  if (binary && !allowBinary) return fail("literal8 is not allowed here");
  if (!expect('{')) return false;
  auto close = rest().find("}\r\n");
  if (close == std::string_view::npos || nextLiteral_ >= framed_.literals.size()) return fail("literal header inside a line");
  auto size = rest().substr(0, close);
  if (!std::all_of(size.begin(), size.end(), [](char c) { return isDigit(c) || c == '+'; })) return fail("malformed literal header");
  at_ += close + 3;
  out = framed_.literals[nextLiteral_++];
  if (!binary && out.find('\0') != std::string::npos) return fail("NUL in a literal");
  return true;
}

bool Lexer::string(std::string& out) {
  if (peek() == '"') return quoted(out);
  if (peek() == '{') return literal(out, false);
  return fail("expected a string" + place());
}

bool Lexer::astring(std::string& out) {
  if (peek() == '"' || peek() == '{') return string(out);
  out = span(isAstringChar);
  return !out.empty() || fail("expected a string" + place());
}

bool Lexer::nstring(std::optional<std::string>& out) {
  if (takeWord("NIL")) {
    out.reset();
    return true;
  }
  return string(out.emplace());
}

bool Lexer::nstringOrBinary(std::optional<std::string>& out, bool& binary) {
  binary = peek() == '~';
  if (binary) return literal(out.emplace(), true);
  return nstring(out);
}

bool Lexer::decodeName(std::string& name) {
  if (utf8_) return isUtf8(name) || fail("mailbox name is not UTF-8");
  auto decoded = decodeModifiedUtf7(name);
  if (!decoded) return fail("mailbox name is not modified UTF-7");
  name = std::move(*decoded);
  return true;
}

bool Lexer::mailbox(std::string& out) { return astring(out) && decodeName(out); }

bool Lexer::pattern(std::string& out) {
  if (peek() == '"' || peek() == '{') return string(out) && decodeName(out);
  out = span(isListChar);
  if (out.empty()) return fail("expected a mailbox pattern" + place());
  return decodeName(out);
}

bool Lexer::number64(std::uint64_t& out) {
  auto digits = span(isDigit);
  auto value = parseUnsigned(digits);
  if (!value || *value > 0x7fffffffffffffff) return fail("expected a number up to 2^63-1");
  out = *value;
  return true;
}

bool Lexer::nzNumber64(std::uint64_t& out) {
  if (peek() == '0') return fail("number must not start with 0");
  return number64(out);
}

bool Lexer::number(std::uint32_t& out) {
  std::uint64_t value = 0;
  if (!number64(value)) return false;
  if (value > 0xffffffff) return fail("number beyond 32 bits");
  out = static_cast<std::uint32_t>(value);
  return true;
}

bool Lexer::nzNumber(std::uint32_t& out) {
  if (peek() == '0') return fail("number must not start with 0");
  return number(out);
}

bool Lexer::sequenceSet(SequenceSet& out) {
  auto text = span([](char c) { return isDigit(c) || c == ':' || c == '*' || c == ',' || c == '$'; });
  auto set = SequenceSet::parse(text);
  if (!set) return fail("expected a set of numbers");
  out = std::move(*set);
  return true;
}

bool Lexer::knownSet(NumberSet& out) {
  SequenceSet set;
  if (!sequenceSet(set)) return false;
  if (set.isSaved() || set.hasStar()) return fail("* and $ are not allowed in this set");
  out = set.numbers();
  return true;
}

bool Lexer::date(int& days) {
  bool inQuotes = take('"');
  auto text = span([](char c) { return isAlpha(c) || isDigit(c) || c == '-'; });
  auto value = parseImapDate(text);
  if (!value) return fail("expected a date such as 1-Feb-1994");
  days = *value;
  return !inQuotes || expect('"');
}

bool Lexer::flag(Flags& out) {
  auto start = at_;
  bool isSystemFlag = take('\\');
  std::string word;
  if (!atom(word)) return fail("expected a flag");
  if (!isSystemFlag && !within(keywordBytes, word.size())) return false;
  word = text_.substr(start, at_ - start);
  return out.add(word) || fail("unknown flag " + printable(word, 40));
}

bool Lexer::flagList(Flags& out) {
  return list(*this, [&] { return flag(out); }, true);
}

}  // namespace mox::imap
