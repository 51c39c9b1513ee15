#include "imapserver/Metadata.h"

#include <algorithm>
#include <set>

#include "base/Text.h"
#include "imapserver/SpecialUse.h"

namespace mox::imapserver {

namespace {

using Depth = imap::args::GetMetadata::Depth;

/// `name` is `asked` or below it, not deeper than `depth`.
bool isWithin(std::string_view name, std::string_view asked, Depth depth) {
  if (name == asked) return true;
  if (depth == Depth::zero || !name.starts_with(asked) || name[asked.size()] != '/') return false;
  return depth == Depth::infinity || name.find('/', asked.size() + 1) == std::string_view::npos;
}

void writeEntry(std::string& out, std::string_view name, const std::string* value, imap::OutputMode mode) {
  out += ' ';
  imap::writeAstring(out, name);
  out += ' ';
  if (value == nullptr) out += "NIL";
  else imap::writeString(out, *value, mode);
}

}  // namespace

MetadataEntries metadataEntries(store::Reader& reader, const store::MailboxRow* row) {
  MetadataEntries entries;
  for (auto& annotation : reader.annotations(row == nullptr ? MailboxId() : row->id)) entries.emplace(annotation.key, std::move(annotation.value));
  if (row != nullptr && row->uses != 0) entries.insert_or_assign(std::string(specialUseEntry), specialUsesText(row->uses));
  return entries;
}

std::uint64_t writeMetadata(std::string& out, const std::string& mailbox, const MetadataEntries& entries, const MetadataQuery& query,
                            imap::OutputMode mode) {
  std::string values;
  std::set<std::string_view> told;
  std::uint64_t longest = 0;
  for (const auto& asked : query.entries) {
    for (auto entry = entries.lower_bound(asked); entry != entries.end() && entry->first.starts_with(asked); ++entry) {
      const auto& [name, value] = *entry;
      if (!isWithin(name, asked, query.depth) || !told.insert(name).second) continue;
      if (query.maxSize && value.size() > *query.maxSize) longest = std::max<std::uint64_t>(longest, value.size());
      else writeEntry(values, name, &value, mode);
    }
    if (query.depth == Depth::zero && !entries.contains(asked) && told.insert(asked).second) writeEntry(values, asked, nullptr, mode);
  }
  if (values.empty()) return longest;
  out += "* METADATA ";
  imap::writeMailbox(out, mailbox, mode);
  out.append(" (").append(values, 1).append(")\r\n");
  return longest;
}

}  // namespace mox::imapserver
