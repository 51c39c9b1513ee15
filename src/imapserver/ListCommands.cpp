// LIST with extensions and LSUB. RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154; RFC 3501 §6.3.9.
#include <map>

#include "imap/ListMatcher.h"
#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

/// A name that may be listed: a mailbox, or a subscription to one that is gone.
struct Name {
  const store::MailboxRow* row = nullptr;
  bool subscribed = false;
  bool subscribedBelow = false;  ///< CHILDINFO
};
using Names = std::map<std::string, Name>;

void specialUseFlags(std::string& flags, store::SpecialUses uses) {
  auto add = [&](std::string_view flag) { flags.append(flags.empty() ? "" : " ").append(flag); };
  if ((uses & store::archiveUse) != 0) add("\\Archive");
  if ((uses & store::draftsUse) != 0) add("\\Drafts");
  if ((uses & store::junkUse) != 0) add("\\Junk");
  if ((uses & store::sentUse) != 0) add("\\Sent");
  if ((uses & store::trashUse) != 0) add("\\Trash");
}

Names allNames(const std::vector<store::MailboxRow>& rows, const std::vector<std::string>& subscriptions) {
  Names names;
  for (const auto& row : rows) names[row.name].row = &row;
  for (const auto& name : subscriptions) names[name].subscribed = true;
  for (const auto& name : subscriptions) {
    for (auto parent = store::parentName(name); !parent.empty(); parent = store::parentName(parent)) {
      auto known = names.find(std::string(parent));
      if (known != names.end()) known->second.subscribedBelow = true;
    }
  }
  return names;
}

std::string attributes(const imap::args::List& list, const Name& entry, bool wantSubscribed) {
  std::string flags;
  auto add = [&](std::string_view flag) { flags.append(flags.empty() ? "" : " ").append(flag); };
  if (entry.row == nullptr) add("\\NonExistent");
  if (entry.row != nullptr && (list.returnChildren || !list.extended)) add(entry.row->hasChildren ? "\\HasChildren" : "\\HasNoChildren");
  if (wantSubscribed && entry.subscribed) add("\\Subscribed");
  if (entry.row != nullptr) specialUseFlags(flags, entry.row->uses);
  return flags;
}

bool isSelected(const imap::args::List& list, const Name& entry) {
  if (list.selectSpecialUse && (entry.row == nullptr || entry.row->uses == 0)) return false;
  if (list.selectSubscribed) return entry.subscribed || (list.selectRecursiveMatch && entry.subscribedBelow);
  return entry.row != nullptr;
}

void listLine(Context& context, const imap::args::List& list, const std::string& name, const Name& entry) {
  bool wantSubscribed = list.returnSubscribed || list.selectSubscribed;
  context.out += "* LIST (" + attributes(list, entry, wantSubscribed) + ") \"/\" ";
  imap::writeMailbox(context.out, name, context.outputMode());
  if (list.selectRecursiveMatch && entry.subscribedBelow) context.out += " (\"CHILDINFO\" (\"SUBSCRIBED\"))";
  context.out += "\r\n";
  if (list.returnStatus.empty() || entry.row == nullptr) return;
  context.out += "* STATUS ";
  imap::writeMailbox(context.out, name, context.outputMode());
  context.out += " " + statusText(*entry.row, list.returnStatus) + "\r\n";
}

bool isUnsupported(const imap::args::List& list) {
  if (!list.returnMetadata.empty()) return true;
  for (auto item : list.returnStatus)
    if (item == imap::StatusItem::deletedStorage || item == imap::StatusItem::mailboxId) return true;
  return false;
}

}  // namespace

void handleList(Context& context, const imap::Command& command) {
  const auto& list = command.as<imap::args::List>();
  if (isUnsupported(list)) return context.bad("that return option is not announced here");
  if (list.selectRecursiveMatch && !list.selectSubscribed) return context.bad("RECURSIVEMATCH needs SUBSCRIBED");
  // RFC 9051 §6.3.9: an empty pattern asks for the hierarchy delimiter.
  if (!list.extended && list.patterns.size() == 1 && list.patterns[0].empty()) {
    context.untagged("LIST (\\Noselect) \"/\" \"\"");
    return context.ok("done");
  }
  auto reader = context.account->reader();
  auto rows = reader.mailboxes();
  auto names = allNames(rows, reader.subscriptions());
  imap::ListMatcher matcher(list.reference, list.patterns);
  for (const auto& [name, entry] : names)
    if (isSelected(list, entry) && matcher.matches(name)) listLine(context, list, name, entry);
  context.ok("done");
}

void handleLsub(Context& context, const imap::Command& command) {
  const auto& list = command.as<imap::args::List>();
  auto reader = context.account->reader();
  auto subscriptions = reader.subscriptions();
  imap::ListMatcher matcher(list.reference, list.patterns);
  bool endsInLevel = !list.patterns.empty() && list.patterns[0].ends_with('%');
  std::map<std::string, bool> lines;  // name: is itself subscribed
  for (const auto& name : subscriptions) {
    if (matcher.matches(name)) lines[name] = true;
    if (!endsInLevel) continue;
    // RFC 3501 §6.3.9: with a % a parent stands for subscribed names below it.
    for (auto parent = store::parentName(name); !parent.empty(); parent = store::parentName(parent))
      if (matcher.matches(parent)) lines.emplace(std::string(parent), false);
  }
  for (const auto& [name, isSubscribed] : lines) {
    context.out += isSubscribed ? "* LSUB () \"/\" " : "* LSUB (\\NoSelect) \"/\" ";
    imap::writeMailbox(context.out, name, context.outputMode());
    context.out += "\r\n";
  }
  context.ok("done");
}

}  // namespace mox::imapserver
