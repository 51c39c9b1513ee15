// CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE, STATUS, quota. RFC 9051 §6.3; RFC 6154; RFC 9208.
#include <fmt/format.h>

#include "base/Text.h"
#include "imapserver/Append.h"
#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

std::optional<store::SpecialUses> specialUses(const std::vector<std::string>& names) {
  store::SpecialUses uses = 0;
  for (const auto& name : names) {
    auto key = lower(name);
    if (key == "\\archive") uses |= store::archiveUse;
    else if (key == "\\drafts") uses |= store::draftsUse;
    else if (key == "\\junk") uses |= store::junkUse;
    else if (key == "\\sent") uses |= store::sentUse;
    else if (key == "\\trash") uses |= store::trashUse;
    else return std::nullopt;
  }
  return uses;
}

void quotaLine(Context& context) {
  auto limit = context.quota();
  if (limit < 0) return;
  auto used = context.account->reader().messageBytes();
  context.untagged(fmt::format("QUOTA \"\" (STORAGE {} {})", (used + 1023) / 1024, (limit + 1023) / 1024));
}

}  // namespace

void handleCreate(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Create>();
  auto name = imap::MailboxName::parseForCreate(arguments.mailbox);
  if (!name) return context.no("CANNOT", name.error().text);
  auto uses = specialUses(arguments.specialUse);
  if (!uses) return context.no("USEATTR", "that special use is not supported");
  auto made = context.account->createMailbox(name->text(), *uses);
  if (!made) return context.no(made.error());
  for (const auto& row : made->created) {
    context.out += "* LIST (\\Subscribed) \"/\" ";
    imap::writeMailbox(context.out, row.name, context.outputMode());
    // RFC 9051 §6.3.9.7: the client hears when its spelling was not the one kept.
    if (context.rev2 && row.name == name->text() && arguments.mailbox != row.name) {
      context.out += " (\"OLDNAME\" (";
      imap::writeMailbox(context.out, arguments.mailbox, context.outputMode());
      context.out += "))";
    }
    context.out += "\r\n";
  }
  context.ok("created");
}

void handleDelete(Context& context, const imap::Command& command) {
  auto name = context.mailboxName(command.as<imap::args::Mailbox>().mailbox);
  if (!name) return;
  auto done = context.account->deleteMailbox(name->text());
  if (!done) return context.no(done.error().code == Errc::conflict ? "HASCHILDREN" : responseCode(done.error().code), done.error().text);
  context.ok("deleted");
}

void handleRename(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Rename>();
  auto from = context.mailboxName(arguments.from);
  if (!from) return;
  auto to = context.mailboxName(arguments.to);
  if (!to) return;
  auto done = context.account->renameMailbox(from->text(), to->text());
  if (!done) return context.no(done.error());
  context.ok("renamed");
}

void handleSubscribe(Context& context, const imap::Command& command) {
  auto name = context.mailboxName(command.as<imap::args::Mailbox>().mailbox);
  if (!name) return;
  auto done = context.account->subscribe(name->text());
  if (!done) return context.no(done.error());
  context.ok("subscribed");
}

void handleUnsubscribe(Context& context, const imap::Command& command) {
  auto name = context.mailboxName(command.as<imap::args::Mailbox>().mailbox);
  if (!name) return;
  auto done = context.account->unsubscribe(name->text());
  if (!done) return context.no(done.error());
  context.ok("unsubscribed");
}

void handleNamespace(Context& context, const imap::Command&) {
  context.untagged("NAMESPACE ((\"\" \"/\")) NIL NIL");
  context.ok("done");
}

std::string statusText(const store::MailboxRow& row, const std::vector<imap::StatusItem>& items) {
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
      case StatusItem::size: value = std::to_string(row.counts.size); break;
      case StatusItem::recent: value = "0"; break;
      case StatusItem::appendLimit: value = std::to_string(appendBytes.value); break;
      case StatusItem::highestModSeq: value = std::to_string(row.modSeq.value); break;
      case StatusItem::deletedStorage:
      case StatusItem::mailboxId: continue;  // refused before: see unsupported()
    }
    if (out.size() > 1) out += ' ';
    out.append(imap::statusItemName(item)).append(" ").append(value);
  }
  return out + ")";
}

void handleStatus(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Status>();
  for (auto item : arguments.items)
    if (item == imap::StatusItem::deletedStorage || item == imap::StatusItem::mailboxId)
      return context.bad(fmt::format("STATUS item {} is not announced here", imap::statusItemName(item)));
  auto row = context.mailbox(arguments.mailbox);
  if (!row) return;
  // RFC 7162 §3.1.8: asking for HIGHESTMODSEQ enables CONDSTORE.
  for (auto item : arguments.items)
    if (item == imap::StatusItem::highestModSeq) context.condstore = true;
  context.out += "* STATUS ";
  imap::writeMailbox(context.out, row->name, context.outputMode());
  context.out += " " + statusText(*row, arguments.items) + "\r\n";
  context.ok("done");
}

void handleGetQuotaRoot(Context& context, const imap::Command& command) {
  auto row = context.mailbox(command.as<imap::args::Mailbox>().mailbox);
  if (!row) return;
  context.out += "* QUOTAROOT ";
  imap::writeMailbox(context.out, row->name, context.outputMode());
  context.out += " \"\"\r\n";
  quotaLine(context);
  context.ok("done");
}

void handleGetQuota(Context& context, const imap::Command& command) {
  if (!command.as<imap::args::Quota>().root.empty()) return context.no("NONEXISTENT", "no such quota root");
  quotaLine(context);
  context.ok("done");
}

}  // namespace mox::imapserver
