// RSET, VRFY, EXPN, HELP, NOOP, QUIT: RFC 5321 §4.1.1.5 to §4.1.1.10.
#include "smtpserver/Handlers.h"

namespace mox::smtpserver {

void handleRset(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseNothing(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  context.resetTransaction();
  context.reply(250, "2.0.0", "reset");
}

/// RFC 5321 §3.5.3, §7.3: we say nothing of who lives here.
void handleLookup(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseLookup(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  context.reply(252, "2.5.2", "send mail and see");
}

void handleHelp(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseOptionalText(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  context.reply(214, "2.0.0", "see RFC 5321");
}

void handleNoop(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseOptionalText(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  context.reply(250, "2.0.0", "as you like");
}

void handleQuit(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseNothing(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  context.replyAndClose(221, "2.0.0", "goodbye");
}

}  // namespace mox::smtpserver
