// FieldLexer: the tokens of structured header fields. RFC 5322 §3.2, RFC 2045 §5.1.
//
// Works on the raw value, folds included: folding white space and comments are
// skipped in one place. Takes any bytes, never fails, never recurses (comments
// are counted), and each octet is looked at once. The value must outlive it.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace mox::message {

/// A set of octets, for lookup in one step.
class OctetSet {
 public:
  constexpr explicit OctetSet(std::string_view members) {
    for (char c : members) has_[static_cast<unsigned char>(c)] = true;
  }
  constexpr bool has(char c) const { return has_[static_cast<unsigned char>(c)]; }

 private:
  std::array<bool, 256> has_{};
};

/// RFC 5322 §3.2.3 specials: what ends an atom, next to white space.
inline constexpr OctetSet specials{"()<>[]:;@\\,.\" \t\r\n"};
/// What ends an unquoted parameter value as senders write them: "/", "=", "?", ":" and "@" are let through although
/// RFC 2045 wants them quoted, because boundaries and file names without quotes hold them.
inline constexpr OctetSet valueEnds{"();\" \t\r\n"};
/// What ends a parameter's name or a type.
inline constexpr OctetSet nameEnds{"()<>@,;:\\\"/[]?= \t\r\n"};

class FieldLexer {
 public:
  explicit FieldLexer(std::string_view value) : text_(value) {}

  bool atEnd() const { return at_ >= text_.size(); }
  /// NUL at the end.
  char peek() const { return atEnd() ? '\0' : text_[at_]; }
  bool take(char c);
  void skip() { at_ += atEnd() ? 0 : 1; }
  /// Skips folding white space and comments; true if there was any.
  bool skipCfws();
  /// Goes to the next `c` outside quoted strings and comments, or to the end. Does not take it.
  void skipTo(char c);

  /// Octets up to the next member of `ends`; may be empty.
  std::string_view run(const OctetSet& ends);
  /// At a quote: its content without backslashes and line ends. A missing last quote is taken as if it were there.
  std::string quotedString();
  /// At "[": up to and with "]", white space left out.
  std::string domainLiteral();
  /// The text of the last comment skipped since the last call, without outer parentheses and backslashes.
  std::optional<std::string> lastComment();
  /// False once a quoted string, comment or literal had no end.
  bool wellFormed() const { return wellFormed_; }

 private:
  void skipComment();

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t commentStart_ = 0, commentEnd_ = 0;  ///< of the last comment, content only; equal if none
  bool wellFormed_ = true;
};

}  // namespace mox::message
