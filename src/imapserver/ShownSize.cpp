#include "imapserver/ShownSize.h"

#include "imapserver/FetchMessageData.h"
#include "store/Files.h"

namespace mox::imapserver {

namespace {

/// No downgrading makes more of a message. The worst is an address field of nothing but localparts of one letter: each "ä,"
/// becomes an encoded word and message::unusableAddress, 70 octets of three.
constexpr std::uint64_t growth = 32, growthOfAll = 256;

}  // namespace

bool isShownAsStored(const store::ViewEntry& entry, bool utf8) {
  constexpr auto marks = store::contentMarks;
  if ((entry.flags & marks) == 0) return true;
  return !FetchMessageData(entry, utf8).isDowngraded();
}

std::uint64_t shownSize(store::Reader& reader, const store::ViewEntry& entry, bool utf8) {
  try {
    return FetchMessageData(entry, utf8).size(reader).value_or(entry.size);
  } catch (const store::FileError&) {
    return entry.size;  // its body file is lost, which verifydata tells: no reason to tell nothing of all the others
  }
}

std::uint64_t shownBytes(store::Account& account, const store::MailboxRow& row, bool utf8) {
  auto total = static_cast<std::uint64_t>(row.counts.size);
  auto view = account.snapshot(row.id);
  if (!view) return total;
  auto left = shownSizeReads;
  std::optional<store::Reader> reader;
  view->forEach([&](const store::ViewEntry& entry) {
    if (isShownAsStored(entry, utf8)) return;
    auto cost = shownSizeRead + ((entry.flags & store::nulMark) != 0 ? entry.size : 0);  // NUL is looked for in all of it
    auto shown = entry.size * growth + growthOfAll;
    if (cost <= left) {
      if (!reader) reader.emplace(account.reader());
      shown = shownSize(*reader, entry, utf8);
      left -= cost;
    }
    if (shown > entry.size) total += shown - entry.size;
  });
  return total;
}

}  // namespace mox::imapserver
