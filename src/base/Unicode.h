// UTF-8, normalisation and case folding (libunistring).
#pragma once

#include <string>
#include <string_view>

namespace mox {

/// RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF.
bool isUtf8(std::string_view text);
/// Normalisation form C. `text` must be UTF-8.
std::string toNfc(std::string_view text);
bool isNfc(std::string_view text);
/// Full Unicode lower case of valid UTF-8, language neutral.
std::string toLowerUtf8(std::string_view text);
/// For caseless comparison of valid UTF-8: NFC of the case-folded text.
std::string foldCase(std::string_view text);
/// True if valid UTF-8 without C0/C1 controls, DEL, U+2028/2029 and bidi overrides.
bool isPlainUtf8(std::string_view text);
/// Text in `charset` (RFC 2045 name) to UTF-8, with U+FFFD for what cannot be converted. An unknown charset
/// is taken as UTF-8 where that is valid, else as ASCII.
std::string toUtf8(std::string_view bytes, std::string_view charset);
/// True if toUtf8 knows the charset.
bool isCharset(std::string_view charset);
/// True for the lower case names of ASCII and UTF-8, which are converted without a table of the C library.
bool isBuiltInCharset(std::string_view name);

}  // namespace mox
