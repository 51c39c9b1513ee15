// Output: responses as text, RFC 9051 §7. All functions append to `out` and add no CRLF unless they say so.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Clock.h"
#include "imap/Flags.h"
#include "imap/NumberSet.h"

namespace mox::imap {

inline constexpr std::size_t maxQuotedLength = 1024;  ///< octets; longer strings go as literals

/// `utf8`: the client has enabled IMAP4rev2 or UTF8=ACCEPT, so quoted strings may hold UTF-8.
struct OutputMode {
  bool utf8 = false;
};

/// Quoted if that is short and safe, else a literal; a literal8 only if there is NUL (RFC 3516 §4.2: a client
/// gets NUL only where it may be).
void writeString(std::string& out, std::string_view value, OutputMode mode = {});
/// NIL for nothing.
void writeNstring(std::string& out, const std::optional<std::string>& value, OutputMode mode = {});
/// A bare atom where that is possible, else as writeString.
void writeAstring(std::string& out, std::string_view value, OutputMode mode = {});
/// "{n}\r\n" and the octets.
void writeLiteral(std::string& out, std::string_view value);
/// "{n}\r\n" alone; the caller streams the octets. "~{n}\r\n" if binary.
void writeLiteralHeader(std::string& out, std::uint64_t size, bool binary = false);
/// Quoted, in modified UTF-7 unless mode.utf8. `utf8Name` is valid UTF-8.
void writeMailbox(std::string& out, std::string_view utf8Name, OutputMode mode);
/// "(\Seen foo)".
void writeFlags(std::string& out, const Flags& flags);
/// "\" 1-Feb-1994 …\"" with quotes.
void writeDateTime(std::string& out, Time time);

/// PARTIAL (first:last set), RFC 9394; an empty set is NIL.
struct PartialResult {
  std::int64_t first = 0, last = 0;
  std::string numbers;
};

/// One untagged ESEARCH line, CRLF included. RFC 9051 §7.3.4, RFC 7377 §2.1. Sets are text: NumberSet::text(), or
/// orderedSetText() of a SORT.
struct EsearchResponse {
  std::string tag;
  std::optional<std::string> mailbox;  ///< with uidValidity: of ESEARCH
  std::uint32_t uidValidity = 0;
  bool uid = false;
  std::optional<std::uint32_t> min, max;
  std::optional<std::uint64_t> count;
  std::string all;  ///< "": left out
  std::optional<std::uint64_t> modSeq;
  std::optional<PartialResult> partial;
  std::string relevancy;  ///< RFC 6203 §4: scores with spaces between them; "": left out
};
void writeEsearch(std::string& out, const EsearchResponse& response, OutputMode mode);

/// "* VANISHED (EARLIER) 1:3\r\n", lines of about 4 KiB; nothing for the empty set.
inline constexpr std::size_t vanishedLineBytes = 4096;
void writeVanished(std::string& out, const NumberSet& uids, bool earlier);

/// "tag OK [CODE] text\r\n". `tag` "*" for untagged; `code` without brackets, "" for none. `text` is made printable.
void writeStatus(std::string& out, std::string_view tag, std::string_view condition, std::string_view code, std::string_view text);
/// "+ text\r\n".
void writeContinuation(std::string& out, std::string_view text);

/// Response codes that take arguments, without brackets.
std::string appendUidCode(std::uint32_t uidValidity, const NumberSet& uids);
/// `source` and `destination` in the order of copying, as many of each: RFC 9051 §7.1 COPYUID.
std::string copyUidCode(std::uint32_t uidValidity, const std::vector<std::uint32_t>& source,
                        const std::vector<std::uint32_t>& destination);

/// "1:3,5" of numbers in the given order: neighbours that go up by one are joined, nothing is sorted.
std::string orderedSetText(const std::vector<std::uint32_t>& numbers);

}  // namespace mox::imap
