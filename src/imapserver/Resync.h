// Quick resynchronisation, RFC 7162 §3.2: what a client that comes back has missed.
#pragma once

#include <cstdint>

#include "imap/Command.h"
#include "imapserver/Context.h"

namespace mox::imapserver {

/// What a client wrote as mod-sequence; values beyond ours become the largest.
ModSeq modSeqOf(std::uint64_t value);

/// The UIDs among `among` that are in no message of `view`, if they went away after `since`; all of them, where the
/// history does not reach back that far (pruned) or knows nothing of `since` (it is in the future). Never UIDs that were
/// not given out yet.
imap::NumberSet vanishedSince(store::Account& account, const store::MailboxView& view, ModSeq since, const imap::NumberSet& among);

/// UIDs of the messages that changed after `since`, and of those that are gone, as far as the client means them.
imap::NumberSet changedSince(MessageWalk messages, std::uint64_t since);

/// After SELECT (QRESYNC …) has described the mailbox: VANISHED (EARLIER) and FETCH of what has changed, then `done`.
/// Parameters of another UIDVALIDITY are passed over.
void resynchronise(Context& context, const imap::args::Qresync& client, std::function<void(Context&)> done);

}  // namespace mox::imapserver
