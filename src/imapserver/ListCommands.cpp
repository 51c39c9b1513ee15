// LIST with extensions and LSUB. RFC 9051 §6.3.9, RFC 5258, RFC 5819, RFC 6154, RFC 9590; RFC 3501 §6.3.9.
#include <map>

#include "imap/ListMatcher.h"
#include "imapserver/Handlers.h"
#include "imapserver/ListLine.h"
#include "imapserver/Metadata.h"
#include "imapserver/SpecialUse.h"

namespace mox::imapserver {

namespace {

using imap::args::List;

/// A name that may be listed: a mailbox, a subscription to one that is gone, or what is above such a subscription.
struct Name {
  const store::MailboxRow* row = nullptr;
  bool subscribed = false;
  bool selectedBelow = false;  ///< CHILDINFO: something below is what the selection options select
  bool hiddenBelow = false;    ///< and the patterns do not let some of it be told by its own name
};
using Names = std::map<std::string, Name>;

/// By the selection options that need no look at other names; without any, all mailboxes are.
bool isSelected(const List& list, const Name& entry) {
  if (list.selectSpecialUse && (entry.row == nullptr || entry.row->uses == 0)) return false;
  return list.selectSubscribed ? entry.subscribed : entry.row != nullptr;
}

/// `name` is selected: what is above it learns so. `isTold`: it gets a line itself.
void noteAbove(Names& names, std::string_view name, bool isTold) {
  for (auto parent = store::parentName(name); !parent.empty(); parent = store::parentName(parent)) {
    auto& above = names[std::string(parent)];
    if (above.selectedBelow && (isTold || above.hiddenBelow)) break;  // and so is all above it
    above.selectedBelow = true;
    above.hiddenBelow = above.hiddenBelow || !isTold;
  }
}

Names allNames(const List& list, const std::vector<store::MailboxRow>& rows, const std::vector<std::string>& subscriptions,
               const imap::ListMatcher& matcher) {
  Names names;
  for (const auto& row : rows) names[row.name].row = &row;
  for (const auto& name : subscriptions) names[name].subscribed = true;
  if (!list.selectRecursiveMatch) return names;
  std::vector<std::string> selected;
  for (const auto& [name, entry] : names)
    if (isSelected(list, entry)) selected.push_back(name);
  for (const auto& name : selected) noteAbove(names, name, matcher.matches(name));
  return names;
}

std::string attributes(const List& list, const Name& entry) {
  std::string flags;
  auto add = [&](std::string_view flag) { flags.append(flags.empty() ? "" : " ").append(flag); };
  if (entry.row == nullptr) add("\\NonExistent");
  if (entry.row != nullptr && (list.returnChildren || !list.extended)) add(entry.row->hasChildren ? "\\HasChildren" : "\\HasNoChildren");
  if ((list.returnSubscribed || list.selectSubscribed) && entry.subscribed) add("\\Subscribed");
  if (entry.row != nullptr && entry.row->uses != 0) add(specialUsesText(entry.row->uses));
  return flags;
}

/// RFC 9051 §6.3.9.6: which options select something below.
std::string_view childInfo(const List& list) {
  if (!list.selectSpecialUse) return " (\"CHILDINFO\" (\"SUBSCRIBED\"))";
  return list.selectSubscribed ? " (\"CHILDINFO\" (\"SUBSCRIBED\" \"SPECIAL-USE\"))" : " (\"CHILDINFO\" (\"SPECIAL-USE\"))";
}

void listLine(Context& context, store::Reader& reader, const List& list, const std::string& name, const Name& entry) {
  openListLine(context.out, attributes(list, entry), name, context.outputMode());
  if (entry.selectedBelow) context.out += childInfo(list);
  context.out += "\r\n";
  // RFC 5819 §2, RFC 9590: a name that is only told for what is below it has no STATUS and no METADATA.
  if (entry.row == nullptr || !isSelected(list, entry)) return;
  if (!list.returnStatus.empty()) {
    auto status = statusText(context, *entry.row, list.returnStatus);
    context.out += "* STATUS ";
    imap::writeMailbox(context.out, name, context.outputMode());
    context.out += " " + status + "\r\n";
  }
  if (list.returnMetadata.empty()) return;
  writeMetadata(context.out, name, metadataEntries(reader, entry.row), {list.returnMetadata, {}, {}}, context.outputMode());
}

imap::ListMatcher matcherOf(Context& context, const List& list) {
  imap::ListMatcher matcher(list.reference, list.patterns);
  if (matcher.isCut()) context.hit(imap::listPatternBytes);
  return matcher;
}

}  // namespace

void handleList(Context& context, const imap::Command& command) {
  const auto& list = command.as<List>();
  for (auto item : list.returnStatus)
    if (item == imap::StatusItem::highestModSeq) context.enableCondstore();
  // RFC 9051 §6.3.9: an empty pattern asks for the hierarchy delimiter.
  if (!list.extended && list.patterns.size() == 1 && list.patterns[0].empty()) {
    context.untagged("LIST (\\Noselect) \"/\" \"\"");
    return context.ok("done");
  }
  auto reader = context.account->reader();
  auto rows = reader.mailboxes();
  auto matcher = matcherOf(context, list);
  auto names = allNames(list, rows, reader.subscriptions(), matcher);
  // RFC 5258 §3.5: a name that is not selected is told only for what is below it and not told.
  for (const auto& [name, entry] : names)
    if ((isSelected(list, entry) || entry.hiddenBelow) && matcher.matches(name)) listLine(context, reader, list, name, entry);
  context.ok("done");
}

void handleLsub(Context& context, const imap::Command& command) {
  const auto& list = command.as<List>();
  auto reader = context.account->reader();
  auto subscriptions = reader.subscriptions();
  auto matcher = matcherOf(context, list);
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
