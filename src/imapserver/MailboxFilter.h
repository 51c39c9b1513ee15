// Which mailboxes a filter means: NOTIFY (RFC 5465 §6) and ESEARCH (RFC 7377 §2.2).
#pragma once

#include <string_view>

#include "config/Config.h"
#include "imap/Command.h"

namespace mox::imapserver {

/// Mail is delivered there (RFC 5465 §6.3): Inbox and what is below it, and where destinations and rulesets deliver.
/// The mailbox for rejects is none: what is in it was refused.
bool receivesMail(const config::AccountInfo& account, std::string_view mailbox);

/// `filter` is not selected or selectedDelayed, which depend on the session alone. Names in it as MailboxName has them:
/// see canonicalFilter(). `account` may be null: then INBOXES is PERSONAL, as the RFC wants where it cannot be told.
bool matches(const imap::MailboxFilter& filter, std::string_view mailbox, bool subscribed, const config::AccountInfo* account);

/// The filter with "Inbox" in its one spelling.
imap::MailboxFilter canonicalFilter(imap::MailboxFilter filter);

}  // namespace mox::imapserver
