// HeaderFields: the fields of a header block one after the other, as views.
//
// RFC 5322 §2.2 and the obsolete forms of §4.5: CRLF or LF, white space before
// the colon. An mbox "From " line is passed over (trace fields may have been put
// in front of it), and so is white space before any field; the first line that is neither field nor continuation ends
// the header, as lenient readers do. parse() and this agree on every line,
// because both ask classifyHeaderLine.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mox::message {

/// Octets a field name may have; longer ones are no field. RFC 5322 §2.1.1.
inline constexpr std::size_t maxFieldName = 998;

enum class HeaderLine {
  field,         ///< starts a field
  continuation,  ///< belongs to the field before
  blank,         ///< ends the header
  ignored,       ///< mbox line, or a continuation of nothing
  none,          ///< no header line: ends the header and is the first line of the body
};

/// `line` without its line end. `first`: no field came before it.
HeaderLine classifyHeaderLine(std::string_view line, bool first);
/// Up to CRLF or LF, which is left out. `next` becomes the offset of the next line.
std::string_view lineAt(std::string_view text, std::size_t at, std::size_t& next);

/// Views into the block.
struct HeaderField {
  std::string_view name;   ///< as written, without white space before the colon
  std::string_view value;  ///< after the colon: raw, folds included, without the last line end
  std::string_view whole;  ///< name to last line end

  bool is(std::string_view otherName) const;
};

class HeaderFields {
 public:
  /// `block` may go on with the body; only the header is read. It must outlive this and the fields.
  explicit HeaderFields(std::string_view block) : block_(block) {}
  /// The next field, or nothing at the end of the header.
  std::optional<HeaderField> next();

  /// After next() gave nothing: where the fields end, where the body starts, and if a blank line parts them.
  std::size_t end() const { return at_; }
  std::size_t bodyStart() const { return bodyStart_; }
  bool hasBlankLine() const { return hasBlankLine_; }

 private:
  std::string_view block_;
  std::size_t at_ = 0, bodyStart_ = 0;
  bool first_ = true, done_ = false, hasBlankLine_ = false;
};

/// The value of the first such field, raw.
std::optional<std::string_view> firstField(std::string_view block, std::string_view name);
/// How many such fields there are.
std::size_t countFields(std::string_view block, std::string_view name);
/// Without line ends and NUL, and trimmed. RFC 5322 §2.2.3.
std::string unfold(std::string_view value);

}  // namespace mox::message
