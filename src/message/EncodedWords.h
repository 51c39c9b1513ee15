// RFC 2047: text beyond ASCII in header fields, read and written.
#pragma once

#include <string>
#include <string_view>

namespace mox::message {

/// Octets of text decodeWords gives at most; the rest is dropped.
inline constexpr std::size_t maxDecodedText = 1 << 20;
/// Conversions of other charsets than UTF-8 that are done at most, of a field or of what goes by one account; later words stay
/// as they are. Each may load a table of the C library, which is 90 us.
inline constexpr std::size_t maxWordConversions = 1'000;

/// `value` (raw, may be folded) as UTF-8 on one line. White space between encoded words is dropped, words of the
/// same charset are joined before conversion (so a character split over two words survives), words that cannot be
/// decoded stay as they are. Always valid UTF-8 without CR, LF, NUL.
std::string decodeWords(std::string_view value);
/// For many fields of one message: conversions are taken from what is left for all of them.
std::string decodeWords(std::string_view value, std::size_t& conversionsLeft);

/// `text` (UTF-8) as encoded words of at most 64 octets, separated by a space; never splits a character.
/// ASCII text without "=?" comes back as it is.
std::string encodeWords(std::string_view text);

}  // namespace mox::message
