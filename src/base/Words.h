// Words of a text, for comparison that does not mind accents (libunistring).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mox {

/// Runs of letters and digits, decomposed and without combining marks ("é" is "e"); case stays as it is. `text` is valid
/// UTF-8. A word has at most `maxLength` characters, the rest of it is dropped.
std::vector<std::u32string> wordsWithoutAccents(std::string_view text, std::size_t maxLength);

}  // namespace mox
