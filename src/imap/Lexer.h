// Lexer: the terminals of the IMAP grammar over one cut command, RFC 9051 §9.
//
// Internal to the room. Each method takes what it names and returns true, or
// records a reason (the first one stays) and returns false; so grammar reads
// as a chain of &&. peek-like methods (`take…`) only return false.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/Limits.h"
#include "imap/CommandReader.h"
#include "imap/Flags.h"
#include "imap/NumberSet.h"

namespace mox::imap {

/// RFC 9051 §9 ATOM-CHAR: CHAR without ( ) { SP CTL % * " \ ].
constexpr bool isAtomChar(char c) {
  if (c <= ' ' || c == 0x7f) return false;  // char is signed here or not: octets above 127 are checked next
  if (static_cast<unsigned char>(c) > 0x7f) return false;
  switch (c) {
    case '(': case ')': case '{': case '%': case '*': case '"': case '\\': case ']': return false;
    default: return true;
  }
}
constexpr bool isAstringChar(char c) { return isAtomChar(c) || c == ']'; }
constexpr bool isListChar(char c) { return isAstringChar(c) || c == '%' || c == '*'; }
constexpr bool isTagChar(char c) { return isAstringChar(c) && c != '+'; }

class Lexer {
 public:
  /// `framed` must outlive the lexer.
  Lexer(const Framed& framed, bool utf8) : framed_(framed), text_(framed.text), utf8_(utf8) {}

  bool fail(std::string_view reason);
  /// `used` of what the limit bounds: false, with the limit as the reason, if that is too many.
  bool within(const Limit& limit, std::size_t used);
  const std::string& reason() const { return reason_; }
  /// Null if the reason is another.
  const Limit* limit() const { return limit_; }

  bool atEnd() const { return at_ == text_.size(); }
  /// Next octet, NUL at the end.
  char peek() const { return atEnd() ? '\0' : text_[at_]; }
  std::string_view rest() const { return text_.substr(at_); }
  bool utf8() const { return utf8_; }
  const Framed& framed() const { return framed_; }

  bool end();
  bool take(char c);
  bool expect(char c);
  bool space() { return expect(' '); }
  /// `word` (any case) if what follows it is no atom character.
  bool takeWord(std::string_view word);
  /// The same after a space; takes both or nothing.
  bool takeSpaceWord(std::string_view word);

  bool tag(std::string& out);
  bool atom(std::string& out);
  /// An atom in upper case.
  bool upperAtom(std::string& out);
  /// Letters, digits, "." and "-" in upper case, at least one: names of data items.
  bool itemName(std::string& out);
  bool astring(std::string& out);
  bool string(std::string& out);
  bool nstring(std::optional<std::string>& out);
  /// nstring or literal8.
  bool nstringOrBinary(std::optional<std::string>& out, bool& binary);
  bool mailbox(std::string& out);
  /// list-mailbox: with % and * in bare form.
  bool pattern(std::string& out);

  bool number(std::uint32_t& out);
  bool nzNumber(std::uint32_t& out);
  /// Up to 2^63-1.
  bool number64(std::uint64_t& out);
  bool nzNumber64(std::uint64_t& out);
  /// `$` allowed.
  bool sequenceSet(SequenceSet& out);
  /// uid-set or sequence-set without `*` and `$`.
  bool knownSet(NumberSet& out);
  /// date-text, quoted or not, as days since 1970-01-01.
  bool date(int& days);
  /// "(flag flag)".
  bool flagList(Flags& out);
  /// One flag or keyword.
  bool flag(Flags& out);

 private:
  /// For reasons. What stands there is not told: it may be a password, and reasons are logged.
  std::string place() const;
  bool quoted(std::string& out);
  bool literal(std::string& out, bool allowBinary);
  bool decodeName(std::string& name);
  std::string_view span(bool (*accept)(char));

  const Framed& framed_;
  std::string_view text_;
  bool utf8_;
  std::size_t at_ = 0;
  std::size_t nextLiteral_ = 0;
  std::string reason_;
  const Limit* limit_ = nullptr;
};

/// "(" item *(SP item) ")"; `item` is called for each. Empty lists only if `mayBeEmpty`.
template <class Item>
bool list(Lexer& lexer, Item item, bool mayBeEmpty = false) {
  if (!lexer.expect('(')) return false;
  if (mayBeEmpty && lexer.take(')')) return true;
  do {
    if (!item()) return false;
  } while (lexer.take(' '));
  return lexer.expect(')');
}

}  // namespace mox::imap
