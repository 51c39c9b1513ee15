// STORE, COPY, MOVE, EXPUNGE and their UID forms. RFC 9051 §6.4.3, §6.4.6–§6.4.9; RFC 7162 §3.1.3; RFC 4315.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "imap/Flags.h"
#include "imapserver/Fetch.h"
#include "imapserver/Handlers.h"
#include "imapserver/Resync.h"

namespace mox::imapserver {

namespace {

std::vector<std::uint32_t> numbers(const std::vector<Uid>& uids) {
  std::vector<std::uint32_t> out;
  out.reserve(uids.size());
  for (auto uid : uids) out.push_back(uid.value);
  return out;
}

imap::NumberSet setOf(const std::vector<Uid>& uids) {
  imap::NumberSet out;
  for (auto uid : uids) out.add(uid.value);
  return out;
}

/// What MODIFIED lists: UIDs for UID STORE, else sequence numbers.
imap::NumberSet modifiedSet(const Selected& selected, const std::vector<Uid>& uids, bool uid) {
  imap::NumberSet out;
  for (auto one : uids) out.add(uid ? one.value : selected.sequence(one));
  return out;
}

store::FlagChange flagChange(const imap::args::Store& arguments) {
  store::FlagChange change;
  using Action = imap::args::Store::Action;
  using Mode = store::FlagChange::Mode;
  change.mode = arguments.action == Action::replace ? Mode::replace : arguments.action == Action::add ? Mode::add : Mode::remove;
  change.flags = arguments.flags;
  if (arguments.unchangedSince) change.unchangedSince = modSeqOf(*arguments.unchangedSince);
  return change;
}

/// What a client must hear even of a silent STORE (RFC 9051 §6.4.6): messages that others had changed, whether that made
/// the STORE fail (UNCHANGEDSINCE) or not.
std::vector<Uid> surprises(const Selected& selected, const store::FlagsSet& done) {
  auto out = done.modified;
  for (const auto& [uid, before] : done.overtaken)
    if (!selected.isOwn(before)) out.push_back(uid);
  return out;
}

bool someAreGone(const Selected& selected, const std::vector<Uid>& uids) {
  auto now = selected.current();
  return !uids.empty() && (!now || std::any_of(uids.begin(), uids.end(), [&](Uid uid) { return !now->indexOf(uid); }));
}

/// FETCH lines after a STORE, and then `end`: flags of all asked for, or if silent only MODSEQ of the changed ones, with
/// CONDSTORE.
void tellFlags(Context& context, const std::vector<Uid>& asked, const store::FlagsSet& done, bool silent, std::function<void(Context&)> end) {
  auto now = context.selected->current();
  auto tell = context.tellMode();
  const auto& selected = *context.selected;
  if (silent && now)
    for (auto uid : surprises(selected, done))
      if (auto index = now->indexOf(uid))
        writeFlagsFetch(context.out, selected.sequence(uid), *now, now->at(*index), tell.recent && selected.isRecent(uid), tell);
  if (!now || (silent && !context.condstore)) return end(context);
  imap::FetchItem item;
  item.kind = silent ? imap::FetchItem::Kind::modSeq : imap::FetchItem::Kind::flags;
  FetchRequest request{context.account, MessageWalk(context.selected->held(), now, setOf(silent ? done.changed : asked)), {item}};
  request.tell = context.tellMode();
  if (request.tell.recent) request.recent = context.selected->recent();
  request.tellModSeq = context.condstore;
  request.mode = context.outputMode();
  context.stream(makeFetchProducer(std::move(request), std::make_shared<FetchOutcome>()), std::move(end));
}

/// The end of a STORE. RFC 2180 §4.2: who names messages by number and waits for their flags must know why some do not come;
/// the others were stored. `code`: MODIFIED, which RFC 7162 §3.1.3 wants in the tagged reply, or "".
void finishStore(Context& context, const std::string& limited, std::string code, bool isMissing) {
  if (!isMissing) return okLimited(context, limited, code, code.empty() && limited.empty() ? "stored" : "not all were stored");
  if (!limited.empty()) imap::writeStatus(context.out, "*", "NO", limited, "only the newest messages");
  context.no(code.empty() ? "EXPUNGEISSUED" : code, "some messages are gone");
}

/// The end of a command that expunged: RFC 7162 §3.2.7 wants HIGHESTMODSEQ then, and it must not be beyond what the client
/// was told. `limited`: of limitMessages().
void endExpunge(Context& context, ModSeq expunged, const std::string& limited, std::string_view text) {
  context.sync();
  std::string code;
  if (expunged && context.condstore) code = "HIGHESTMODSEQ " + std::to_string(context.selected->toldModSeq().value);
  okLimited(context, limited, code, text);
}

/// Those of `uids` that have \Deleted: what UID EXPUNGE works on, however many it names.
imap::NumberSet deleted(Context& context, imap::NumberSet uids) {
  imap::NumberSet out;
  MessageWalk walk(context.selected->held(), context.selected->current(), std::move(uids));
  while (auto step = walk.next())
    if (step->entry != nullptr && (step->entry->flags & store::bit(imap::Flag::deleted)) != 0) out.add(step->uid.value);
  return out;
}

bool mayWrite(Context& context) {
  if (!context.selected->isReadOnly()) return true;
  context.no("CANNOT", "the mailbox is open read-only");
  return false;
}

/// COPY or MOVE of nothing. RFC 9051 §6.4.9, RFC 5182 §2.1: what UIDs and `$` do not find is passed over, and to copy none of
/// them is no failure. `known`: the client does not know yet that they are gone.
void endWithout(Context& context, const imap::args::Copy& arguments, bool known) {
  std::string_view code = known ? "EXPUNGEISSUED" : "", text = known ? "the messages are gone" : "there are no such messages";
  bool mayBeNone = arguments.uid || arguments.set.isSaved();
  if (mayBeNone) context.ok(code, text);
  else context.no(code, text);
}

}  // namespace

std::string limitMessages(Context& context, imap::NumberSet& uids) {
  const auto& limit = context.listener->messageLimit;
  auto most = static_cast<std::size_t>(limit.value);
  if (context.selected->count(uids) <= most) return "";
  context.services.limits.hit(limit, context.account->name());
  auto lowest = context.selected->newest(uids, most).value;
  imap::NumberSet rest;
  rest.addRange(lowest, std::numeric_limits<std::uint32_t>::max());
  uids = uids.intersect(rest);
  return fmt::format("MESSAGELIMIT {} {}", limit.value, lowest);
}

std::string messageLimitCode(const Context& context) { return fmt::format("MESSAGELIMIT {}", context.listener->messageLimit.value); }

void okLimited(Context& context, const std::string& limited, std::string_view code, std::string_view text) {
  if (limited.empty() || code.empty()) return context.ok(code.empty() ? limited : code, text);
  imap::writeStatus(context.out, "*", "NO", limited, "only the newest messages");
  context.ok(code, text);
}

const Limit& keywordLimit(Context& context, MailboxId mailbox, const store::Keywords& added) {
  auto row = context.account->reader().mailbox(mailbox);
  return row && store::exceedMailbox(row->keywords, added) ? store::mailboxKeywords : store::messageKeywords;
}

std::optional<imap::NumberSet> resolveSet(Context& context, const imap::SequenceSet& set, bool uid) {
  auto uids = context.selected->resolve(set, uid);
  if (!uids) context.bad("there is no message with that number");
  return uids;
}

void handleStore(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Store>();
  auto set = resolveSet(context, arguments.set, arguments.uid);
  if (!set || !mayWrite(context)) return;
  if (arguments.unchangedSince) context.enableCondstore();
  auto limited = limitMessages(context, *set);
  auto uids = context.selected->list(*set);
  auto change = flagChange(arguments);
  change.known = context.selected->view().highestModSeq();
  auto done = context.account->setFlags(context.selected->mailbox(), uids, change);
  if (!done) return context.no(done.error(), keywordLimit(context, context.selected->mailbox(), change.flags.keywords));
  std::string code;
  if (!done->modified.empty()) code = "MODIFIED " + modifiedSet(*context.selected, done->modified, arguments.uid).text();
  bool isMissing = !arguments.silent && !arguments.uid && !arguments.set.isSaved() && someAreGone(*context.selected, uids);
  tellFlags(context, uids, *done, arguments.silent, [code, limited, isMissing, own = done->modSeq](Context& now) {
    if (own) now.selected->told(own);
    finishStore(now, limited, code, isMissing);
  });
}

void handleCopy(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Copy>();
  auto set = resolveSet(context, arguments.set, arguments.uid);
  if (!set) return;
  auto destination = context.mailbox(arguments.mailbox, "TRYCREATE");
  if (!destination) return;
  // RFC 9738 §3.1: a copy is whole or not at all.
  if (auto limited = limitMessages(context, *set); !limited.empty())
    return context.no(limited, "too many messages at once");
  auto uids = context.selected->list(*set);
  if (uids.empty()) return endWithout(context, arguments, false);
  auto done = context.account->copy(context.selected->mailbox(), uids, destination->id, {context.quota(), 0, 0, context.quotaMessages()});
  if (!done) return context.no(done.error(), store::mailboxKeywords);
  if (done->from.empty()) return endWithout(context, arguments, true);
  context.own(done->modSeq);
  context.ok(imap::copyUidCode(done->uidValidity.value, numbers(done->from), numbers(done->to)), "copied");
}

void handleMove(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Copy>();
  auto set = resolveSet(context, arguments.set, arguments.uid);
  if (!set || !mayWrite(context)) return;
  auto destination = context.mailbox(arguments.mailbox, "TRYCREATE");
  if (!destination) return;
  auto limited = limitMessages(context, *set);
  auto uids = context.selected->list(*set);
  if (uids.empty()) return endWithout(context, arguments, false);
  auto done = context.account->move(context.selected->mailbox(), uids, destination->id);
  if (!done) return context.no(done.error(), store::mailboxKeywords);
  if (done->from.empty()) return endWithout(context, arguments, true);
  context.own(done->modSeq);
  // RFC 6851 §4.3: COPYUID goes untagged, before the EXPUNGE responses.
  context.untagged("OK [" + imap::copyUidCode(done->uidValidity.value, numbers(done->from), numbers(done->to)) + "] moved");
  endExpunge(context, done->modSeq, limited, "moved");
}

/// RFC 9738 §3.1: never limited.
void handleExpunge(Context& context, const imap::Command&) {
  if (!mayWrite(context)) return;
  // Only what this client knows of: others' deletions of messages it has not seen are theirs to expunge.
  auto done = context.account->expungeDeleted(context.selected->mailbox(), context.selected->view().uidNext());
  if (!done) return context.no(done.error());
  endExpunge(context, done->modSeq, "", "expunged");
}

void handleUidExpunge(Context& context, const imap::Command& command) {
  auto uids = resolveSet(context, command.as<imap::args::UidExpunge>().set, true);
  if (!uids || !mayWrite(context)) return;
  if (context.selected->count(*uids) > static_cast<std::size_t>(context.listener->messageLimit.value)) uids = deleted(context, std::move(*uids));
  auto limited = limitMessages(context, *uids);
  auto done = context.account->expunge(context.selected->mailbox(), context.selected->list(*uids), true);
  if (!done) return context.no(done.error());
  endExpunge(context, done->modSeq, limited, "expunged");
}

}  // namespace mox::imapserver
