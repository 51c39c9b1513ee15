#include "imap/ListMatcher.h"

#include "base/Text.h"
#include "imap/MailboxName.h"

namespace mox::imap {

namespace {

bool isWild(char c) { return c == '*' || c == '%'; }

/// Neighbouring wildcards say no more than one: ** and *% and %* are *, %% is %.
std::string collapse(std::string_view pattern) {
  std::string out;
  for (char c : pattern) {
    if (isWild(c) && !out.empty() && isWild(out.back())) {
      if (c == '*') out.back() = '*';
    } else {
      out += c;
    }
  }
  return out;
}

/// (a & b) << 1 into `to`, over all words. `to` may be `a`: a bit that was just set is not looked at again.
void shiftInto(std::vector<std::uint64_t>& to, const std::vector<std::uint64_t>& a, const std::uint64_t* b) {
  std::uint64_t carry = 0;
  for (std::size_t w = 0; w < a.size(); ++w) {
    std::uint64_t bits = a[w] & b[w];
    to[w] |= bits << 1 | carry;
    carry = bits >> 63;
  }
}

}  // namespace

ListMatcher::ListMatcher(std::string_view reference, const std::vector<std::string>& patterns) {
  for (const auto& pattern : patterns) {
    std::string whole = canonicalInbox(std::string(reference) + pattern);
    bool isLong = whole.size() > static_cast<std::size_t>(listPatternBytes.value);
    isCut_ = isCut_ || isLong;
    if (!isLong && !whole.empty() && whole.front() != separator) patterns_.emplace_back(whole);
  }
}

bool ListMatcher::matches(std::string_view name) const {
  for (const auto& pattern : patterns_)
    if (pattern.matches(name)) return true;
  return false;
}

ListMatcher::Pattern::Pattern(std::string_view text) {
  auto pattern = collapse(text);
  accept_ = pattern.size();
  words_ = accept_ / 64 + 1;
  anything_.resize(words_);
  level_.resize(words_);
  literals_.resize(words_);  // row 0: octets that occur nowhere
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    std::uint64_t bit = std::uint64_t(1) << i % 64;
    if (isWild(pattern[i])) {
      (pattern[i] == '*' ? anything_ : level_)[i / 64] |= bit;
      continue;
    }
    auto& row = classOf_[static_cast<unsigned char>(pattern[i])];
    if (row == 0) {
      row = static_cast<std::uint16_t>(literals_.size() / words_);
      literals_.resize(literals_.size() + words_);
    }
    literals_[row * words_ + i / 64] |= bit;
  }
}

bool ListMatcher::Pattern::matches(std::string_view name) const {
  // Bit i of `at`: the first i signs of the pattern have matched. A wildcard may match nothing: then i+1 too.
  std::vector<std::uint64_t> at(words_), next(words_), wild(words_);
  for (std::size_t w = 0; w < words_; ++w) wild[w] = anything_[w] | level_[w];
  at[0] = 1;
  shiftInto(at, at, wild.data());

  // "Inbox" is the canonical spelling of its first level, but a client may write its pattern in any case.
  std::size_t anyCase = name == "Inbox" || name.substr(0, 6) == "Inbox/" ? 5 : 0;
  for (std::size_t n = 0; n < name.size(); ++n) {
    char c = name[n];
    next.assign(words_, 0);
    auto step = [&](char as) { shiftInto(next, at, &literals_[classOf_[static_cast<unsigned char>(as)] * words_]); };
    if (n < anyCase) {
      step(asciiLower(c));
      step(asciiUpper(c));
    } else {
      step(c);
    }
    std::uint64_t alive = 0;
    for (std::size_t w = 0; w < words_; ++w) {
      next[w] |= at[w] & (c == separator ? anything_[w] : wild[w]);
      alive |= next[w];
    }
    if (alive == 0) return false;
    shiftInto(next, next, wild.data());
    at.swap(next);
  }
  return (at[accept_ / 64] >> accept_ % 64 & 1) != 0;
}

}  // namespace mox::imap
