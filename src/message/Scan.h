// LineScan: the lines of a message, and on the way what SMTP wants to know of its octets. One pass, a few
// instructions a word: attachments are most of what passes here.
#pragma once

#include <cstdint>
#include <string_view>

namespace mox::message {

/// Properties of octets, gathered over all lines seen.
struct OctetFlags {
  bool has8bit = false, hasNul = false, hasBareLf = false, hasBareCr = false;
};

class LineScan {
 public:
  explicit LineScan(std::string_view text) : text_(text) {}

  /// To the next line; false at the end.
  bool next();
  std::size_t start() const { return start_; }          ///< of this line
  std::size_t end() const { return next_; }             ///< after its line end
  std::string_view line() const { return line_; }       ///< without its line end
  std::uint64_t newlines() const { return newlines_; }  ///< LF before this line
  std::uint64_t newlinesToEnd() const { return newlines_ + (ended_ ? 1 : 0); }  ///< LF up to end()
  const OctetFlags& flags() const { return flags_; }

 private:
  void look(std::string_view octets);

  std::string_view text_, line_;
  std::size_t start_ = 0, next_ = 0;
  std::uint64_t newlines_ = 0;
  bool ended_ = false;  ///< this line has its LF
  OctetFlags flags_;
};

}  // namespace mox::message
