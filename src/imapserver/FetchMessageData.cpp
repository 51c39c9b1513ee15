#include "imapserver/FetchMessageData.h"

#include <stdexcept>

namespace mox::imapserver {

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

std::optional<std::vector<imap::ByteRange>> FetchMessageData::ranges(store::Reader& reader, const imap::Section& section) {
  const auto& bytes = content(reader);
  if (!bytes) return std::nullopt;
  if (section.part.empty() && section.what == imap::Section::Text::all) return std::vector{imap::ByteRange{0, bytes.size()}};
  const auto* root = tree(reader);
  if (root == nullptr) return std::nullopt;
  auto place = imap::findSection(*root, section);
  if (!place) return std::nullopt;
  std::string header;
  if (place->needsHeader) header = bytes.read(place->header.start, static_cast<std::size_t>(place->header.size()));
  return imap::sectionRanges(*place, section, header);
}

}  // namespace mox::imapserver
