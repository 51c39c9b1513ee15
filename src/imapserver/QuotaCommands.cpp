// GETQUOTAROOT, GETQUOTA, SETQUOTA: RFC 9208.
//
// An account has one quota root, "", if the configuration limits it; STORAGE and MESSAGE are told where they are limited.
// An account without limits has no quota root at all (§3.2: a mailbox may have none).
#include <fmt/format.h>

#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

bool isLimited(const Context& context) { return context.quota() >= 0 || context.quotaMessages() >= 0; }

/// RFC 9208 §5.1: STORAGE is counted in units of 1024 octets.
std::int64_t units(std::int64_t octets) { return (octets + 1023) / 1024; }

void quotaLine(Context& context) {
  auto reader = context.account->reader();
  std::string resources;
  if (auto limit = context.quota(); limit >= 0) resources = fmt::format("STORAGE {} {}", units(reader.messageBytes()), units(limit));
  if (auto limit = context.quotaMessages(); limit >= 0)
    resources += fmt::format("{}MESSAGE {} {}", resources.empty() ? "" : " ", reader.messageCount(), limit);
  context.untagged(fmt::format("QUOTA \"\" ({})", resources));
}

}  // namespace

void handleGetQuotaRoot(Context& context, const imap::Command& command) {
  auto row = context.mailbox(command.as<imap::args::Mailbox>().mailbox);
  if (!row) return;
  bool limited = isLimited(context);
  context.out += "* QUOTAROOT ";
  imap::writeMailbox(context.out, row->name, context.outputMode());
  context.out += limited ? " \"\"\r\n" : "\r\n";
  if (limited) quotaLine(context);
  context.ok("done");
}

void handleGetQuota(Context& context, const imap::Command& command) {
  bool known = command.as<imap::args::Quota>().root.empty() && isLimited(context);
  if (!known) return context.no("NONEXISTENT", "no such quota root");
  quotaLine(context);
  context.ok("done");
}

/// QUOTASET is not announced: limits come from the configuration, and no mail user may move them.
void handleSetQuota(Context& context, const imap::Command& command) {
  bool known = command.as<imap::args::SetQuota>().root.empty() && isLimited(context);
  if (!known) return context.no("NONEXISTENT", "no such quota root");
  context.no("NOPERM", "limits are set by the administrator");
}

}  // namespace mox::imapserver
