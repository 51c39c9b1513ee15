// NOTIFY, RFC 5465 §3.
#include <algorithm>

#include "imapserver/Handlers.h"
#include "imapserver/MailboxFilter.h"
#include "imapserver/Notifications.h"
#include "imapserver/NotifyTell.h"

namespace mox::imapserver {

namespace {

using Event = Notifications::Event;
using Group = Notifications::Group;

constexpr std::string_view supported =
    "BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange MailboxMetadataChange ServerMetadataChange)";

bool isSelectedGroup(const Group& group) {
  return group.filter.kind == imap::MailboxFilter::Kind::selected || group.filter.kind == imap::MailboxFilter::Kind::selectedDelayed;
}

/// AnnotationChange goes with ANNOTATE (RFC 5257), which is not done here.
bool isUnsupported(const Group& group) { return hasEvent(group, Event::annotationChange) || hasEvent(group, Event::unknown); }

/// Why these events do not go together, "" if they do. RFC 5465 §5, §6.1, §8.
std::string_view defect(const Group& group) {
  bool fresh = hasEvent(group, Event::messageNew), expunge = hasEvent(group, Event::messageExpunge);
  if (fresh != expunge) return "MessageNew and MessageExpunge go together";
  if (hasEvent(group, Event::flagChange) && !fresh) return "FlagChange needs MessageNew and MessageExpunge";
  bool other = std::any_of(group.events.begin(), group.events.end(), [](const auto& event) { return event.kind >= Event::mailboxName; });
  if (isSelectedGroup(group) && other) return "the selected mailbox has events of messages only";
  bool fetches = std::any_of(group.events.begin(), group.events.end(), [](const auto& event) { return !event.items.empty(); });
  if (!isSelectedGroup(group) && fetches) return "only of the selected mailbox is something fetched";
  return "";
}

}  // namespace

void handleNotify(Context& context, const imap::Command& command) {
  const auto& notify = command.as<imap::args::Notify>();
  if (!notify.groups) {
    context.listening().none();
    return context.ok("nothing is told");
  }
  auto groups = *notify.groups;
  if (std::count_if(groups.begin(), groups.end(), isSelectedGroup) > 1) return context.bad("SELECTED and SELECTED-DELAYED go once");
  for (auto& group : groups) {
    if (isUnsupported(group)) return context.no(supported, "there is no such event here");
    if (auto why = defect(group); !why.empty()) return context.bad(why);
    group.filter = canonicalFilter(std::move(group.filter));
  }
  context.catchUp();  // §3.1: it is a NOOP, too
  context.listening().set(std::move(groups));
  if (notify.status) tellStatusOfAll(context);
  context.ok("set");
}

}  // namespace mox::imapserver
