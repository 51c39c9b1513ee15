// SMTP replies (RFC 5321 §4.2, RFC 2034, RFC 3463): made by a server, read by a client.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"
#include "smtp/CommandError.h"

namespace mox::smtp {

/// Octets of a reply line without its CRLF; RFC 5321 §4.5.3.1.5 allows 512 with it.
inline constexpr std::size_t maxReplyLine = 510;
/// A line is broken at the last space after this column, if there is one.
inline constexpr std::size_t preferredBreak = 400;

struct Reply {
  unsigned code = 0;
  std::string enhanced;            ///< "5.1.1", "" if none
  std::vector<std::string> lines;  ///< text without codes; at least one from ReplyParser

  /// Text with line feeds becomes several lines.
  static Reply make(unsigned code, std::string enhanced, std::string_view text);
  static Reply make(const CommandError& error) { return make(error.code, error.enhanced, error.text); }

  bool positive() const { return code >= 200 && code < 300; }
  bool temporary() const { return code >= 400 && code < 500; }
  bool permanent() const { return code >= 500 && code < 600; }
  /// All lines joined by a space, cut at `limit` octets.
  std::string text(std::size_t limit = 1024) const;

  /// As on the wire: the code and the enhanced code on every line, long lines wrapped. Whatever the lines
  /// hold, no CR, LF, NUL or other control leaves but the line ends: they become "?". Octets above 127 too,
  /// unless `utf8` and valid.
  std::string wire(bool utf8 = false) const;
};

/// Takes the enhanced code off the lines if all have the same one and its class fits the reply's code
/// (RFC 2034 §4). Not for greetings, EHLO and 3yz, which have none.
void extractEnhanced(Reply& reply);

/// Reads replies of a server, in pieces of any size. RFC 5321 §4.2.1; LF alone also ends a line.
class ReplyParser {
 public:
  /// Hostile servers: a greeting of 1 GB, a reply of a million lines.
  static constexpr std::size_t maxLine = 4096;    ///< octets; RFC 5321 says 512
  static constexpr std::size_t maxLines = 100;    ///< of one reply
  static constexpr std::size_t maxTotal = 65536;  ///< octets of one reply

  /// Takes octets up to the end of the first complete reply; `used` says how many. Nothing if all were taken
  /// and the reply is not complete. After an error the connection is of no use. Text comes out with
  /// controls and what is not UTF-8 replaced by "?".
  Result<std::optional<Reply>> feed(std::string_view input, std::size_t& used);
  /// True between replies.
  bool idle() const { return line_.empty() && reply_.lines.empty(); }

 private:
  Result<bool> takeLine();

  std::string line_;
  Reply reply_;
  std::size_t total_ = 0;
};

}  // namespace mox::smtp
