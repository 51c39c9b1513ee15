#include "imapserver/MailboxFilter.h"

#include <algorithm>

#include "imap/MailboxName.h"
#include "store/Mailbox.h"

namespace mox::imapserver {

namespace {

bool isTarget(const config::Destination& destination, std::string_view mailbox) {
  if (destination.mailbox == mailbox) return true;
  return std::any_of(destination.rulesets.begin(), destination.rulesets.end(), [&](const auto& rules) { return rules.mailbox == mailbox; });
}

}  // namespace

bool receivesMail(const config::AccountInfo& account, std::string_view mailbox) {
  if (mailbox == "Inbox" || store::isBelow(mailbox, "Inbox")) return true;
  const auto& destinations = account.settings.destinations;
  return std::any_of(destinations.begin(), destinations.end(), [&](const auto& entry) { return isTarget(entry.second, mailbox); });
}

bool matches(const imap::MailboxFilter& filter, std::string_view mailbox, bool subscribed, const config::AccountInfo* account) {
  using Kind = imap::MailboxFilter::Kind;
  auto any = [&](auto&& test) { return std::any_of(filter.mailboxes.begin(), filter.mailboxes.end(), test); };
  switch (filter.kind) {
    case Kind::selected:
    case Kind::selectedDelayed: return false;
    case Kind::inboxes: return account == nullptr || receivesMail(*account, mailbox);
    case Kind::personal: return true;
    case Kind::subscribed: return subscribed;
    case Kind::subtree: return any([&](const std::string& root) { return mailbox == root || store::isBelow(mailbox, root); });
    case Kind::subtreeOne: return any([&](const std::string& root) { return mailbox == root || store::parentName(mailbox) == root; });
    case Kind::mailboxes: return any([&](const std::string& name) { return mailbox == name; });
  }
  return false;
}

imap::MailboxFilter canonicalFilter(imap::MailboxFilter filter) {
  for (auto& name : filter.mailboxes) name = imap::canonicalInbox(name);
  return filter;
}

}  // namespace mox::imapserver
