#include "imap/Flags.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "base/Text.h"
#include "imap/Lexer.h"

namespace mox::imap {

namespace {

/// In the order of the bits.
constexpr std::array<std::string_view, 10> names{"\\Seen",      "\\Answered", "\\Flagged", "\\Deleted",  "\\Draft",
                                                 "$Forwarded", "$Junk",      "$NotJunk",  "$Phishing", "$MDNSent"};
static_assert((1u << names.size()) - 1 == allFlagBits);

}  // namespace

void Flags::set(Flag flag, bool on) {
  auto bit = static_cast<std::uint32_t>(flag);
  bits = on ? bits | bit : bits & ~bit;
}

bool Flags::hasKeyword(std::string_view lowerCase) const { return std::binary_search(keywords.begin(), keywords.end(), lowerCase); }

bool Flags::add(std::string_view word) {
  if (auto bit = flagBit(word)) {
    set(*bit);
    return true;
  }
  if (!isKeyword(word)) return false;
  addKeyword(lower(word));
  return true;
}

void Flags::addKeyword(std::string lowerCase) {
  auto at = std::lower_bound(keywords.begin(), keywords.end(), lowerCase);
  if (at == keywords.end() || *at != lowerCase) keywords.insert(at, std::move(lowerCase));
}

std::string_view flagName(Flag flag) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (static_cast<std::uint32_t>(flag) == 1u << i) return names[i];
  return {};
}

std::optional<Flag> flagBit(std::string_view word) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (equalsNoCase(word, names[i])) return static_cast<Flag>(1u << i);
  return std::nullopt;
}

bool isKeyword(std::string_view word) {
  bool isLong = word.size() > static_cast<std::size_t>(keywordBytes.value);
  return !word.empty() && !isLong && std::all_of(word.begin(), word.end(), isAtomChar);
}

std::string flagsText(const Flags& flags) {
  std::string out = "(";
  auto put = [&](std::string_view word) {
    if (out.size() > 1) out += ' ';
    out += word;
  };
  for (std::size_t i = 0; i < names.size(); ++i)
    if ((flags.bits & 1u << i) != 0) put(names[i]);
  for (const auto& word : flags.keywords) put(word);
  return out + ")";
}

Flags unite(const Flags& a, const Flags& b) {
  Flags out{a.bits | b.bits, {}};
  std::set_union(a.keywords.begin(), a.keywords.end(), b.keywords.begin(), b.keywords.end(), std::back_inserter(out.keywords));
  return out;
}

Flags subtract(const Flags& a, const Flags& b) {
  Flags out{a.bits & ~b.bits, {}};
  std::set_difference(a.keywords.begin(), a.keywords.end(), b.keywords.begin(), b.keywords.end(), std::back_inserter(out.keywords));
  return out;
}

}  // namespace mox::imap
