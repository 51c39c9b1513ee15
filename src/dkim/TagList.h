// tag=value lists of DKIM, RFC 6376 §3.2. Views into the text given.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"

namespace mox::dkim {

/// Octets of a signature field or key record that are looked at.
inline constexpr std::size_t maxTagListOctets = 64 * 1024;

struct Tag {
  std::string_view name;
  std::string_view value;  ///< white space and folds around it removed
  /// All between "=" and ";" or the end: what is cut out of "b" for verifying (§3.5).
  std::size_t valueStart = 0, valueEnd = 0;
};

/// Tag names are case-sensitive; a repeated one is an error, as are octets other than printable ASCII and white
/// space (UTF-8 is let pass, RFC 6532 headers may have it in i=).
class TagList {
 public:
  static Result<TagList> parse(std::string_view text);
  const Tag* find(std::string_view name) const;
  /// Index of the tag in the text, npos if it is not there.
  std::size_t position(std::string_view name) const;

 private:
  std::vector<Tag> tags_;
};

/// Without any white space, as base64 values are folded.
std::string withoutSpace(std::string_view value);
/// Parts between colons, white space around them removed.
std::vector<std::string_view> colonList(std::string_view value);
/// §2.11; nothing if malformed.
std::optional<std::string> decodeQuotedPrintable(std::string_view value);

}  // namespace mox::dkim
