// RFC822.SIZE where no FETCH asks for it: SEARCH, SORT and STATUS say of sizes what FETCH says (RFC 8438 §2).
//
// Nearly every message is sent as it is stored, and the view knows its size. One that is downgraded for a client has to be
// read, which is why the view says which ones those are.
#pragma once

#include <cstdint>

#include "store/Account.h"

namespace mox::imapserver {

/// Octets that shownBytes() reads at most, a message at least shownSizeRead: nobody else on the worker has a turn meanwhile.
inline constexpr std::uint64_t shownSizeReads = 8 << 20, shownSizeRead = 16 << 10;

/// `utf8`: the client takes UTF-8 in headers.
bool isShownAsStored(const store::ViewEntry& entry, bool utf8);
/// Of a message that is gone or lost its body file, as stored.
std::uint64_t shownSize(store::Reader& reader, const store::ViewEntry& entry, bool utf8);
/// Octets of all messages of the mailbox, as STATUS SIZE may say it: not less than the sum of their sizes, and just that but
/// for messages that are downgraded, beyond shownSizeReads of them.
std::uint64_t shownBytes(store::Account& account, const store::MailboxRow& row, bool utf8);

}  // namespace mox::imapserver
