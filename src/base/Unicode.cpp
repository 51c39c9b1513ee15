#include "base/Unicode.h"

#include <iconv.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/Text.h"

namespace mox {

namespace {

const std::uint8_t* u8(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

/// Takes a malloc'ed result of libunistring over as a string.
std::string adopt(std::uint8_t* data, std::size_t size) {
  if (data == nullptr) throw std::bad_alloc();
  std::unique_ptr<std::uint8_t, decltype(&std::free)> hold(data, &std::free);
  return std::string(reinterpret_cast<const char*>(data), size);
}

constexpr std::string_view replacement = "\xEF\xBF\xBD";

std::string asciiWithReplacements(std::string_view bytes) {
  std::string out;
  for (char c : bytes) {
    if (static_cast<unsigned char>(c) < 0x80) out += c;
    else out += replacement;
  }
  return out;
}

/// Each octet that starts no valid character becomes U+FFFD.
std::string utf8WithReplacements(std::string_view bytes) {
  if (isAscii(bytes)) return std::string(bytes);
  std::string out;
  while (const auto* bad = u8_check(u8(bytes), bytes.size())) {
    auto good = static_cast<std::size_t>(bad - u8(bytes));
    out += bytes.substr(0, good);
    out += replacement;
    bytes.remove_prefix(good + 1);
  }
  return out += bytes;
}

struct IconvCloser {
  void operator()(void* handle) const { ::iconv_close(static_cast<iconv_t>(handle)); }
};

}  // namespace

bool isUtf8(std::string_view text) { return isAscii(text) || u8_check(u8(text), text.size()) == nullptr; }

std::string toNfc(std::string_view text) {
  if (isAscii(text)) return std::string(text);
  std::size_t size = 0;
  auto* data = u8_normalize(UNINORM_NFC, u8(text), text.size(), nullptr, &size);
  return adopt(data, size);
}

bool isNfc(std::string_view text) { return isAscii(text) || toNfc(text) == text; }

std::string toLowerUtf8(std::string_view text) {
  if (isAscii(text)) return lower(text);
  std::size_t size = 0;
  auto* data = u8_tolower(u8(text), text.size(), nullptr, nullptr, nullptr, &size);
  return adopt(data, size);
}

std::string foldCase(std::string_view text) {
  if (isAscii(text)) return lower(text);
  std::size_t size = 0;
  auto* data = u8_casefold(u8(text), text.size(), nullptr, UNINORM_NFC, nullptr, &size);
  return adopt(data, size);
}

bool isPlainUtf8(std::string_view text) {
  const auto* at = u8(text);
  for (std::size_t left = text.size(); left > 0;) {
    ucs4_t c = 0;
    int used = u8_mbtoucr(&c, at, left);
    if (used <= 0) return false;
    bool control = c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
    bool bidi = (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    if (control || bidi) return false;
    at += used;
    left -= static_cast<std::size_t>(used);
  }
  return true;
}

namespace {

bool isAsciiName(std::string_view name) { return name == "us-ascii" || name == "ascii"; }
bool isUtf8Name(std::string_view name) { return name == "utf-8" || name == "utf8"; }

}  // namespace

bool isBuiltInCharset(std::string_view name) { return isAsciiName(name) || isUtf8Name(name); }

std::string toUtf8(std::string_view bytes, std::string_view charset) {
  std::string name = lower(trim(charset));
  if (name.empty() || isAsciiName(name)) return isUtf8(bytes) ? std::string(bytes) : asciiWithReplacements(bytes);
  if (name == "iso-8859-1") name = "windows-1252";  // what senders mean, and a superset in practice
  // Not by iconv, which lets code points beyond U+10FFFF pass.
  if (isUtf8Name(name)) return utf8WithReplacements(bytes);
  auto handle = ::iconv_open("UTF-8", name.c_str());
  if (handle == reinterpret_cast<iconv_t>(-1)) return isUtf8(bytes) ? std::string(bytes) : asciiWithReplacements(bytes);
  std::unique_ptr<void, IconvCloser> hold(handle);
  std::string out;
  char* in = const_cast<char*>(bytes.data());
  std::size_t left = bytes.size();
  char buffer[4096];
  while (left > 0) {
    char* to = buffer;
    std::size_t room = sizeof buffer;
    auto done = ::iconv(handle, &in, &left, &to, &room);
    out.append(buffer, sizeof buffer - room);
    if (done != static_cast<std::size_t>(-1) || errno == E2BIG) continue;
    out += replacement;  // EILSEQ or EINVAL: skip a byte and go on
    ++in;
    --left;
    ::iconv(handle, nullptr, nullptr, nullptr, nullptr);
  }
  if (!isUtf8(out)) return utf8WithReplacements(out);
  return out;
}

bool isCharset(std::string_view charset) {
  std::string name = lower(trim(charset));
  if (isBuiltInCharset(name)) return true;
  auto handle = name.empty() ? reinterpret_cast<iconv_t>(-1) : ::iconv_open("UTF-8", name.c_str());
  if (handle == reinterpret_cast<iconv_t>(-1)) return false;
  ::iconv_close(handle);
  return true;
}

}  // namespace mox
