// Object identifiers, RFC 8474: a letter for the kind and a number that the store never gives out twice.
#pragma once

#include <string>

#include "base/Strong.h"

namespace mox::imapserver {

/// Of a message's octets: copies share it, and moving keeps it.
inline std::string emailIdText(ContentId id) { return "E" + std::to_string(id.value); }
inline std::string threadIdText(ThreadId id) { return "T" + std::to_string(id.value); }
/// Renaming keeps it.
inline std::string mailboxIdText(MailboxId id) { return "M" + std::to_string(id.value); }

}  // namespace mox::imapserver
