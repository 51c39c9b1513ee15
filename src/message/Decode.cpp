#include "message/Decode.h"

#include <algorithm>

#include "base/Text.h"

namespace mox::message {

namespace {

constexpr std::uint8_t notBase64 = 0xff;

constexpr std::array<std::uint8_t, 256> makeBase64Values() {
  std::array<std::uint8_t, 256> out{};
  for (auto& value : out) value = notBase64;
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < alphabet.size(); ++i) out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::uint8_t>(i);
  return out;
}

constexpr auto base64Values = makeBase64Values();

std::uint8_t base64Value(char c) { return base64Values[static_cast<unsigned char>(c)]; }

int hexValue(char c) {
  if (isDigit(c)) return c - '0';
  char l = asciiLower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

void appendGroup(std::uint32_t group, unsigned octets, std::string& out) {
  for (unsigned i = 0; i < octets; ++i) out += static_cast<char>((group >> (16 - 8 * i)) & 0xff);
}

}  // namespace

std::optional<Encoding> encodingOf(std::string_view name) {
  name = trim(name);
  if (name.empty() || equalsNoCase(name, "7bit") || equalsNoCase(name, "8bit") || equalsNoCase(name, "binary")) return Encoding::identity;
  if (equalsNoCase(name, "base64")) return Encoding::base64;
  if (equalsNoCase(name, "quoted-printable")) return Encoding::quotedPrintable;
  return std::nullopt;
}

void Decoder::feed(std::string_view bytes, std::string& out) {
  if (encoding_ == Encoding::base64) feedBase64(bytes, out);
  else if (encoding_ == Encoding::quotedPrintable) feedQuotedPrintable(bytes, out);
  else out += bytes;
}

void Decoder::feedBase64(std::string_view bytes, std::string& out) {
  for (std::size_t i = 0; i < bytes.size() && !ended_; ++i) {
    // Whole groups first: that is nearly all of an attachment.
    while (sextets_ == 0 && i + 4 <= bytes.size()) {
      auto a = base64Value(bytes[i]), b = base64Value(bytes[i + 1]), c = base64Value(bytes[i + 2]), d = base64Value(bytes[i + 3]);
      if (((a | b | c | d) & 0xc0) != 0) break;
      const char octets[3] = {static_cast<char>(a << 2 | b >> 4), static_cast<char>((b & 0xf) << 4 | c >> 2), static_cast<char>((c & 3) << 6 | d)};
      out.append(octets, 3);
      i += 4;
    }
    if (i >= bytes.size()) return;
    char c = bytes[i];
    auto value = base64Value(c);
    if (value != notBase64) {
      group_ = group_ << 6 | value;
      if (++sextets_ < 4) continue;
      appendGroup(group_, 3, out);
      group_ = 0;
      sextets_ = 0;
    } else if (c == '=' && sextets_ >= 2) {
      // The data ends here: what follows is no base64 (such as a mailing list's footer).
      ended_ = true;
    } else if (!isWsp(c) && c != '\r' && c != '\n') {
      damaged_ = true;
    }
  }
}

void Decoder::feedQuotedPrintable(std::string_view bytes, std::string& out) {
  for (std::size_t i = 0; i < bytes.size();) {
    if (escape_.empty() && blanks_.empty()) {
      auto plain = std::min(bytes.find_first_of("= \t", i), bytes.size());
      out += bytes.substr(i, plain - i);
      i = plain;
      if (i == bytes.size()) return;
    }
    quotedOctet(bytes[i++], out);
  }
}

void Decoder::quotedOctet(char c, std::string& out) {
  if (!escape_.empty()) return escaped(c, out);
  if (isWsp(c)) {
    blanks_ += c;
    return;
  }
  // RFC 2045 §6.7 (3): white space at the end of a line was added on the way.
  if (c != '\r' && c != '\n') out += blanks_;
  blanks_.clear();
  if (c == '=') escape_ = "=";
  else out += c;
}

/// `c` follows "=", "=" and a hex digit, or "=" and white space.
void Decoder::escaped(char c, std::string& out) {
  bool hexFollows = escape_.size() == 2 && hexValue(escape_[1]) >= 0;
  if (hexFollows && hexValue(c) >= 0) {
    out += static_cast<char>(hexValue(escape_[1]) * 16 + hexValue(c));
    escape_.clear();
    return;
  }
  if (!hexFollows && c == '\n') {
    escape_.clear();  // soft line break
    return;
  }
  if ((escape_.size() == 1 && hexValue(c) >= 0) || (!hexFollows && (isWsp(c) || c == '\r'))) {
    escape_ += c;
    return;
  }
  damaged_ = true;
  out += escape_;
  escape_.clear();
  quotedOctet(c, out);
}

void Decoder::finish(std::string& out) {
  if (sextets_ == 1) damaged_ = true;
  if (sextets_ >= 2) appendGroup(group_ << (6 * (4 - sextets_)), sextets_ - 1, out);
  // "=" at the very end is a soft line break whose line end got lost.
  if (escape_.size() > 1 && hexValue(escape_[1]) >= 0) out += escape_;
  else if (encoding_ == Encoding::quotedPrintable && escape_.empty()) out += blanks_;
  sextets_ = 0;
  escape_.clear();
  blanks_.clear();
}

std::string decode(Encoding encoding, std::string_view bytes) {
  std::string out;
  out.reserve(encoding == Encoding::base64 ? bytes.size() / 4 * 3 + 3 : bytes.size());
  Decoder decoder(encoding);
  decoder.feed(bytes, out);
  decoder.finish(out);
  return out;
}

}  // namespace mox::message
