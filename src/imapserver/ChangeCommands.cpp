// STORE, COPY, MOVE, EXPUNGE and their UID forms. RFC 9051 §6.4.3, §6.4.6–§6.4.9; RFC 7162 §3.1.3; RFC 4315.
#include <fmt/format.h>

#include <algorithm>

#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

std::vector<std::uint32_t> numbers(const std::vector<Uid>& uids) {
  std::vector<std::uint32_t> out;
  out.reserve(uids.size());
  for (auto uid : uids) out.push_back(uid.value);
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
  if (arguments.unchangedSince) change.unchangedSince = ModSeq(static_cast<std::int64_t>(*arguments.unchangedSince));
  return change;
}

/// FETCH lines after a STORE: flags of all asked for unless silent, MODSEQ of the changed ones with CONDSTORE.
void tellFlags(Context& context, const std::vector<Uid>& asked, const store::FlagsSet& done, bool silent) {
  auto now = context.selected->current();
  if (!now) return;
  for (auto uid : asked) {
    auto index = now->indexOf(uid);
    auto sequence = context.selected->sequence(uid);
    if (!index || sequence == 0) continue;
    const auto& entry = now->at(*index);
    bool isModified = std::binary_search(done.modified.begin(), done.modified.end(), uid);
    if (!silent || isModified) {
      writeFlagsFetch(context.out, sequence, *now, entry, context.condstore);
    } else if (context.condstore) {
      context.untagged(fmt::format("{} FETCH (UID {} MODSEQ ({}))", sequence, uid.value, entry.modSeq.value));
    }
  }
}

bool mayWrite(Context& context) {
  if (!context.selected->isReadOnly()) return true;
  context.no("CANNOT", "the mailbox is open read-only");
  return false;
}

}  // namespace

std::optional<std::vector<Uid>> resolveSet(Context& context, const imap::SequenceSet& set, bool uid) {
  auto uids = context.selected->resolve(set, uid);
  if (!uids) context.bad("there is no message with that number");
  return uids;
}

void handleStore(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Store>();
  if (!mayWrite(context)) return;
  auto uids = resolveSet(context, arguments.set, arguments.uid);
  if (!uids) return;
  if (arguments.unchangedSince) context.condstore = true;
  auto done = context.account->setFlags(context.selected->mailbox(), *uids, flagChange(arguments));
  if (!done) return context.no(done.error());
  if (done->modSeq) context.selected->told(done->modSeq);
  tellFlags(context, *uids, *done, arguments.silent);
  if (done->modified.empty()) return context.ok("stored");
  context.ok("MODIFIED " + modifiedSet(*context.selected, done->modified, arguments.uid).text(), "some were changed by others");
}

void handleCopy(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Copy>();
  auto uids = resolveSet(context, arguments.set, arguments.uid);
  if (!uids) return;
  auto destination = context.mailbox(arguments.mailbox, "TRYCREATE");
  if (!destination) return;
  if (uids->empty()) return context.no("", "no such messages");
  auto done = context.account->copy(context.selected->mailbox(), *uids, destination->id, {context.quota(), 0, 0, context.quotaMessages()});
  if (!done) return context.no(done.error());
  if (done->from.empty()) return context.no("EXPUNGEISSUED", "the messages are gone");
  context.ok(imap::copyUidCode(done->uidValidity.value, numbers(done->from), numbers(done->to)), "copied");
}

void handleMove(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Copy>();
  if (!mayWrite(context)) return;
  auto uids = resolveSet(context, arguments.set, arguments.uid);
  if (!uids) return;
  auto destination = context.mailbox(arguments.mailbox, "TRYCREATE");
  if (!destination) return;
  if (uids->empty()) return context.no("", "no such messages");
  auto done = context.account->move(context.selected->mailbox(), *uids, destination->id);
  if (!done) return context.no(done.error());
  if (done->from.empty()) return context.no("EXPUNGEISSUED", "the messages are gone");
  // RFC 6851 §4.3: COPYUID goes untagged, before the EXPUNGE responses that ok() sends.
  context.untagged("OK [" + imap::copyUidCode(done->uidValidity.value, numbers(done->from), numbers(done->to)) + "] moved");
  context.ok("moved");
}

void handleExpunge(Context& context, const imap::Command&) {
  if (!mayWrite(context)) return;
  // Only what this client knows of: others' deletions of messages it has not seen are theirs to expunge.
  std::vector<Uid> uids;
  context.selected->view().forEach([&](const store::ViewEntry& entry) { uids.push_back(entry.uid); });
  auto done = context.account->expunge(context.selected->mailbox(), uids, true);
  if (!done) return context.no(done.error());
  context.ok("expunged");
}

void handleUidExpunge(Context& context, const imap::Command& command) {
  if (!mayWrite(context)) return;
  auto uids = resolveSet(context, command.as<imap::args::UidExpunge>().set, true);
  if (!uids) return;
  auto done = context.account->expunge(context.selected->mailbox(), *uids, true);
  if (!done) return context.no(done.error());
  context.ok("expunged");
}

}  // namespace mox::imapserver
