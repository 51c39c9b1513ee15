// FieldWriter: one header field, folded. RFC 5322 §2.1.1, §2.2.3.
//
// Whatever goes in, one field comes out: CR, LF, NUL and other controls become
// spaces here, so no caller can let a peer add fields. Callers that want to refuse such
// text do so before (Compose.h).
#pragma once

#include <string>
#include <string_view>

namespace mox::message {

/// Octets of a line at which it is folded where it can be, and where it must be. RFC 5322 §2.1.1.
inline constexpr std::size_t foldAt = 78;
inline constexpr std::size_t maxLine = 998;

class FieldWriter {
 public:
  /// `name` is ours, never a peer's.
  explicit FieldWriter(std::string_view name);

  /// A space, where the field may be folded, then the text as one piece (but never past maxLine).
  FieldWriter& word(std::string_view text);
  /// Right behind what is there.
  FieldWriter& glue(std::string_view text);
  /// Each word of a text; runs of spaces are kept.
  FieldWriter& words(std::string_view text);
  /// "; name*=utf-8''value", in pieces "name*0*=" if it is long. RFC 2231 §3, §4. `name` is a token, `value` UTF-8.
  FieldWriter& extendedParameter(std::string_view name, std::string_view value);
  /// The field, with CRLF.
  std::string end();

 private:
  void put(std::string_view text);

  std::string out_;
  std::size_t column_ = 0;
  bool hasWord_ = false;
};

/// One line that is safe in any header: controls as spaces (runs as one), ASCII unless `utf8` (else "?"), trimmed,
/// at most `limit` octets with "..." at a cut.
std::string safeText(std::string_view text, std::size_t limit, bool utf8 = false);
/// As a comment "(...)": parentheses and backslashes escaped.
std::string comment(std::string_view text, std::size_t limit = 200, bool utf8 = false);
/// "utf-8''" and the text with percent escapes. RFC 2231 §4.
std::string extendedValue(std::string_view utf8Text);
/// In quotes, quotes and backslashes escaped. RFC 5322 §3.2.4.
std::string quoted(std::string_view text);

}  // namespace mox::message
