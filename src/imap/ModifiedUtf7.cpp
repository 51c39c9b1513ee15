// RFC 3501 §5.1.3: UTF-16 in base64 with "," for "/", between & and -; "&-" is "&".
#include <array>
#include <cstdint>

#include "imap/MailboxName.h"

namespace mox::imap {

namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

bool isPlain(std::uint32_t c) { return c >= 0x20 && c <= 0x7e; }

/// Takes one code point of valid UTF-8.
std::uint32_t takeCodePoint(std::string_view text, std::size_t& at) {
  auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  unsigned more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  std::uint32_t c = first & (0x3fu >> more);
  for (; more > 0 && at < text.size(); --more) c = c << 6 | (static_cast<unsigned char>(text[at++]) & 0x3fu);
  return c;
}

void putUtf8(std::string& out, std::uint32_t c) {
  auto put = [&](std::uint32_t octet) { out += static_cast<char>(octet); };
  if (c < 0x80) return put(c);
  if (c < 0x800) return put(0xc0 | c >> 6), put(0x80 | (c & 0x3f));
  if (c < 0x10000) return put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
  put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 0x3f)), put(0x80 | (c >> 6 & 0x3f)), put(0x80 | (c & 0x3f));
}

/// Base64 of 16-bit units, bit by bit.
class ShiftWriter {
 public:
  explicit ShiftWriter(std::string& out) : out_(out) {}

  void codePoint(std::uint32_t c) {
    if (c < 0x10000) return unit(c);
    unit(0xd800 + ((c - 0x10000) >> 10));
    unit(0xdc00 + ((c - 0x10000) & 0x3ff));
  }
  void finish() {
    if (held_ > 0) out_ += alphabet[bits_ << (6 - held_) & 63];
  }

 private:
  void unit(std::uint32_t u) {
    bits_ = bits_ << 16 | u;
    for (held_ += 16; held_ >= 6; held_ -= 6) out_ += alphabet[bits_ >> (held_ - 6) & 63];
    bits_ &= 63;
  }
  std::string& out_;
  std::uint32_t bits_ = 0;
  unsigned held_ = 0;
};

int digitValue(char c) {
  auto at = alphabet.find(c);
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// One shifted run without & and -, to UTF-8.
bool decodeRun(std::string_view run, std::string& out) {
  std::uint32_t bits = 0, high = 0;
  unsigned held = 0;
  for (char c : run) {
    int value = digitValue(c);
    if (value < 0) return false;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    held += 6;
    if (held < 16) continue;
    held -= 16;
    std::uint32_t unit = bits >> held & 0xffff;
    bits &= (1u << held) - 1;
    bool isHigh = unit >= 0xd800 && unit < 0xdc00, isLow = unit >= 0xdc00 && unit < 0xe000;
    if ((high != 0) != isLow || isPlain(unit)) return false;
    if (isHigh) {
      high = unit;
      continue;
    }
    putUtf8(out, isLow ? 0x10000 + ((high - 0xd800) << 10) + (unit - 0xdc00) : unit);
    high = 0;
  }
  // Less than a digit may be left over, and only zeros: else there were two spellings of one name.
  return high == 0 && held < 6 && bits == 0;
}

}  // namespace

std::string encodeModifiedUtf7(std::string_view utf8) {
  std::string out;
  std::size_t at = 0;
  while (at < utf8.size()) {
    auto octet = static_cast<unsigned char>(utf8[at]);
    if (isPlain(octet)) {
      out += utf8[at++];
      if (octet == '&') out += '-';
      continue;
    }
    out += '&';
    ShiftWriter shift(out);
    while (at < utf8.size() && !isPlain(static_cast<unsigned char>(utf8[at]))) shift.codePoint(takeCodePoint(utf8, at));
    shift.finish();
    out += '-';
  }
  return out;
}

std::optional<std::string> decodeModifiedUtf7(std::string_view text) {
  std::string out;
  std::size_t runEnd = 0;  // where a shifted run just ended
  for (std::size_t at = 0; at < text.size();) {
    char c = text[at];
    if (!isPlain(static_cast<unsigned char>(c))) return std::nullopt;
    if (c != '&') {
      out += c;
      ++at;
      continue;
    }
    auto end = text.find('-', at);
    if (end == std::string_view::npos) return std::nullopt;
    auto run = text.substr(at + 1, end - at - 1);
    if (run.empty()) {
      out += '&';
    } else {
      bool superfluous = at > 0 && runEnd == at;
      if (superfluous || !decodeRun(run, out)) return std::nullopt;
      runEnd = end + 1;
    }
    at = end + 1;
  }
  return out;
}

}  // namespace mox::imap
