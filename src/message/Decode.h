// Content-Transfer-Encoding undone, piece by piece. RFC 2045 §6.
//
// Lenient, because mail in the wild is: nothing here fails, and damage() tells
// if something had to be guessed. Memory is a few octets besides the output
// (quoted-printable holds back white space until it knows if a line end follows).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mox::message {

enum class Encoding { identity, base64, quotedPrintable };

/// "7bit", "8bit", "binary" and "" are identity. Nothing for an encoding we do not know (IMAP UNKNOWN-CTE).
std::optional<Encoding> encodingOf(std::string_view name);

class Decoder {
 public:
  explicit Decoder(Encoding encoding) : encoding_(encoding) {}

  /// Appends to `out` what can be decoded by now.
  void feed(std::string_view bytes, std::string& out);
  /// Appends what is held back. Nothing may be fed after it.
  void finish(std::string& out);
  bool damaged() const { return damaged_; }

 private:
  void feedBase64(std::string_view bytes, std::string& out);
  void feedQuotedPrintable(std::string_view bytes, std::string& out);
  void quotedOctet(char c, std::string& out);
  void escaped(char c, std::string& out);

  Encoding encoding_;
  bool damaged_ = false;
  // base64: sextets of an unfinished group of four; nothing counts after padding.
  std::uint32_t group_ = 0;
  unsigned sextets_ = 0;
  bool ended_ = false;
  // quoted-printable: "=" and what followed it; white space that may be trailing.
  std::string escape_;
  std::string blanks_;
};

/// The whole at once.
std::string decode(Encoding encoding, std::string_view bytes);

}  // namespace mox::message
