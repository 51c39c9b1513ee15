// Importer::follow(): a repeated import from another server.
#include <algorithm>
#include <map>

#include "transfer/Importer.h"

namespace mox::transfer {

namespace {

constexpr std::int64_t originsAtOnce = 1'000;

/// Messages of one mailbox here whose flags change in the same way.
struct Group {
  imap::Flags add, remove;
  std::vector<Uid> uids;
  std::vector<store::ImportOrigin> origins;
};
using Groups = std::map<std::pair<std::int64_t, std::string>, Group>;

void addTo(Groups& groups, const store::ImportOrigin& origin, const imap::Flags& there) {
  auto add = imap::subtract(there, origin.flags), remove = imap::subtract(origin.flags, there);
  auto& group = groups[{origin.mailbox.value, imap::flagsText(add) + imap::flagsText(remove)}];
  group.add = std::move(add);
  group.remove = std::move(remove);
  group.uids.push_back(origin.uid);
  group.origins.push_back(origin);
  group.origins.back().flags = there;
}

/// Its entry here; null if it was expunged or moved.
const store::ViewEntry* entryOf(const store::View& view, Uid uid) {
  auto index = view ? view->indexOf(uid) : std::nullopt;
  return index ? &view->at(*index) : nullptr;
}

/// Sets the flags; messages that nobody else had changed are still as the import left them.
Result<void> change(store::Account& account, Group& group) {
  auto mailbox = group.origins.front().mailbox;
  std::sort(group.uids.begin(), group.uids.end());
  for (auto mode : {store::FlagChange::Mode::add, store::FlagChange::Mode::remove}) {
    const auto& flags = mode == store::FlagChange::Mode::add ? group.add : group.remove;
    if (flags.empty()) continue;
    auto before = account.snapshot(mailbox);
    auto done = account.setFlags(mailbox, group.uids, {mode, flags, {}});
    if (!done) return done.error().code == Errc::notFound ? Result<void>() : tl::unexpected(done.error());
    for (auto& origin : group.origins) {
      const auto* entry = entryOf(before, origin.uid);
      bool wasOurs = entry != nullptr && entry->modSeq == origin.modSeq;
      if (wasOurs && std::binary_search(done->changed.begin(), done->changed.end(), origin.uid)) origin.modSeq = done->modSeq;
    }
  }
  return {};
}

}  // namespace

Result<void> Importer::follow(const SourceState& now) {
  for (auto from = now.first; from <= now.last;) {
    auto origins = account_->reader().importOrigins(now.source, Uid(from), Uid(now.last), originsAtOnce);
    if (origins.empty()) break;
    Groups groups;
    std::map<MailboxId, std::vector<Uid>> removed;
    std::vector<store::ImportOrigin> changed, gone;
    for (const auto& origin : origins) {
      auto there = now.there.find(origin.there.value);
      bool isGone = there == now.there.end();
      if (isGone && !(now.isComplete && options_.removes)) continue;
      const auto* entry = entryOf(account_->snapshot(origin.mailbox), origin.uid);
      if (entry == nullptr || isGone) gone.push_back(origin);
      else if (there->second != origin.flags) addTo(groups, origin, there->second);
      if (isGone && entry != nullptr && entry->modSeq == origin.modSeq) removed[origin.mailbox].push_back(origin.uid);
    }
    for (auto& [key, group] : groups) {
      if (auto done = change(*account_, group); !done) return done;
      counts_.changed += group.origins.size();
      changed.insert(changed.end(), group.origins.begin(), group.origins.end());
    }
    for (auto& [mailbox, uids] : removed) {
      std::sort(uids.begin(), uids.end());
      auto done = account_->expunge(mailbox, uids, false);
      if (!done && done.error().code != Errc::notFound) return tl::unexpected(done.error());
      if (done) counts_.removed += uids.size();
    }
    account_->updateOrigins(changed, gone);
    if (listener_.stopping && listener_.stopping()) return fail(Errc::temporary, "the server stops; run the import again to go on");
    tellProgress();
    if (origins.back().there.value == now.last) break;
    from = origins.back().there.value + 1;
  }
  return {};
}

}  // namespace mox::transfer
