// Object identifiers, RFC 8474: a letter for the kind and a number that the store never gives out twice.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/Strong.h"
#include "base/Text.h"

namespace mox::imapserver {

/// Of a message's octets: copies share it, and moving keeps it.
inline std::string emailIdText(ContentId id) { return "E" + std::to_string(id.value); }
inline std::string threadIdText(ThreadId id) { return "T" + std::to_string(id.value); }
/// Renaming keeps it.
inline std::string mailboxIdText(MailboxId id) { return "M" + std::to_string(id.value); }

/// The number of an identifier of this kind; nothing if it is none of ours.
inline std::optional<std::int64_t> objectNumber(std::string_view text, char kind) {
  if (text.empty() || text[0] != kind) return std::nullopt;
  auto number = parseUnsigned(text.substr(1));
  if (!number || *number > INT64_MAX) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

}  // namespace mox::imapserver
