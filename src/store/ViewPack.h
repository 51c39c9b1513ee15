// ViewPack: the entries of many messages in few octets, as table view_pack keeps them: a large mailbox that nobody has
// looked at for long is read in a twentieth of its rows' size.
//
// A part is a range of viewPart UIDs. Its pack is made by upkeep when no new message can come into it any more, and goes
// with the first change of one of its messages, in the same transaction: what is there is true. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "store/Mailbox.h"
#include "store/MailboxView.h"
#include "store/ViewBuilder.h"

namespace mox::store {

class Db;

inline constexpr std::uint32_t viewPart = 4'096;      ///< UIDs; 50 KB
inline constexpr std::size_t packWorthwhile = 1'024;  ///< messages of a part, from which on it gets a pack

constexpr std::uint32_t partOf(Uid uid) { return uid.value / viewPart; }
constexpr Uid firstOf(std::uint32_t part) { return Uid(part * viewPart); }

/// `entries` ascending.
std::string packEntries(const std::vector<DeltaEntry>& entries);
/// False if `pack` is damaged; some may have been told by then. `keywordSet` gives ViewEntry::keywords of their text.
bool unpackEntries(std::string_view pack, const std::function<std::uint32_t(std::string_view)>& keywordSet,
                   std::vector<ViewEntry>& out);
/// Packs parts from `from` on that have none and are worth it, until it has read `enough` messages, in the transaction the
/// connection is in. The part to go on with; nothing if all is done.
std::optional<std::uint32_t> packParts(Db& db, MailboxId mailbox, std::uint32_t from, std::size_t enough);
/// Removes packs of messages that were changed: `uids` ascending.
void unpackParts(Db& db, MailboxId mailbox, const std::vector<Uid>& uids, Uid uidNext);

}  // namespace mox::store
