#include "store/SearchTokens.h"

namespace mox::store {

namespace {

constexpr std::uint32_t nothing = 0x1fffff;  ///< in place of a third character

bool isIdeographic(std::uint32_t c) {
  if (c < 0x2e80) return false;  // nearly all
  return c < 0xa000 || (c >= 0xac00 && c < 0xd7b0) || (c >= 0xf900 && c < 0xfb00) || (c >= 0x20000 && c < 0x40000);
}

/// The character at `at`, which moves past it. Of what is no UTF-8 only this matters: text and needle are read alike.
std::uint32_t nextCharacter(std::string_view text, std::size_t& at) {
  auto octet = static_cast<unsigned char>(text[at++]);
  if (octet < 0xc0) return octet;
  std::uint32_t c = octet < 0xe0 ? octet & 0x1fU : octet < 0xf0 ? octet & 0xfU : octet & 7U;
  for (int more = octet < 0xe0 ? 1 : octet < 0xf0 ? 2 : 3; more > 0 && at < text.size() && (text[at] & 0xc0) == 0x80; --more)
    c = c << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fU);
  return c;
}

std::uint32_t hash(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  auto mixed = (std::uint64_t{a} << 42 ^ std::uint64_t{b} << 21 ^ c) * 0x9e3779b97f4a7c15;
  mixed = (mixed ^ mixed >> 32) * 0xd6e8feb86659fd93;
  return static_cast<std::uint32_t>(mixed >> (64 - searchTokenBits));
}

/// Four letters from `out` on.
void spell(std::uint32_t token, char* out) {
  static constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyz234567";
  for (unsigned shift : {15U, 10U, 5U, 0U}) *out++ = letters[token >> shift & 31];
}

}  // namespace

SearchTokens::SearchTokens() : seen_((std::size_t{1} << searchTokenBits) / 64) {}

const std::vector<std::uint32_t>& SearchTokens::of(std::string_view text) {
  tokens_.clear();
  auto add = [this](std::uint32_t token) {
    auto& word = seen_[token / 64];
    auto bit = std::uint64_t{1} << (token % 64);
    if ((word & bit) != 0) return;
    word |= bit;
    tokens_.push_back(token);
  };
  std::uint32_t first = 0, second = 0;
  bool firstWide = false, secondWide = false;
  std::size_t before = 0;  ///< characters of the word so far
  for (std::size_t at = 0; at < text.size();) {
    auto third = nextCharacter(text, at);
    if (third <= ' ') {
      before = 0;
      continue;
    }
    bool thirdWide = isIdeographic(third);
    if (before >= 1 && secondWide && thirdWide) add(hash(second, third, nothing));
    if (before >= 2 && !(firstWide && secondWide)) add(hash(first, second, third));
    first = second;
    firstWide = secondWide;
    second = third;
    secondWide = thirdWide;
    ++before;
  }
  for (auto token : tokens_) seen_[token / 64] = 0;
  return tokens_;
}

std::string SearchTokens::word(std::uint32_t token) {
  std::string out(4, ' ');
  spell(token, out.data());
  return out;
}

std::string SearchTokens::words(const std::vector<std::uint32_t>& tokens) {
  std::string out(tokens.size() * 5, ' ');
  auto* at = out.data();
  for (auto token : tokens) {
    spell(token, at);
    at += 5;
  }
  return out;
}

}  // namespace mox::store
