// Telling what Notifications noted: RFC 5465 §5.
#pragma once

#include "imapserver/Context.h"

namespace mox::imapserver {

/// Writes what was noted: before the tagged reply of commands that may carry it, and below.
void tellNoted(Context& context);
/// That, and the selected mailbox as NOTIFY has it, with a FETCH of new messages (a stream); only when no command is under way, or in IDLE.
void tellNotifications(Context& context);
/// NOTIFY SET STATUS, RFC 5465 §3.1: a STATUS line for each mailbox whose messages are asked for, but the selected one.
void tellStatusOfAll(Context& context);

}  // namespace mox::imapserver
