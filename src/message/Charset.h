// Charsets as messages name them, guarded before the system's converter sees them.
#pragma once

#include <string>
#include <string_view>

namespace mox::message {

/// Octets of a charset name; longer ones are unknown.
inline constexpr std::size_t maxCharsetName = 64;

/// UTF-8 of `bytes`. A name with anything but letters, digits and ".:_-+" counts as unknown: the converter
/// gives "/" and "," a meaning that senders must not reach.
std::string charsetToUtf8(std::string_view bytes, std::string_view charset);
/// True if charsetToUtf8 knows the name.
bool isKnownCharset(std::string_view charset);
/// At most `limit` octets of valid UTF-8, without half a character at the end.
std::string_view cutUtf8(std::string_view text, std::size_t limit);
/// Without line ends and NUL, white space kept. For values that are decoded as a whole.
std::string unfoldedWhole(std::string_view value);

}  // namespace mox::message
