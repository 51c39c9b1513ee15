// FuzzyMatch: does a text have words like these? RFC 6203: FUZZY.
//
// The method, which the RFC leaves to servers: accents do not count; each word asked for must be near some word of the
// text, which is one that begins with it, or one that differs from it (or its beginning) by one letter changed, left out, put in
// or swapped with its neighbour: one from 4 letters on, two from 8 on. A word's score is 100 as it is, 90 as the beginning
// of a longer one, and 25 less for each difference; the text's is the mean. Words shorter than 4 letters must be there.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/Limits.h"

namespace mox::imapserver {

/// Of one search key; more are not looked for.
inline constexpr Limit fuzzyWordsLimit{"imap-fuzzy-words", 32, "words"};
/// Of a word, whether it is looked for or is in a text; what follows is not compared.
inline constexpr Limit fuzzyWordLength{"imap-fuzzy-word-length", 64, "characters"};

class FuzzyMatch {
 public:
  /// `text`: what to look for, any case.
  explicit FuzzyMatch(std::string_view text);
  /// 1 to 100, or 0 if it does not match. `text` is folded UTF-8 as message::searchText makes it.
  unsigned score(std::string_view text) const;
  /// What was to be looked for was cut at fuzzyWordsLimit.
  bool hasManyWords() const { return hasManyWords_; }
  /// A word of it was cut at fuzzyWordLength.
  bool hasLongWord() const { return hasLongWord_; }

 private:
  std::vector<std::u32string> words_;
  bool hasManyWords_ = false, hasLongWord_ = false;
};

/// Letters and digits of a folded text, word by word, without accents. For FuzzyMatch and its tests.
std::vector<std::u32string> fuzzyWords(std::string_view text);
/// Differences between two words, or `most` + 1 if there are more: changed, missing, additional and swapped letters.
unsigned differences(std::u32string_view a, std::u32string_view b, unsigned most);

}  // namespace mox::imapserver
