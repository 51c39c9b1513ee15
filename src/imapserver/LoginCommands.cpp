// AUTHENTICATE and LOGIN, RFC 9051 §6.2.2 and §6.2.3.
#include "base/Text.h"
#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

void concluded(Context& context, const login::Outcome& outcome) {
  using login::Verdict;
  switch (outcome.verdict) {
    case Verdict::ok:
      if (!context.logIn(outcome.account, outcome.loginAddress)) return context.no("CONTACTADMIN", "the account cannot be opened");
      context.services.log.info("login", {{"cid", context.channel->id().value}, {"account", outcome.account}, {"username", outcome.loginAddress}});
      return context.ok("CAPABILITY " + capabilities(context), "logged in");
    case Verdict::badCredentials: return context.no("AUTHENTICATIONFAILED", outcome.text);
    case Verdict::denied: return context.no("AUTHORIZATIONFAILED", outcome.text);
    case Verdict::channelBinding: return context.no("AUTHENTICATIONFAILED", "the channel binding does not fit");
    case Verdict::disabled: return context.no("", outcome.text);
    case Verdict::protocol:
    case Verdict::cancelled: return context.bad(outcome.text);
    case Verdict::unknownMechanism: return context.no("CANNOT", outcome.text);
    case Verdict::rateLimited:
    case Verdict::overloaded: return context.no("UNAVAILABLE", outcome.text);
    case Verdict::broken: return context.no("UNAVAILABLE", "the server failed, try again later");
  }
}

/// False if the client's networks have guessed too often: BYE was said.
bool mayTry(Context& context) {
  if (!context.services.authenticator.isLimited(context.channel->remote().ip)) return true;
  context.bye("too many failed logins, try again later");
  return false;
}

bool passwordsAllowed(const Context& context) { return context.channel->tls() != nullptr || !context.listener->requireTls; }

}  // namespace

void handleAuthenticate(Context& context, const imap::Command& command) {
  const auto& arguments = command.as<imap::args::Authenticate>();
  if (sasl::sendsPassword(arguments.mechanism) && !passwordsAllowed(context)) return context.no("PRIVACYREQUIRED", "use TLS first");
  if (arguments.mechanism == "EXTERNAL" && !context.listener->clientCertificates) return context.no("CANNOT", "no client certificates here");
  if (!mayTry(context)) return;
  std::optional<std::string> initial;  // back on the wire form that Exchange takes
  if (arguments.initialResponse) initial = arguments.initialResponse->empty() ? "=" : base64(*arguments.initialResponse);
  context.exchange.start(
      *context.channel, arguments.mechanism, initial ? std::optional<std::string_view>(*initial) : std::nullopt,
      [&context](net::Channel&, std::string_view challenge) { imap::writeContinuation(context.out, base64(challenge)); },
      [&context](net::Channel& channel, const login::Outcome& outcome) {
        context.resume(channel, [&] { concluded(context, outcome); });
      });
}

void handleLogin(Context& context, const imap::Command& command) {
  if (!passwordsAllowed(context)) return context.no("PRIVACYREQUIRED", "use TLS first");
  if (!mayTry(context)) return;
  const auto& arguments = command.as<imap::args::Login>();
  context.exchange.password(*context.channel, arguments.user, arguments.password, [&context](net::Channel& channel, const login::Outcome& outcome) {
    context.resume(channel, [&] { concluded(context, outcome); });
  });
}

}  // namespace mox::imapserver
