// AUTH: RFC 4954. login::Exchange does the mechanisms; here are the replies.
#include "base/Text.h"
#include "smtpserver/Handlers.h"

namespace mox::smtpserver {

namespace {

void concluded(Context& context, const login::Outcome& outcome) {
  using login::Verdict;
  switch (outcome.verdict) {
    case Verdict::ok: {
      auto account = context.services.accounts.open(outcome.account);
      if (!account) return context.reply(454, "4.3.0", "the account cannot be opened");
      context.account = *account;
      context.loginAddress = outcome.loginAddress;
      context.log = context.log.with({"account", outcome.account});
      context.log.info("login", {{"username", outcome.loginAddress}});
      return context.reply(235, "2.7.0", "welcome");
    }
    case Verdict::badCredentials:
    case Verdict::denied: return context.reply(535, "5.7.8", outcome.text);
    case Verdict::channelBinding: return context.reply(535, "5.7.7", "the channel binding does not fit");
    case Verdict::disabled: return context.reply(525, "5.7.13", outcome.text);
    case Verdict::protocol: return context.reply(501, "5.5.2", outcome.text);
    case Verdict::cancelled: return context.reply(501, "5.0.0", "cancelled");
    case Verdict::unknownMechanism: return context.reply(504, "5.5.4", outcome.text);
    case Verdict::rateLimited: return context.replyAndClose(421, "4.7.0", outcome.text);
    case Verdict::overloaded: return context.reply(454, "4.7.0", outcome.text);
    case Verdict::broken: return context.reply(454, "4.3.0", "the server failed");
  }
}

}  // namespace

void handleAuth(Context& context, std::string_view arguments) {
  if (!context.isSubmission()) return context.reply(503, "5.5.1", "AUTH is not offered here");
  if (context.account) return context.reply(503, "5.5.1", "you are logged in already");
  auto parsed = smtp::parseAuth(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  bool tls = context.channel->tls() != nullptr;
  bool binds = parsed->mechanism.ends_with("-PLUS");  // to a TLS connection
  if (!tls && (context.listener->requireTls || binds)) return context.reply(538, "5.7.11", "use TLS first");
  if (context.services.authenticator.isLimited(context.channel->remote().ip)) {
    return context.replyAndClose(421, "4.7.0", "too many failed logins, try again later");
  }
  context.exchange.start(
      *context.channel, parsed->mechanism, parsed->initial ? std::optional<std::string_view>(*parsed->initial) : std::nullopt,
      [&context](net::Channel& channel, std::string_view challenge) {
        context.guard(channel, [&] { context.intermediate(334, base64(challenge)); });
      },
      [&context](net::Channel& channel, const login::Outcome& outcome) { context.guard(channel, [&] { concluded(context, outcome); }); });
}

}  // namespace mox::smtpserver
