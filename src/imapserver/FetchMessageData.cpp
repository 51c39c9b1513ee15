#include "imapserver/FetchMessageData.h"

#include <stdexcept>

#include "imap/Structure.h"
#include "message/DowngradeHeader.h"

namespace mox::imapserver {

FetchMessageData::FetchMessageData(const store::ViewEntry& entry, bool utf8) : id_(entry.message), contentId_(entry.content), size_(entry.size) {
  needs_.headers = !utf8 && (entry.flags & store::utf8HeadersMark) != 0;
  needs_.nul = (entry.flags & store::nulMark) != 0;
}

const message::Part* FetchMessageData::tree(store::Reader& reader) {
  if (tree_) return &*tree_;
  auto structure = reader.structure(id_);
  if (!structure) return nullptr;
  tree_ = message::decode(structure->partTree);
  if (!tree_) throw std::runtime_error("damaged message structure in the account database");
  return &*tree_;
}

const store::Content& FetchMessageData::content(store::Reader& reader) {
  if (!content_) content_ = reader.content(id_);
  return *content_;
}

OctetReader FetchMessageData::storedOctets(store::Reader& reader) {
  return [content = content(reader)](std::uint64_t offset, std::size_t count, std::string& out) { content.readInto(offset, count, out); };
}

const message::Downgraded* FetchMessageData::downgraded(store::Reader& reader) {
  if (!needs_.any() || downgraded_) return downgraded_.get();
  const auto* root = tree(reader);
  if (root == nullptr || !content(reader)) return nullptr;
  downgraded_ = std::make_shared<message::Downgraded>(*root, content(reader).size(), needs_, storedOctets(reader));
  return downgraded_.get();
}

OctetReader FetchMessageData::octets(store::Reader& reader) {
  if (downgraded(reader) == nullptr) return storedOctets(reader);
  return [message = downgraded_](std::uint64_t offset, std::size_t count, std::string& out) { message->readInto(offset, count, out); };
}

std::optional<std::uint64_t> FetchMessageData::size(store::Reader& reader) {
  if (!needs_.any()) return size_;
  const auto* message = downgraded(reader);
  return message == nullptr ? std::nullopt : std::optional(message->size());
}

bool FetchMessageData::writeSize(store::Reader& reader, std::string& out) {
  auto octets = size(reader);
  if (octets) out += std::to_string(*octets);
  return octets.has_value();
}

bool FetchMessageData::writeEnvelope(store::Reader& reader, std::string& out) {
  if (!needs_.any()) return reader.appendEnvelope(contentId_, out);
  const auto* message = downgraded(reader);
  if (message != nullptr) out += imap::renderEnvelope(message->tree().envelope.value_or(message::Envelope()));
  return message != nullptr;
}

bool FetchMessageData::writeBodyStructure(store::Reader& reader, bool extended, std::string& out) {
  if (!needs_.any()) return reader.appendBodyStructure(contentId_, extended, out);
  const auto* message = downgraded(reader);
  if (message != nullptr) out += extended ? imap::renderBodyStructure(message->tree()) : imap::renderBody(message->tree());
  return message != nullptr;
}

std::optional<std::vector<imap::ByteRange>> FetchMessageData::ranges(store::Reader& reader, const imap::Section& section) {
  if (!content(reader)) return std::nullopt;
  const auto* message = downgraded(reader);
  if (section.part.empty() && section.what == imap::Section::Text::all)
    return std::vector{imap::ByteRange{0, message == nullptr ? content(reader).size() : message->size()}};
  const auto* root = message == nullptr ? tree(reader) : &message->tree();
  if (root == nullptr) return std::nullopt;
  auto place = imap::findSection(*root, section);
  if (!place) return std::nullopt;
  std::string header;
  if (place->needsHeader) octets(reader)(place->header.start, static_cast<std::size_t>(place->header.size()), header);
  return imap::sectionRanges(*place, section, header);
}

FetchMessageData::Binary FetchMessageData::binary(store::Reader& reader, const imap::FetchItem& item, MeasuredLiteral& out) {
  const auto* root = tree(reader);
  const auto* part = root == nullptr || !content(reader) ? nullptr : message::find(*root, item.section.part);
  if (part == nullptr) return Binary::noPart;
  // RFC 9051 §6.4.5: only leaves are decoded. The whole message may be asked for, and is decoded if it is one part.
  bool isWhole = item.section.part.empty(), isLeaf = part->children.empty() && !part->isMultipart();
  if (!isLeaf && !isWhole) return Binary::noPart;
  auto encoding = isLeaf ? message::encodingOf(part->encoding) : message::Encoding::identity;
  if (!encoding) return Binary::unknownEncoding;
  DecodedRange what{{}, {part->bodyStart, part->end}, *encoding};
  if (isWhole) {
    what.head = content(reader).read(part->headerStart, static_cast<std::size_t>(part->bodyStart - part->headerStart));
    if (*encoding != message::Encoding::identity) what.head = message::downgradeHeader(what.head, {false, "binary", true});
  }
  out = decodedLiteral(storedOctets(reader), std::move(what), item.partial);
  return Binary::good;
}

}  // namespace mox::imapserver
