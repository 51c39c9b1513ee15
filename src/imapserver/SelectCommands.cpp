// SELECT, EXAMINE, CLOSE, UNSELECT, CHECK. RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 3501 §6.4.1; RFC 7162 §3.2.5.
#include <fmt/format.h>

#include "imap/Flags.h"
#include "imapserver/Handlers.h"
#include "imapserver/ObjectId.h"
#include "imapserver/Resync.h"

namespace mox::imapserver {

namespace {

constexpr std::string_view systemFlags = "\\Seen \\Answered \\Flagged \\Deleted \\Draft $Forwarded $Junk $NotJunk $Phishing $MDNSent";

std::string flagList(const store::MailboxView& view) {
  std::string out(systemFlags);
  for (const auto& keyword : view.mailboxKeywords()) out += " " + keyword;
  return out;
}

/// Sequence number of the first message without \Seen, 0 if there is none.
std::size_t firstUnseen(const store::MailboxView& view) {
  std::size_t number = 0;
  for (const auto& chunk : view.chunks())
    for (const auto& entry : *chunk) {
      ++number;
      if ((entry.flags & store::bit(imap::Flag::seen)) == 0) return number;
    }
  return 0;
}

void describeMailbox(Context& context, const store::MailboxRow& row) {
  const auto& view = context.selected->view();
  bool readOnly = context.selected->isReadOnly();
  context.untagged(fmt::format("FLAGS ({})", flagList(view)));
  context.untagged(readOnly ? "OK [PERMANENTFLAGS ()] read-only" : fmt::format("OK [PERMANENTFLAGS ({} \\*)] kept", flagList(view)));
  context.untagged(fmt::format("{} EXISTS", view.size()));
  if (!context.rev2) {
    context.untagged(fmt::format("{} RECENT", context.selected->tellRecent()));
    auto unseen = context.uidOnly ? 0 : firstUnseen(view);  // a number, RFC 9586 §3
    if (unseen != 0) context.untagged(fmt::format("OK [UNSEEN {}] first unseen", unseen));
  }
  context.untagged(fmt::format("OK [UIDVALIDITY {}] valid", view.uidValidity().value));
  context.untagged(fmt::format("OK [UIDNEXT {}] next", view.uidNext().value));
  context.untagged(fmt::format("OK [HIGHESTMODSEQ {}] highest", view.highestModSeq().value));
  context.untagged(fmt::format("OK [MAILBOXID ({})] id", mailboxIdText(row.id)));  // RFC 8474 §4.2
  context.out += "* LIST () \"/\" ";
  imap::writeMailbox(context.out, row.name, context.outputMode());
  context.out += "\r\n";
}

void leave(Context& context) {
  context.selected.reset();
  context.state = imap::State::authenticated;
}

}  // namespace

void handleSelect(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Select>();
  bool readOnly = command.kind == imap::CommandKind::examine;
  if (arguments.qresync && !context.qresync) return context.bad("QRESYNC is not enabled");
  // RFC 9051 §6.3.2: the selection is given up even if the new one fails.
  if (context.selected) {
    leave(context);
    context.untagged("OK [CLOSED] previous mailbox closed");
  }
  auto row = context.mailbox(arguments.mailbox);
  if (!row) return;
  auto view = context.account->snapshot(row->id);
  if (!view) return context.no("NONEXISTENT", "no such mailbox");
  if (arguments.condstore) context.enableCondstore();
  context.selected = std::make_unique<Selected>(context.account, std::move(view), readOnly);
  if (!context.rev2) context.selected->takeRecent(Uid(1));
  describeMailbox(context, *row);
  context.state = imap::State::selected;
  auto done = [readOnly](Context& now) { now.ok(readOnly ? "READ-ONLY" : "READ-WRITE", readOnly ? "examined" : "selected"); };
  if (arguments.qresync) resynchronise(context, *arguments.qresync, done);
  else done(context);
}

void handleClose(Context& context, const imap::Command&) {
  std::string code;
  if (!context.selected->isReadOnly()) {
    auto before = context.selected->current();
    auto done = context.account->expungeDeleted(context.selected->mailbox(), context.selected->view().uidNext());
    // A mailbox that somebody deleted meanwhile is closed as well.
    if (!done && done.error().code != Errc::notFound) return context.no(done.error());
    // RFC 7162 §3.2.8; but nothing that the client was not told of may lie below it.
    bool isNext = done && done->modSeq && before && done->before == before->highestModSeq();
    if (isNext && context.condstore && context.selected->knows(*before)) code = fmt::format("HIGHESTMODSEQ {}", done->modSeq.value);
  }
  leave(context);
  context.ok(code, "closed");
}

void handleUnselect(Context& context, const imap::Command&) {
  leave(context);
  context.ok("unselected");
}

void handleCheck(Context& context, const imap::Command&) {
  if (!context.selected->current()) return context.no("NONEXISTENT", "the mailbox was deleted");
  context.ok("checked");
}

}  // namespace mox::imapserver
