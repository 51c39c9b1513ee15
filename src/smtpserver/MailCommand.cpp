// MAIL: RFC 5321 §4.1.1.2, RFC 1870 (SIZE), RFC 4865 (FUTURERELEASE), RFC 8689 (REQUIRETLS).
#include "base/Text.h"
#include "smtpserver/Handlers.h"
#include "smtpserver/Localserve.h"

namespace mox::smtpserver {

namespace {

std::optional<smtp::CommandError> checkRequireTls(const Context& context, const smtp::MailArguments& mail) {
  if (!mail.requireTls) return std::nullopt;
  if (context.channel->tls() == nullptr) return smtp::CommandError{523, "5.7.10", "REQUIRETLS needs TLS"};
  if (!context.isSubmission() && !context.listener->requireTlsExtension) return smtp::CommandError{555, "5.3.3", "REQUIRETLS is not offered"};
  return std::nullopt;
}

std::optional<smtp::CommandError> checkHold(const Context& context, const smtp::MailArguments& mail) {
  if (!mail.holdFor && !mail.holdUntil) return std::nullopt;
  if (!context.isSubmission()) return smtp::CommandError{555, "5.3.3", "FUTURERELEASE is not offered"};
  auto horizon = std::chrono::duration_cast<std::chrono::seconds>(maxFutureRelease);
  if (mail.holdFor && std::chrono::seconds(*mail.holdFor) > horizon) return smtp::CommandError{554, "5.5.4", "that is too far ahead"};
  auto now = context.services.clock.now();
  if (mail.holdUntil && *mail.holdUntil > now + horizon) return smtp::CommandError{554, "5.5.4", "that is too far ahead"};
  if (mail.holdUntil && *mail.holdUntil <= now) return smtp::CommandError{554, "5.5.4", "that is past"};
  return std::nullopt;
}

/// smtp.md §4: who may be the sender of a submission. The null path may.
std::optional<smtp::CommandError> checkOwnAddress(const Context& context, const config::Config& config, const ReversePath& from) {
  if (!from) return std::nullopt;
  auto address = from->address();
  if (!address) return smtp::CommandError{550, "5.7.1", "not your address"};
  switch (config.mayUseFrom(context.account->name(), *address)) {
    case config::Config::Sender::allowed: return std::nullopt;
    case config::Config::Sender::notAllowed: return smtp::CommandError{550, "5.7.1", "not your address"};
    case config::Config::Sender::domainDisabled: return smtp::CommandError{451, "4.3.0", "the domain is disabled for now"};
  }
  return std::nullopt;
}

void accept(Context& context, smtp::MailArguments mail, config::ConfigPtr config) {
  context.badTransactions++;  // until its message is taken
  context.transaction.emplace();
  context.transaction->mail = std::move(mail);
  context.transaction->config = std::move(config);
  context.reply(250, "2.1.0", "recipients please");
}

/// RFC 5321 §3.6.2: we could not return what we cannot deliver.
void acceptReachable(Context& context, smtp::MailArguments mail, config::ConfigPtr config) {
  const auto* domain = std::get_if<Domain>(&mail.from->host);
  if (domain == nullptr) return context.reply(550, "5.7.0", "the sender must have a domain");
  if (context.services.localserve) return accept(context, std::move(mail), std::move(config));
  using Reachable = delivery::Checks::Reachable;
  context.check<Reachable>([name = *domain](const delivery::Checks& checks) { return checks.takesMail(name); },
                          [mail, config](Context& c, Reachable found) {
                            if (found == Reachable::no) return c.reply(550, "5.7.27", "the sender's domain takes no mail");
                            if (found == Reachable::unknown) return c.reply(451, "4.4.0", "the sender's domain cannot be looked up now");
                            accept(c, mail, config);
                          });
}

}  // namespace

void handleMail(Context& context, std::string_view arguments) {
  if (context.goodTransactions == 0 && context.badTransactions > maxBadTransactions) {
    context.log.info("too many bad transactions");
    // Of the connection, not of this message: on another it may be taken.
    return context.replyAndClose(421, "4.7.0", "too many failures on this connection");
  }
  auto parsed = smtp::parseMail(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  if (parsed->size && *parsed->size > context.listener->maxMessageSize) {
    return context.reply(tooLarge(*parsed->size, context.listener->maxMessageSize));
  }
  if (auto error = checkRequireTls(context, *parsed)) return context.reply(*error);
  if (auto error = checkHold(context, *parsed)) return context.reply(*error);
  if (context.services.localserve && parsed->from && parsed->from->localpart.text().starts_with("mailfrom")) {
    auto wanted = wantedFailure(parsed->from->localpart.text());
    if (wanted && wanted->hangs) return context.pause(localserveHang, [](Context& c) { c.reply(451, "4.3.0", "failure as asked for"); });
    if (wanted) return context.reply(wanted->code, wanted->code < 500 ? "4.3.0" : "5.3.0", "failure as asked for");
  }
  auto config = context.services.config.current();
  if (context.isSubmission()) {
    if (auto error = checkOwnAddress(context, *config, parsed->from)) return context.reply(*error);
  } else if (parsed->from) {
    return acceptReachable(context, std::move(*parsed), std::move(config));
  }
  accept(context, std::move(*parsed), std::move(config));
}

}  // namespace mox::smtpserver
