// One message's stored parts, each read when first needed and only once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "imap/Section.h"
#include "message/Parsed.h"
#include "store/Reader.h"

namespace mox::imapserver {

class FetchMessageData {
 public:
  explicit FetchMessageData(MessageId id) : id_(id) {}

  /// Null if the message is gone. Throws if the stored tree is damaged.
  const message::Part* tree(store::Reader& reader);
  /// Empty if the message is gone.
  const store::Content& content(store::Reader& reader);
  /// Octet ranges of a section; nothing if the message has no such part or is gone.
  std::optional<std::vector<imap::ByteRange>> ranges(store::Reader& reader, const imap::Section& section);

 private:
  MessageId id_;
  std::optional<message::Part> tree_;
  std::optional<store::Content> content_;
};

}  // namespace mox::imapserver
