#include "imapserver/Resync.h"

#include <limits>

#include "imapserver/Fetch.h"

namespace mox::imapserver {

namespace {

/// UIDs below UIDNEXT that no message of the view has.
imap::NumberSet gaps(const store::MailboxView& view) {
  imap::NumberSet out;
  std::uint32_t next = 1;
  auto upTo = [&](std::uint32_t uid) {
    if (next < uid) out.addRange(next, uid - 1);
    next = uid + 1;
  };
  view.forEach([&](const store::ViewEntry& entry) { upTo(entry.uid.value); });
  upTo(view.uidNext().value);
  return out;
}

imap::NumberSet givenOut(const store::MailboxView& view) {
  imap::NumberSet out;
  if (view.uidNext().value > 1) out.addRange(1, view.uidNext().value - 1);
  return out;
}

/// Calls `f` with each number; the set's size is bounded by its text, not by its numbers, so `f` may end it.
template <class F>
bool all(const imap::NumberSet& set, F&& f) {
  for (const auto& range : set.ranges())
    for (auto number = range.first;; ++number) {
      if (!f(number)) return false;
      if (number == range.last) break;
    }
  return true;
}

/// RFC 7162 §3.2.5.2: the client's pairs of number and UID. Up to the last pair that is still so, nothing has gone.
/// What lies behind it.
imap::NumberSet behindMatch(const store::MailboxView& view, const std::pair<imap::NumberSet, imap::NumberSet>& match) {
  std::vector<std::uint32_t> numbers;
  all(match.first, [&](std::uint32_t number) {
    numbers.push_back(number);
    return number <= view.size();  // the ones after it cannot match
  });
  std::uint32_t matched = 0;
  std::size_t at = 0;
  all(match.second, [&](std::uint32_t uid) {
    if (at == numbers.size() || numbers[at] > view.size() || view.at(numbers[at] - 1).uid.value != uid) return false;
    matched = uid;
    ++at;
    return true;
  });
  imap::NumberSet out;
  out.addRange(matched + 1, std::numeric_limits<std::uint32_t>::max());
  return out;
}

/// What went away after `since` and is not in the view; nothing if that is not known.
std::optional<imap::NumberSet> expunged(store::Account& account, const store::MailboxView& view, ModSeq since) {
  if (since > view.highestModSeq()) return std::nullopt;
  auto uids = account.reader().expungedSince(view.mailbox(), since);
  if (!uids) return std::nullopt;
  imap::NumberSet gone;
  // The history may be newer than the view: what the client still has is told when the view moves on.
  for (auto uid : *uids)
    if (!view.indexOf(uid)) gone.add(uid.value);
  return gone;
}

}  // namespace

ModSeq modSeqOf(std::uint64_t value) {
  constexpr auto largest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return ModSeq(static_cast<std::int64_t>(std::min(value, largest)));
}

imap::NumberSet vanishedSince(store::Account& account, const store::MailboxView& view, ModSeq since, const imap::NumberSet& among) {
  auto asked = among.intersect(givenOut(view));
  if (asked.empty() || since == view.highestModSeq()) return {};
  auto gone = expunged(account, view, since);
  return (gone ? *gone : gaps(view)).intersect(asked);
}

imap::NumberSet changedSince(MessageWalk messages, std::uint64_t since) {
  imap::NumberSet out;
  while (auto step = messages.next())
    if (step->entry == nullptr || static_cast<std::uint64_t>(step->entry->modSeq.value) > since) out.add(step->uid.value);
  return out;
}

void resynchronise(Context& context, const imap::args::Qresync& client, std::function<void(Context&)> done) {
  const auto& view = context.selected->view();
  if (client.uidValidity != view.uidValidity().value) return done(context);
  auto since = modSeqOf(client.modSeq);
  if (since == view.highestModSeq()) return done(context);
  auto known = client.knownUids ? client.knownUids->intersect(givenOut(view)) : givenOut(view);
  auto gone = expunged(*context.account, view, since);
  bool isFuture = since > view.highestModSeq();
  auto among = !gone && !isFuture && client.sequenceMatch ? known.intersect(behindMatch(view, *client.sequenceMatch)) : known;
  imap::writeVanished(context.out, (gone ? *gone : gaps(view)).intersect(among), true);

  auto held = context.selected->held();
  auto changed = changedSince({held, held, std::move(known)}, isFuture ? 0 : client.modSeq);
  FetchRequest request{context.account, MessageWalk(held, held, std::move(changed)), {imap::FetchItem{}}};
  request.tellModSeq = true;
  request.tell = context.tellMode();
  if (request.tell.recent) request.recent = context.selected->recent();
  request.mode = context.outputMode();
  context.stream(makeFetchProducer(std::move(request), std::make_shared<FetchOutcome>()), std::move(done));
}

}  // namespace mox::imapserver
