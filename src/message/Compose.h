// Messages we write: header fields and MIME parts. RFC 5322, RFC 2045–2047, RFC 2231, RFC 6532.
//
// No CR, LF or NUL can get into a header: values are either typed (Address,
// Domain, Time) or refused with a Result. Without `utf8` every header is ASCII:
// words are encoded, domains written as A-labels, and an address beyond ASCII
// is refused, for it has no ASCII form.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Random.h"
#include "base/Result.h"
#include "message/Parsed.h"

namespace mox::message {

/// Octets of a header value; longer ones are refused.
inline constexpr std::size_t maxFieldValue = 64 << 10;
/// Octets of a text line as it is; a longer one makes the part quoted-printable. RFC 5322 §2.1.1.
inline constexpr std::size_t maxBodyLine = 998;

struct NamedAddress {
  std::string name;  ///< UTF-8, may be empty
  Address address;
};

/// The header of a message, field by field, in the order of the calls.
class HeaderBuilder {
 public:
  explicit HeaderBuilder(bool utf8) : utf8_(utf8) {}

  /// Unstructured, such as Subject. UTF-8 on one line.
  Result<void> text(std::string_view name, std::string_view value);
  /// Written as it is and folded at its spaces: the caller knows the field's grammar.
  Result<void> structured(std::string_view name, std::string_view value);
  Result<void> addresses(std::string_view name, const std::vector<NamedAddress>& list);
  /// Ids without "<>". None writes no field.
  Result<void> messageIds(std::string_view name, const std::vector<std::string>& ids);
  Result<void> date(std::string_view name, Time time);

  /// All fields, each ended by CRLF, without the empty line.
  const std::string& bytes() const { return out_; }
  bool utf8() const { return utf8_; }

 private:
  bool utf8_;
  std::string out_;
};

/// A part to write. A multipart has `parts` and no body.
struct OutPart {
  std::string type = "text", subtype = "plain";
  std::vector<Parameter> parameters;  ///< values UTF-8; "boundary" is added by writePart
  std::optional<Disposition> disposition;
  std::optional<std::string> id;           ///< without "<>"
  std::optional<std::string> description;  ///< UTF-8
  std::string body;  ///< of text/* and message/*: lines ended by LF or CRLF; else any octets
  std::vector<OutPart> parts;
};

struct WriteRules {
  bool allow8bit = false;  ///< else text beyond ASCII is quoted-printable
  bool utf8 = false;       ///< part headers may be UTF-8
};

/// Part header, empty line, body. Text as 7bit, 8bit or quoted-printable; message/* as 7bit or 8bit (message/global-*
/// quoted-printable if it must); all else base64.
Result<std::string> writePart(const OutPart& part, const WriteRules& rules, Random& random);
/// Header, MIME-Version, and the part: a whole message.
Result<std::string> compose(const HeaderBuilder& header, const OutPart& body, bool allow8bit, Random& random);

/// "<random>@host", without "<>".
std::string makeMessageId(Random& random, const Domain& host);

/// RFC 2045 §6.7, lines of at most 76 octets; `text` has CRLF line ends.
std::string quotedPrintable(std::string_view text);
/// RFC 2045 §6.8, lines of 76 octets.
std::string base64Lines(std::string_view bytes);
/// LF and bare CR become CRLF; NUL is dropped; the last line is ended.
std::string withCrlf(std::string_view text);

}  // namespace mox::message
