// ListMatcher: LIST patterns, RFC 9051 §6.3.9. `*` matches anything, `%` anything without "/".
//
// Each pattern is a small automaton whose states are bits, so a match costs
// name length times pattern length / 64, whatever the pattern is.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/Limits.h"

namespace mox::imap {

/// Of a pattern with its reference, in UTF-8. Longer ones match nothing: no name is that long.
inline constexpr Limit listPatternBytes{"imap-list-pattern-bytes", 2048, "bytes"};

class ListMatcher {
 public:
  /// `reference` is put before each pattern. UTF-8. A pattern that starts with "/" matches nothing.
  ListMatcher(std::string_view reference, const std::vector<std::string>& patterns);

  /// `name` in canonical form (MailboxName::text()). "Inbox" as first level is compared without case.
  bool matches(std::string_view name) const;
  /// A pattern was beyond listPatternBytes.
  bool isCut() const { return isCut_; }

 private:
  class Pattern {
   public:
    explicit Pattern(std::string_view text);
    bool matches(std::string_view name) const;

   private:
    std::size_t words_;                          ///< 64-bit words of a state set
    std::size_t accept_;                         ///< bit that is set when all is matched
    std::array<std::uint16_t, 256> classOf_{};   ///< octet to row of literals_; 0: occurs nowhere
    std::vector<std::uint64_t> literals_;        ///< row times words_: positions with that octet
    std::vector<std::uint64_t> anything_;        ///< positions with *
    std::vector<std::uint64_t> level_;           ///< positions with %
  };
  std::vector<Pattern> patterns_;
  bool isCut_ = false;
};

}  // namespace mox::imap
