// Tokens of a text for the full-text index: which three characters follow each other somewhere in a word of it. What spaces,
// controls and line ends divide are words; three characters across them would be half of all tokens, and find little that the
// words beside them do not.
//
// A text that contains a needle has all tokens of the needle, so the tokens find candidates for a substring search. Two
// ideographs (or kana, or Hangul syllables) make a token where other scripts need three characters: words of those
// scripts are that short. A token is a hash of 18 bits, so an index has few distinct ones whatever the script, and a
// hostile message cannot fill it with words of its own; that different characters may share one only costs a check.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mox::store {

inline constexpr unsigned searchTokenBits = 18;

class SearchTokens {
 public:
  SearchTokens();
  /// The distinct tokens of a text (UTF-8), in order of appearance; empty if it is too short for one. Valid until the next call.
  const std::vector<std::uint32_t>& of(std::string_view text);
  /// A token as the index knows it: four letters.
  static std::string word(std::uint32_t token);
  /// The words, each with a space behind it.
  static std::string words(const std::vector<std::uint32_t>& tokens);

 private:
  std::vector<std::uint64_t> seen_;  ///< a bit a token
  std::vector<std::uint32_t> tokens_;
};

}  // namespace mox::store
