// FETCH and UID FETCH, RFC 9051 §6.4.5; RFC 7162 §3.1.4, §3.2.6; RFC 9586.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "imapserver/Fetch.h"
#include "imapserver/Handlers.h"
#include "imapserver/Resync.h"
#include "imapserver/SearchAnswer.h"

namespace mox::imapserver {

namespace {

using Kind = imap::FetchItem::Kind;

bool has(const std::vector<imap::FetchItem>& items, Kind kind) {
  return std::any_of(items.begin(), items.end(), [kind](const auto& item) { return item.kind == kind; });
}

std::int64_t windowSize(const imap::ResultWindow& window) { return std::abs(window.last) - std::abs(window.first) + 1; }

/// A reason to refuse, "" if there is none.
std::string refusal(const Context& context, const imap::args::Fetch& fetch) {
  if (fetch.vanished && !context.qresync) return "VANISHED needs ENABLE QRESYNC";
  return "";
}

/// Sets \Seen where the client is about to read, before it reads: what it is told is then true.
ModSeq markSeen(Context& context, const imap::args::Fetch& fetch, const imap::NumberSet& uids) {
  bool reads = std::any_of(fetch.items.begin(), fetch.items.end(), [](const auto& item) { return item.setsSeen(); });
  if (!reads || context.selected->isReadOnly()) return {};
  std::vector<Uid> unseen;
  MessageWalk walk(context.selected->held(), context.selected->current(), uids);
  while (auto step = walk.next())
    if (step->entry != nullptr && (step->entry->flags & store::bit(imap::Flag::seen)) == 0) unseen.push_back(step->uid);
  if (unseen.empty()) return {};
  store::FlagChange change;
  change.mode = store::FlagChange::Mode::add;
  change.flags.set(imap::Flag::seen);
  auto done = context.account->setFlags(context.selected->mailbox(), unseen, change);
  if (!done || !done->modSeq) return {};  // the mailbox is gone: the messages are read all the same where they still are
  context.selected->told(done->modSeq);
  return done->modSeq;
}

void finish(Context& context, const FetchOutcome& outcome, bool uid, const std::string& limited) {
  if (outcome.isUnknownCte) return context.no("UNKNOWN-CTE", "a part has an unknown transfer encoding");
  if (outcome.isMissingPart) return context.no("", "there is no such part that can be decoded");
  if (!outcome.isExpunged) return context.ok(limited, limited.empty() ? "fetched" : "fetched the newest");
  // RFC 9051 §6.4.9: UIDs without a message are passed over; of numbers the client must know why there is no answer.
  if (uid) okLimited(context, limited, "EXPUNGEISSUED", "some messages are gone");
  else context.no("EXPUNGEISSUED", "some messages are gone");
}

}  // namespace

void handleFetch(Context& context, const imap::Command& command) {
  const auto& fetch = command.as<imap::args::Fetch>();
  if (auto reason = refusal(context, fetch); !reason.empty()) return context.bad(reason);
  auto uids = resolveSet(context, fetch.set, fetch.uid);
  if (!uids) return;
  if (fetch.partial) {  // RFC 9394 §3.3: counts the messages that are there
    if (windowSize(*fetch.partial) > context.listener->messageLimit.value) {  // RFC 9738 §3.1
      context.services.limits.hit(context.listener->messageLimit, context.account->name());
      return context.no(messageLimitCode(context), "too many messages at once");
    }
    imap::NumberSet existing;
    for (auto uid : context.selected->list(*uids)) existing.add(uid.value);
    uids = inWindow(existing, *fetch.partial);
  }
  if (fetch.changedSince || has(fetch.items, Kind::modSeq)) context.enableCondstore();
  if (fetch.vanished) {
    const auto& view = context.selected->view();
    // Here `*` is the last UID given out: its message may be what has vanished.
    auto among = fetch.set.isSaved() ? *uids : fetch.set.resolve(view.uidNext().value - 1);
    imap::writeVanished(context.out, vanishedSince(*context.account, view, modSeqOf(*fetch.changedSince), among), true);
  }
  auto limited = limitMessages(context, *uids);
  // Before \Seen is set, which changes what it is set on: only what is answered is read (RFC 7162 §3.1.4.1).
  if (fetch.changedSince) uids = changedSince({context.selected->held(), context.selected->current(), std::move(*uids)}, *fetch.changedSince);
  auto seen = markSeen(context, fetch, *uids);

  FetchRequest request{context.account, MessageWalk(context.selected->held(), context.selected->current(), std::move(*uids)), fetch.items};
  request.tellModSeq = fetch.changedSince || (fetch.uid && context.qresync);
  request.seen = seen;
  request.tell = context.tellMode();
  if (request.tell.recent) request.recent = context.selected->recent();
  request.mode = context.outputMode();
  auto outcome = std::make_shared<FetchOutcome>();
  context.stream(makeFetchProducer(std::move(request), outcome), [outcome, uid = fetch.uid, limited](Context& now) { finish(now, *outcome, uid, limited); });
}

}  // namespace mox::imapserver
