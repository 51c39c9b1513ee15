#include "imapserver/FuzzyMatch.h"

#include <algorithm>
#include <array>

#include "base/Words.h"
#include "message/SearchText.h"

namespace mox::imapserver {

namespace {

constexpr auto mostWords = static_cast<std::size_t>(fuzzyWordsLimit.value);
constexpr auto longestWord = static_cast<std::size_t>(fuzzyWordLength.value);

unsigned allowed(std::size_t length) { return length < 4 ? 0 : length < 8 ? 1 : 2; }

unsigned wordScore(std::u32string_view wanted, std::u32string_view word) {
  if (word == wanted) return 100;
  if (word.starts_with(wanted)) return 90;
  auto most = allowed(wanted.size());
  if (most == 0) return 0;
  if (auto whole = differences(wanted, word, most); whole <= most) return 100 - 25 * whole;
  auto begin = word.size() > wanted.size() ? differences(wanted, word.substr(0, wanted.size()), most) : most + 1;
  return begin <= most ? 90 - 25 * begin : 0;
}

}  // namespace

std::vector<std::u32string> fuzzyWords(std::string_view text) { return wordsWithoutAccents(text, longestWord); }

unsigned differences(std::u32string_view a, std::u32string_view b, unsigned most) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > most || b.size() > longestWord) return most + 1;
  // Rows of the table of distances between beginnings: of this character of `a`, the one before, and the one before that.
  std::array<std::array<unsigned, longestWord + 1>, 3> rows{};
  for (unsigned j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    auto &row = rows[i % 3], &previous = rows[(i + 2) % 3], &older = rows[(i + 1) % 3];
    row[0] = static_cast<unsigned>(i);
    unsigned least = row[0];
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], older[j - 2] + 1);
      least = std::min(least, row[j]);
    }
    // A swap reaches back two rows, but never gains more than this row has lost.
    if (least > most + 1) return most + 1;
  }
  return std::min(rows[a.size() % 3][b.size()], most + 1);
}

FuzzyMatch::FuzzyMatch(std::string_view text) : words_(wordsWithoutAccents(message::searchFold(text), longestWord + 1)) {
  hasManyWords_ = words_.size() > mostWords;
  if (hasManyWords_) words_.resize(mostWords);
  // One character more than is compared tells a word that is cut from one that just fits.
  for (auto& word : words_) {
    if (word.size() <= longestWord) continue;
    hasLongWord_ = true;
    word.resize(longestWord);
  }
}

unsigned FuzzyMatch::score(std::string_view text) const {
  if (words_.empty()) return 100;  // nothing was asked for
  std::vector<unsigned> best(words_.size());
  for (const auto& word : fuzzyWords(text))
    for (std::size_t i = 0; i < words_.size(); ++i)
      if (best[i] < 100) best[i] = std::max(best[i], wordScore(words_[i], word));
  unsigned sum = 0;
  for (auto one : best) {
    if (one == 0) return 0;
    sum += one;
  }
  return sum / static_cast<unsigned>(best.size());
}

}  // namespace mox::imapserver
