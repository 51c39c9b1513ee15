// One message as its client sees it: octets, structure and sizes, each read when first needed and only once.
//
// Nearly every message is sent as it is stored. One that holds what this client must not get is downgraded
// (message/Downgrade.h), and then everything here speaks of the downgraded message; only BINARY is of the stored one.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "imap/Command.h"
#include "imapserver/FetchLiteral.h"
#include "message/Downgrade.h"
#include "message/Parsed.h"
#include "store/MailboxView.h"
#include "store/Reader.h"

namespace mox::imapserver {

class FetchMessageData {
 public:
  /// For a client; `utf8`: it takes UTF-8 in headers.
  FetchMessageData(const store::ViewEntry& entry, bool utf8);
  /// As stored, for ourselves.
  explicit FetchMessageData(MessageId id) : id_(id) {}

  /// The client gets other octets than those stored, and RFC822.SIZE is of those.
  bool isDowngraded() const { return needs_.any(); }
  /// RFC822.SIZE; nothing if the message is gone.
  std::optional<std::uint64_t> size(store::Reader& reader);

  // Each appends to `out`; false if the message is gone.
  bool writeSize(store::Reader& reader, std::string& out);
  bool writeEnvelope(store::Reader& reader, std::string& out);
  bool writeBodyStructure(store::Reader& reader, bool extended, std::string& out);

  /// A section, or what RFC822 and its like are. Nothing if there is no such part, or the message is gone.
  std::optional<std::vector<imap::ByteRange>> ranges(store::Reader& reader, const imap::Section& section);
  /// What the ranges are of.
  OctetReader octets(store::Reader& reader);

  /// RFC 3516: a part with its transfer encoding undone.
  enum class Binary { good, noPart, unknownEncoding };
  Binary binary(store::Reader& reader, const imap::FetchItem& item, MeasuredLiteral& out);

  /// As stored. Empty if the message is gone.
  const store::Content& content(store::Reader& reader);
  /// As stored. Null if the message is gone. Throws if the stored tree is damaged.
  const message::Part* tree(store::Reader& reader);

 private:
  /// Null if it need not be, or the message is gone.
  const message::Downgraded* downgraded(store::Reader& reader);
  OctetReader storedOctets(store::Reader& reader);

  MessageId id_;
  ContentId contentId_;
  std::uint32_t size_ = 0;
  message::DowngradeNeeds needs_;
  std::optional<message::Part> tree_;
  std::optional<store::Content> content_;
  std::shared_ptr<const message::Downgraded> downgraded_;
};

}  // namespace mox::imapserver
