// RCPT: RFC 5321 §4.1.1.3 and the rules of smtp.md §4.
#include <algorithm>

#include "smtpserver/Handlers.h"
#include "smtpserver/Localserve.h"

namespace mox::smtpserver {

namespace {

using Refusal = std::optional<smtp::CommandError>;
using config::Lookup;

/// A bare Postmaster is ours, RFC 5321 §4.5.1.
delivery::Recipient recipientOf(const Context& context, const smtp::RcptArguments& arguments) {
  const auto& config = *context.transaction->config;
  if (!arguments.to) return {{*Localpart::make("postmaster"), context.listener->hostname}, {Lookup::Kind::account, &config.postmaster(), nullptr}};
  auto address = arguments.to->address();
  delivery::Recipient recipient{*arguments.to, {Lookup::Kind::unknownDomain, nullptr, nullptr}};
  if (!address) return recipient;
  recipient.lookup = config.lookup(address->localpart, address->domain);
  bool unknown = recipient.lookup.kind == Lookup::Kind::unknownAddress || recipient.lookup.kind == Lookup::Kind::unknownDomain;
  if (context.services.localserve && unknown && !context.isSubmission()) recipient.lookup = localserveLookup(config);
  return recipient;
}

/// Reports on failing TLS must be able to get in without TLS.
bool isTlsReportTarget(const Lookup& lookup) {
  using Purpose = config::Target::Purpose;
  return lookup.target != nullptr && (lookup.target->purpose == Purpose::hostTlsReports || lookup.target->purpose == Purpose::tlsReports);
}

Refusal checkCount(Context& context) {
  const auto& transaction = *context.transaction;
  if (transaction.recipients.size() >= static_cast<std::size_t>(maxRecipients.value)) {
    context.services.limits.hit(maxRecipients, context.channel->remote().ip.text());
    return smtp::CommandError{452, "4.5.3", "too many recipients"};
  }
  // A bounce has one recipient; more is somebody fishing for addresses.
  if (!transaction.mail.from && !context.isSubmission() && !transaction.recipients.empty())
    return smtp::CommandError{452, "4.5.3", "only one recipient with a null sender"};
  return std::nullopt;
}

Refusal checkLookup(const Context& context, const delivery::Recipient& recipient) {
  const auto& lookup = recipient.lookup;
  bool toUs = !context.isSubmission();
  switch (lookup.kind) {
    case Lookup::Kind::unknownDomain:
      if (toUs) return smtp::CommandError{550, "5.1.1", "not our domain"};
      return std::nullopt;
    case Lookup::Kind::domainDisabled: return smtp::CommandError{450, "4.2.1", "the domain is disabled for now"};
    case Lookup::Kind::unknownAddress:
      // From outside nobody shall learn addresses this cheaply: they fail after DATA.
      if (!toUs && !context.services.localserve) return smtp::CommandError{550, "5.1.1", "no such user"};
      return std::nullopt;
    case Lookup::Kind::account:
      if (const auto& error = lookup.target->smtpError) return delivery::replyOf(*error);
      return std::nullopt;
    case Lookup::Kind::alias: return std::nullopt;
  }
  return std::nullopt;
}

void add(Context& context, delivery::Recipient recipient) {
  auto& recipients = context.transaction->recipients;
  bool twice = std::any_of(recipients.begin(), recipients.end(), [&](const delivery::Recipient& r) { return r.address == recipient.address; });
  if (!twice) recipients.push_back(std::move(recipient));
  context.reply(250, "2.1.5", "recipient noted");
}

/// Several recipients can fail one by one, which makes a DSN: only for a sender that is proved.
void addIfProved(Context& context, const delivery::Recipient& recipient) {
  auto proved = [](const spf::Verdict& verdict) { return verdict.status == spf::Status::pass; };
  auto conclude = [proved, recipient](Context& c) {
    if (proved(*c.transaction->spf)) return add(c, recipient);
    c.reply(452, "4.5.3", "only one recipient from a sender without SPF pass");
  };
  if (context.transaction->spf) return conclude(context);
  const auto& mail = context.transaction->mail;
  spf::Arguments arguments{context.channel->remote().ip, mail.from ? mail.from->address() : std::nullopt, *context.helo, context.listener->hostname};
  context.check<spf::Verdict>([arguments](const delivery::Checks& checks) { return checks.spf(arguments); },
                             [conclude](Context& c, spf::Verdict verdict) {
                               c.transaction->spf = std::move(verdict);
                               conclude(c);
                             });
}

}  // namespace

void handleRcpt(Context& context, std::string_view arguments) {
  auto& transaction = *context.transaction;
  auto parsed = smtp::parseRcpt(arguments, context.leniency(), transaction.mail.smtpUtf8);
  if (!parsed) return context.reply(parsed.error());
  if (auto error = checkCount(context)) return context.reply(*error);
  auto recipient = recipientOf(context, *parsed);
  bool toUs = !context.isSubmission();
  if (toUs && context.listener->requireTls && context.channel->tls() == nullptr && !isTlsReportTarget(recipient.lookup)) {
    return context.reply(530, "5.7.0", "use TLS first");
  }
  if (context.services.localserve && recipient.address.localpart.text().starts_with("rcptto")) {
    auto wanted = wantedFailure(recipient.address.localpart.text());
    if (wanted && wanted->hangs) return context.pause(localserveHang, [](Context& c) { c.reply(451, "4.3.0", "failure as asked for"); });
    if (wanted) return context.reply(wanted->code, wanted->code < 500 ? "4.3.0" : "5.3.0", "failure as asked for");
  }
  if (auto error = checkLookup(context, recipient)) return context.reply(*error);
  bool second = !transaction.recipients.empty();
  if (toUs && second && !context.services.localserve) return addIfProved(context, recipient);
  add(context, std::move(recipient));
}

}  // namespace mox::smtpserver
