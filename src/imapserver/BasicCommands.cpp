// CAPABILITY, NOOP, LOGOUT, ID, ENABLE, STARTTLS, COMPRESS, UNAUTHENTICATE. RFC 9051 §6.1, §6.2.1, §6.3.1; RFC 2971;
// RFC 5161; RFC 4978; RFC 8437.
#include "base/Text.h"
#include "imapserver/Handlers.h"
#include "imapserver/Notifications.h"

namespace mox::imapserver {

void handleCapability(Context& context, const imap::Command&) {
  context.untagged("CAPABILITY " + capabilities(context));
  context.ok("done");
}

void handleNoop(Context& context, const imap::Command&) { context.ok("done"); }

void handleLogout(Context& context, const imap::Command&) {
  imap::writeStatus(context.out, "*", "BYE", "", "see you");
  context.ok("logged out");
  context.closing = true;
  context.flush();
  context.channel->close();
}

void handleId(Context& context, const imap::Command& command) {
  const auto& fields = command.as<imap::args::Id>().fields;
  std::string agent;
  if (fields) {
    for (const auto& [name, value] : *fields)
      if (value && (name == "name" || name == "version")) agent += (agent.empty() ? "" : " ") + *value;
  }
  if (!agent.empty()) {
    context.exchange.setUserAgent(agent);
    context.log.debug("imap client", {{"agent", printable(agent)}});
  }
  // The version only for those who may ask (imap.md §3).
  if (context.state == imap::State::notAuthenticated) context.untagged("ID (\"name\" \"mox\")");
  else context.untagged("ID (\"name\" \"mox\" \"version\" \"" MOX_VERSION "\")");
  context.ok("done");
}

void handleEnable(Context& context, const imap::Command& command) {
  std::string enabled = "ENABLED";
  for (const auto& capability : command.as<imap::args::Enable>().capabilities) {
    if (isHidden(context, capability)) continue;
    if (capability == "IMAP4REV2") context.rev2 = context.utf8 = true;
    else if (capability == "UTF8=ACCEPT") context.utf8 = context.utf8Accept = true;
    else if (capability == "METADATA") context.listening().enableMetadata();
    else if (capability == "CONDSTORE") context.enableCondstore();
    else if (capability == "QRESYNC") context.qresync = true;
    else if (capability == "UIDONLY") context.uidOnly = true;
    else continue;  // RFC 5161 §3.1: what is not known is passed over
    enabled += " " + capability;
  }
  if (context.qresync) context.enableCondstore();  // RFC 7162 §3.2.3
  context.untagged(enabled);
  context.ok("done");
}

void handleCompress(Context& context, const imap::Command& command) {
  if (command.as<imap::args::Compress>().algorithm != "DEFLATE") return context.no("CANNOT", "only DEFLATE");
  if (context.channel->compressed()) return context.no("COMPRESSIONACTIVE", "DEFLATE is active already");
  context.ok("DEFLATE is active now");
  context.flush();
  context.channel->startCompression();
}

/// RFC 8437 §3: as a new connection, but TLS and compression stay.
void handleUnauthenticate(Context& context, const imap::Command&) {
  context.logOut();
  context.ok("CAPABILITY " + capabilities(context), "who are you?");
}

void handleStartTls(Context& context, const imap::Command&) {
  if (context.channel->compressed()) return context.bad("no TLS inside compression");
  if (context.channel->tls() != nullptr) return context.bad("TLS is active already");
  if (!context.listener->tls) return context.bad("no TLS here");
  context.ok("begin TLS now");
  context.flush();
  context.channel->startTls(context.listener->tls);
}

}  // namespace mox::imapserver
