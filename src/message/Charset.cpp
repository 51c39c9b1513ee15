#include "message/Charset.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::message {

namespace {

bool isCharsetName(std::string_view name) {
  return name.size() <= maxCharsetName && std::all_of(name.begin(), name.end(), [](char c) {
    return isAlpha(c) || isDigit(c) || std::string_view(".:_-+").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string charsetToUtf8(std::string_view bytes, std::string_view charset) {
  charset = trim(charset);
  return toUtf8(bytes, isCharsetName(charset) ? charset : std::string_view());
}

bool isKnownCharset(std::string_view charset) { return isCharsetName(charset) && isCharset(charset); }

std::string_view cutUtf8(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xc0) == 0x80) --limit;
  return text.substr(0, limit);
}

std::string unfoldedWhole(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (char c : value)
    if (c != '\r' && c != '\n' && c != '\0') out += c;
  return out;
}

}  // namespace mox::message
