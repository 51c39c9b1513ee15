#include "base/Words.h"

#include <stdlib.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include <memory>
#include <new>

namespace mox {

std::vector<std::u32string> wordsWithoutAccents(std::string_view text, std::size_t maxLength) {
  std::vector<std::u32string> out;
  if (text.empty()) return out;
  std::size_t size = 0;
  std::unique_ptr<std::uint8_t, void (*)(void*)> plain(
      u8_normalize(UNINORM_NFD, reinterpret_cast<const std::uint8_t*>(text.data()), text.size(), nullptr, &size), ::free);
  if (!plain) throw std::bad_alloc();
  bool inWord = false;
  const auto* at = plain.get();
  for (auto left = size; left > 0;) {
    ucs4_t character = 0;
    int length = u8_mbtouc(&character, at, left);
    at += length;
    left -= static_cast<std::size_t>(length);
    if (uc_combining_class(character) != 0) continue;
    bool isWord = uc_is_alnum(character);
    if (isWord && !inWord) out.emplace_back();
    if (isWord && out.back().size() < maxLength) out.back() += static_cast<char32_t>(character);
    inWord = isWord;
  }
  return out;
}

}  // namespace mox
