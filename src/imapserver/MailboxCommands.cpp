// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE, STATUS. RFC 9051 §6.3; RFC 6154.
#include <fmt/format.h>

#include <map>

#include "base/Text.h"
#include "imapserver/Append.h"
#include "imapserver/Handlers.h"
#include "imapserver/ListLine.h"
#include "imapserver/ObjectId.h"
#include "imapserver/ShownSize.h"
#include "imapserver/SpecialUse.h"

namespace mox::imapserver {

namespace {

/// A LIST line for each new mailbox, parents first. `spelled`: RFC 9051 §6.3.9.7, the client hears when its spelling of
/// the last one was not the one kept.
void tellCreated(Context& context, const store::MailboxesMade& made, const std::optional<std::string>& spelled) {
  for (std::size_t i = 0; i < made.created.size(); ++i) {
    const auto& row = made.created[i];
    bool isLast = i + 1 == made.created.size();
    writeListLine(context.out, {row.name, &row, true, isLast ? spelled : std::nullopt, false}, context.outputMode());
  }
}

/// RFC 9051 §6.3.6, §6.3.9.7: clients of IMAP4rev2 are told the new names with the old ones, in the order of names.
void tellRenamed(Context& context, const store::MailboxesMade& made) {
  std::map<std::string, std::optional<std::string>> names;
  for (const auto& row : made.created) names[row.name];
  for (const auto& [from, to] : made.renamed) names[to] = from;
  auto reader = context.account->reader();
  for (const auto& [name, oldName] : names)
    if (auto row = reader.mailbox(std::string_view(name))) writeListLine(context.out, {name, &*row, row->subscribed, oldName, true}, context.outputMode());
}

}  // namespace

void handleCreate(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Create>();
  auto name = imap::MailboxName::parseForCreate(arguments.mailbox);
  if (!name) {
    context.noteName(name.error());
    return context.no("CANNOT", name.error().text);
  }
  auto uses = parseSpecialUses(arguments.specialUse);
  if (!uses) return context.no("USEATTR", "that special use is not supported");
  auto made = context.account->createMailbox(name->text(), *uses);
  if (!made) return context.no(made.error(), store::mailboxLimit);
  context.own(made->modSeq);
  tellCreated(context, *made, context.rev2 && arguments.mailbox != name->text() ? std::optional(arguments.mailbox) : std::nullopt);
  context.ok("MAILBOXID (" + mailboxIdText(made->created.back().id) + ")", "created");  // RFC 8474 §4.1
}

void handleDelete(Context& context, const imap::Command& command) {
  auto name = context.mailboxName(command.as<imap::args::Mailbox>().mailbox);
  if (!name) return;
  auto done = context.account->deleteMailbox(name->text());
  if (!done) return context.no(done.error().code == Errc::conflict ? "HASCHILDREN" : responseCode(done.error().code), done.error().text);
  context.own(*done);
  context.ok("deleted");
}

void handleRename(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Rename>();
  auto from = context.mailboxName(arguments.from);
  if (!from) return;
  auto to = context.mailboxName(arguments.to);
  if (!to) return;
  auto done = context.account->renameMailbox(from->text(), to->text());
  if (!done) {
    context.noteName(done.error());  // of a mailbox below, whose name grows with this one's
    return context.no(done.error(), store::mailboxLimit);  // parents are made
  }
  context.own(done->modSeq);
  if (context.rev2) tellRenamed(context, *done);
  context.ok("renamed");
}

void handleSubscribe(Context& context, const imap::Command& command) {
  auto name = context.mailboxName(command.as<imap::args::Mailbox>().mailbox);
  if (!name) return;
  auto done = context.account->subscribe(name->text());
  if (!done) return context.no(done.error(), store::subscriptionLimit);
  context.own(*done);
  context.ok("subscribed");
}

void handleUnsubscribe(Context& context, const imap::Command& command) {
  auto name = context.mailboxName(command.as<imap::args::Mailbox>().mailbox);
  if (!name) return;
  auto done = context.account->unsubscribe(name->text());
  if (!done) return context.no(done.error());
  context.own(*done);
  context.ok("unsubscribed");
}

void handleNamespace(Context& context, const imap::Command&) {
  context.untagged("NAMESPACE ((\"\" \"/\")) NIL NIL");
  context.ok("done");
}

std::string statusText(Context& context, const store::MailboxRow& row, const std::vector<imap::StatusItem>& items) {
  using imap::StatusItem;
  std::string out = "(";
  for (auto item : items) {
    std::string value;
    switch (item) {
      case StatusItem::messages: value = std::to_string(row.counts.total); break;
      case StatusItem::uidNext: value = std::to_string(row.uidNext.value); break;
      case StatusItem::uidValidity: value = std::to_string(row.uidValidity.value); break;
      case StatusItem::unseen: value = std::to_string(row.counts.unseen); break;
      case StatusItem::deleted: value = std::to_string(row.counts.deleted); break;
      case StatusItem::size: value = std::to_string(shownBytes(*context.account, row, context.utf8)); break;
      case StatusItem::recent: value = std::to_string(context.account->reader().countFrom(row.id, context.account->recentFrom(row.id))); break;
      case StatusItem::appendLimit: value = std::to_string(appendBytes.value); break;
      case StatusItem::highestModSeq: value = std::to_string(row.modSeq.value); break;
      case StatusItem::deletedStorage: value = std::to_string(row.counts.deletedSize); break;
      case StatusItem::mailboxId: value = "(" + mailboxIdText(row.id) + ")"; break;
    }
    if (out.size() > 1) out += ' ';
    out.append(imap::statusItemName(item)).append(" ").append(value);
  }
  return out + ")";
}

void handleStatus(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Status>();
  auto row = context.mailbox(arguments.mailbox);
  if (!row) return;
  // RFC 7162 §3.1.8: asking for HIGHESTMODSEQ enables CONDSTORE.
  for (auto item : arguments.items)
    if (item == imap::StatusItem::highestModSeq) context.enableCondstore();
  auto status = statusText(context, *row, arguments.items);  // which may fail: before the line is begun
  context.out += "* STATUS ";
  imap::writeMailbox(context.out, row->name, context.outputMode());
  context.out += " " + status + "\r\n";
  context.ok("done");
}

}  // namespace mox::imapserver
