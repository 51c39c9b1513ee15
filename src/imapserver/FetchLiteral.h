// FetchLiteral: the octets of a literal, piece by piece. Its size is known before, and memory is a piece whatever the
// size of the message.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imap/Section.h"
#include "message/Decode.h"

namespace mox::imapserver {

/// Appends up to `count` octets of a message from `offset`; nothing past its end. Needs no database.
using OctetReader = std::function<void(std::uint64_t offset, std::size_t count, std::string& out)>;

class FetchLiteral {
 public:
  virtual ~FetchLiteral() = default;
  /// Appends about `room` octets, never much more; false once all are given.
  virtual bool read(std::size_t room, std::string& out) = 0;
};

/// Octets as they are.
std::unique_ptr<FetchLiteral> rangesLiteral(OctetReader octets, std::vector<imap::ByteRange> ranges);

/// `head`, then a range with its transfer encoding undone, cut to `partial`. RFC 3516.
struct DecodedRange {
  std::string head;
  imap::ByteRange range;
  message::Encoding encoding = message::Encoding::identity;
};
struct MeasuredLiteral {
  std::uint64_t size = 0;  ///< octets of the (partial) literal
  bool hasNul = false;
  std::unique_ptr<FetchLiteral> literal;  ///< null if empty
};
/// Decodes once to measure, and a second time to send, unless it is small enough to be kept.
MeasuredLiteral decodedLiteral(OctetReader octets, DecodedRange what, const std::optional<imap::Partial>& partial);

}  // namespace mox::imapserver
