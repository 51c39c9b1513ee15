// FETCH and UID FETCH, RFC 9051 §6.4.5; RFC 7162 §3.1.4.
#include <fmt/format.h>

#include <algorithm>

#include "imapserver/Fetch.h"
#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

using Kind = imap::FetchItem::Kind;

bool has(const std::vector<imap::FetchItem>& items, Kind kind) {
  return std::any_of(items.begin(), items.end(), [kind](const auto& item) { return item.kind == kind; });
}

/// A reason to refuse, "" if there is none.
std::string refusal(const imap::args::Fetch& fetch) {
  if (has(fetch.items, Kind::emailId) || has(fetch.items, Kind::threadId)) return "OBJECTID is not announced here";
  if (fetch.vanished) return "VANISHED needs QRESYNC";
  if (fetch.partial) return "PARTIAL is not announced here";
  return "";
}

/// Sets \Seen where the client is about to read, before it reads: what it is told is then true.
std::vector<Uid> markSeen(Context& context, const imap::args::Fetch& fetch, const std::vector<Uid>& uids) {
  bool reads = std::any_of(fetch.items.begin(), fetch.items.end(), [](const auto& item) { return item.setsSeen(); });
  if (!reads || context.selected->isReadOnly()) return {};
  auto now = context.selected->current();
  std::vector<Uid> unseen;
  for (auto uid : uids) {
    auto index = now ? now->indexOf(uid) : std::nullopt;
    if (index && (now->at(*index).flags & store::bit(imap::Flag::seen)) == 0) unseen.push_back(uid);
  }
  if (unseen.empty()) return {};
  store::FlagChange change;
  change.mode = store::FlagChange::Mode::add;
  change.flags.set(imap::Flag::seen);
  auto done = context.account->setFlags(context.selected->mailbox(), unseen, change);
  if (!done) return {};  // the mailbox is gone: the messages are read all the same where they still are
  context.selected->told(done->modSeq);
  return done->changed;
}

void finish(Context& context, const FetchOutcome& outcome) {
  if (outcome.isUnknownCte) return context.no("UNKNOWN-CTE", "a part has an unknown transfer encoding");
  if (outcome.isExpunged) return context.no("EXPUNGEISSUED", "some messages are gone");
  context.ok("fetched");
}

}  // namespace

void handleFetch(Context& context, const imap::Command& command) {
  const auto& fetch = command.as<imap::args::Fetch>();
  if (auto reason = refusal(fetch); !reason.empty()) return context.bad(reason);
  auto uids = resolveSet(context, fetch.set, fetch.uid);
  if (!uids) return;
  if (fetch.changedSince || has(fetch.items, Kind::modSeq)) context.condstore = true;
  auto seen = markSeen(context, fetch, *uids);

  FetchRequest request;
  request.account = context.account;
  request.view = context.selected->current();
  request.items = fetch.items;
  request.mode = context.outputMode();
  request.tellModSeq = fetch.changedSince && !has(fetch.items, Kind::modSeq);
  auto outcome = std::make_shared<FetchOutcome>();
  bool hasFlags = has(fetch.items, Kind::flags);
  for (auto uid : *uids) {
    auto index = request.view ? request.view->indexOf(uid) : std::nullopt;
    if (!index) {
      outcome->isExpunged = true;
      continue;
    }
    const auto& entry = request.view->at(*index);
    if (fetch.changedSince && static_cast<std::uint64_t>(entry.modSeq.value) <= *fetch.changedSince) continue;
    bool tellFlags = !hasFlags && std::binary_search(seen.begin(), seen.end(), uid);
    request.messages.push_back({context.selected->sequence(uid), entry, tellFlags});
  }
  context.stream(makeFetchProducer(std::move(request), outcome), [outcome](Context& now) { finish(now, *outcome); });
}

}  // namespace mox::imapserver
