// The header of a message cut into fields, as message::parse() sees it: lines end with LF or CRLF. Views into
// the message, which must outlive them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mox::dkim {

inline constexpr std::size_t maxHeaderFields = 10'000;  ///< further fields are not looked at: then nothing verifies
inline constexpr std::size_t maxHeaderOctets = 4 << 20;

struct HeaderField {
  std::string name;      ///< lower case, without white space before the colon
  std::string_view raw;  ///< from the name to the final line end
  /// After the colon, folds and final line end included.
  std::string_view value() const;
};

struct HeaderBlock {
  std::vector<HeaderField> fields;
  /// The body, in `data` of split(). Empty if there is no empty line.
  std::string_view body;
  /// A limit was passed: fields are missing.
  bool cut = false;
};

/// `prefix` is complete header fields in front of `data`. Lines that are no field are skipped.
HeaderBlock split(std::string_view prefix, std::string_view data);

}  // namespace mox::dkim
