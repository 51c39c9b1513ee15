// What an IMAP server says, for the client's side (importing from another server). RFC 9051 §7, RFC 3501 §7.
//
// Sans-I/O: a caller gathers a whole response, literals included ("... {3}\r\nabc ..."), without its last CRLF.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"

namespace mox::imap {

inline constexpr int maxResponseDepth = 50;  ///< lists in lists

/// An atom, string, NIL or list.
struct ResponseValue {
  enum class Kind : std::uint8_t { atom, string, nil, list };
  Kind kind = Kind::atom;
  std::string text;                  ///< of atoms (with what is in their brackets) and strings
  std::vector<ResponseValue> items;  ///< of lists

  /// An atom with this text, whatever its case.
  bool is(std::string_view word) const;
  std::optional<std::uint64_t> number() const;
};

struct ServerResponse {
  std::string tag;                   ///< "*", "+" or the command's
  std::string condition;             ///< OK, NO, BAD, BYE or PREAUTH in upper case; "" for data
  std::string text;                  ///< of a condition or "+": what stands after it, response code included
  std::vector<ResponseValue> values;  ///< of data: all of it
};

/// Errc::syntax for what is no response.
Result<ServerResponse> parseServerResponse(std::string_view response);

/// "{12}", "{12+}" or "~{12}" at the end of a line: the octets that follow it.
std::optional<std::uint64_t> literalAtEnd(std::string_view line);

/// A string as a command's argument: quoted. Nothing if it cannot be (CR, LF, NUL, not ASCII, or with `utf8`
/// not UTF-8): it then needs a literal.
std::optional<std::string> quotedArgument(std::string_view text, bool utf8 = false);

}  // namespace mox::imap
