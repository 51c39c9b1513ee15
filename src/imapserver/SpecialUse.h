// Special-use attributes as text, RFC 6154 §2 and RFC 8457 §3.
//
// \Archive, \Drafts, \Junk, \Sent, \Trash and \Important are what a client gives to a mailbox it files mail in. \All and
// \Flagged are not given away: they promise a mailbox that holds every message, or every flagged one, which only a
// virtual mailbox could keep, and a client that believes the promise shows too little mail. So nobody may set them
// (USEATTR, RFC 6154 §3) and LIST never shows them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/Mailbox.h"

namespace mox::imapserver {

/// Nothing if one of them is not kept here. Any case.
std::optional<store::SpecialUses> parseSpecialUses(const std::vector<std::string>& names);
/// "\Archive \Junk"; "" for none.
std::string specialUsesText(store::SpecialUses uses);

/// The entry of METADATA that is the special use, RFC 6154 §4.
inline constexpr std::string_view specialUseEntry = "/private/specialuse";

}  // namespace mox::imapserver
