// HELO, EHLO and STARTTLS: RFC 5321 §4.1.1.1, RFC 3207.
#include "base/Date.h"
#include "base/Text.h"
#include "sasl/Server.h"
#include "smtpserver/Handlers.h"

namespace mox::smtpserver {

namespace {

std::string authLine(Context& context) {
  const auto* tls = context.channel->tls();
  if (tls == nullptr && context.listener->requireTls) return "AUTH";
  return "AUTH " + join(context.services.authenticator.mechanisms(tls, true), " ");
}

/// smtp.md §2, in order.
std::vector<std::string> extensions(Context& context) {
  const auto& listener = *context.listener;
  bool tls = context.channel->tls() != nullptr;
  bool offerTls = listener.tls && listener.announceStartTls && !tls;
  std::vector<std::string> out{"PIPELINING", "SIZE " + std::to_string(listener.maxMessageSize)};
  if (offerTls) out.emplace_back("STARTTLS");
  if (tls && (context.isSubmission() || listener.requireTlsExtension)) out.emplace_back("REQUIRETLS");
  if (context.isSubmission()) {
    out.push_back(authLine(context));
    auto seconds = std::chrono::duration_cast<std::chrono::seconds>(maxFutureRelease);
    out.push_back("FUTURERELEASE " + std::to_string(seconds.count()) + " " + rfc3339Seconds(context.services.clock.now() + seconds));
  }
  for (const char* name : {"ENHANCEDSTATUSCODES", "8BITMIME"}) out.emplace_back(name);
  out.push_back("LIMITS RCPTMAX=" + std::to_string(maxRecipients.value));
  out.emplace_back("SMTPUTF8");
  return out;
}

void greet(Context& context, Host host, bool esmtp) {
  context.resetTransaction();
  context.helo = std::move(host);
  context.esmtp = esmtp;
  smtp::Reply reply{250, "", {context.listener->hostname.ascii()}};
  // RFC 5321 §4.1.1.1: HELO gets one line; those who say it may not expect more.
  if (esmtp)
    for (auto& line : extensions(context)) reply.lines.push_back(std::move(line));
  context.reply(reply);
}

Host hostOf(const Context& context, const smtp::HelloArguments& arguments) {
  return arguments.host ? *arguments.host : Host(context.channel->remote().ip);
}

}  // namespace

void handleEhlo(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseEhlo(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  greet(context, hostOf(context, *parsed), true);
}

void handleHelo(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseHelo(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  auto host = hostOf(context, *parsed);
  const auto* domain = std::get_if<Domain>(&host);
  if (context.isSubmission() || context.services.localserve || domain == nullptr) return greet(context, host, false);
  using Reachable = delivery::Checks::Reachable;
  context.check<Reachable>([name = *domain](const delivery::Checks& checks) { return checks.resolves(name); },
                          [host](Context& c, Reachable found) {
                            // RFC 5321 §2.3.5: a name that exists. Trouble in DNS is not the client's fault.
                            if (found == Reachable::no) return c.reply(550, "5.5.0", "your name has no address");
                            greet(c, host, false);
                          });
}

void handleStartTls(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseNothing(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  if (context.channel->tls() != nullptr) return context.reply(503, "5.5.1", "TLS is on already");
  if (context.account) return context.reply(503, "5.5.1", "too late for TLS, you are logged in");
  if (!context.listener->tls || !context.listener->announceStartTls) return context.reply(503, "5.5.1", "TLS is not offered");
  if (!context.isSubmission()) {
    context.services.metrics.counter("mox_smtpserver_delivery_starttls_total", "STARTTLS of incoming deliveries.").inc();
  }
  context.reply(220, "2.0.0", "go ahead");
  context.flush();
  context.channel->startTls(context.listener->tls);
}

}  // namespace mox::smtpserver
