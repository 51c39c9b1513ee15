// Message flags: imap::Flags, whose bits are also the ones on disk, and what the store needs around them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/Limits.h"
#include "imap/Flags.h"

namespace mox::store {

using imap::Flag;
using imap::Flags;

using FlagBits = std::uint32_t;
constexpr FlagBits bit(Flag flag) { return static_cast<FlagBits>(flag); }

/// No flags, but beside them in the same number so that a view knows without a look at the message: it has octets that not
/// every client may get (message/Downgrade.h). Set when the message is stored, never changed, never told.
inline constexpr FlagBits utf8HeadersMark = 1u << 30, nulMark = 1u << 31;
inline constexpr FlagBits contentMarks = utf8HeadersMark | nulMark;

/// Sorted, lower case, each once.
using Keywords = std::vector<std::string>;

// Limits: a client could otherwise make every message carry a megabyte of keywords.
inline constexpr Limit messageKeywords{"message-keywords", 100, "keywords"};    ///< of one message
inline constexpr Limit mailboxKeywords{"mailbox-keywords", 1'000, "keywords"};  ///< different ones a mailbox remembers
/// Whether a mailbox that knows `known` cannot learn `more`; to tell which of the two was met when keywords are Errc::tooMany.
bool exceedMailbox(const Keywords& known, const Keywords& more);

/// One space between; keywords are atoms and hold none. And back.
std::string joinKeywords(const Keywords& keywords);
Keywords splitKeywords(std::string_view text);

}  // namespace mox::store
