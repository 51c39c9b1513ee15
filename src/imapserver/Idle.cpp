// IDLE, RFC 9051 §6.3.13: changes are told as they happen. Listening ends with the command, so that busy sessions are
// not woken for what they will be told anyway.
#include "imapserver/Handlers.h"
#include "imapserver/Notifications.h"

namespace mox::imapserver {

void handleIdle(Context& context, const imap::Command&) {
  context.idling = true;
  if (context.notifications) context.notifications->idle(true);
  if (context.selected) {
    auto waker = context.channel->waker();
    context.selected->listen([waker](const store::Changes&) { waker->wake(); });
    context.sync();  // what happened before the listening began
  }
  imap::writeContinuation(context.out, "idling");
}

}  // namespace mox::imapserver
