// ASCII text helpers. Protocol keywords are ASCII; nothing here knows locales.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mox {

constexpr char asciiLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
constexpr char asciiUpper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; }
constexpr bool isDigit(char c) { return c >= '0' && c <= '9'; }
constexpr bool isAlpha(char c) { return asciiLower(c) >= 'a' && asciiLower(c) <= 'z'; }
constexpr bool isWsp(char c) { return c == ' ' || c == '\t'; }

std::string lower(std::string_view text);
std::string upper(std::string_view text);
bool equalsNoCase(std::string_view a, std::string_view b);
bool startsWithNoCase(std::string_view text, std::string_view prefix);
/// Offset of the first case-insensitive occurrence, or npos. O(n·m) worst, fine for header-sized input.
std::size_t findNoCase(std::string_view text, std::string_view needle);
/// Without leading and trailing space, tab, CR, LF.
std::string_view trim(std::string_view text);
/// Parts between separators; "" gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
/// At the first separator; nothing if there is none.
std::optional<std::pair<std::string_view, std::string_view>> cut(std::string_view text, char separator);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

/// Decimal without sign, leading zeros allowed, at most 19 digits, all of the text; else nothing.
std::optional<std::uint64_t> parseUnsigned(std::string_view text);

bool isAscii(std::string_view text);
/// True for text that holds no CR, LF or NUL: fit for one protocol line.
bool isOneLine(std::string_view text);
/// For logs and replies to strangers: control and non-ASCII bytes as \xNN, cut at `limit` bytes with "...".
std::string printable(std::string_view text, std::size_t limit = 256);

std::string hex(std::string_view bytes);
std::optional<std::string> fromHex(std::string_view text);

/// RFC 4648 §4 with padding.
std::string base64(std::string_view bytes);
/// RFC 4648 §5 without padding.
std::string base64Url(std::string_view bytes);
/// Strict: right padding, no other characters, no stray bits. Nothing if malformed.
std::optional<std::string> fromBase64(std::string_view text);
std::optional<std::string> fromBase64Url(std::string_view text);

}  // namespace mox
