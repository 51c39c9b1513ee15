#include "delivery/Message.h"

#include "base/Text.h"
#include "imap/Structure.h"
#include "message/HeaderFields.h"

namespace mox::delivery {

namespace {

/// As deep as message::maxNesting.
void shift(message::Part& part, std::uint64_t by, bool isRoot) {
  if (!isRoot) part.headerStart += by;
  part.bodyStart += by;
  part.end += by;
  for (auto& child : part.children) shift(child, by, false);
}

}  // namespace

std::shared_ptr<const Message> readMessage(std::shared_ptr<const store::Spool> spool) {
  auto message = std::make_shared<Message>();
  message->spool = std::move(spool);
  message->parsed = message::parse(message->data());
  const auto& root = message->parsed.root;
  message->envelope = imap::renderEnvelope(*root.envelope);
  message->bodyStructure = imap::renderBody(root);
  message->bodyStructureExtended = imap::renderBodyStructure(root);
  return message;
}

message::Parsed withPrefix(const message::Parsed& parsed, std::string_view prefix) {
  message::Parsed out = parsed;
  if (prefix.empty()) return out;
  shift(out.root, prefix.size(), true);
  out.hasHeader = true;
  out.receivedFields += static_cast<unsigned>(message::countFields(prefix, "Received"));
  bool eightBit = !isAscii(prefix);
  out.has8bit = out.has8bit || eightBit;
  out.utf8Headers = out.utf8Headers || eightBit;
  return out;
}

}  // namespace mox::delivery
