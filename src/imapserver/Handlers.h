// The command handlers, one a command, found by kind in Dispatch.cpp.
#pragma once

#include "imapserver/Context.h"

namespace mox::imapserver {

using Handler = void (*)(Context&, const imap::Command&);

// Any state
void handleCapability(Context& context, const imap::Command& command);
void handleNoop(Context& context, const imap::Command& command);
void handleLogout(Context& context, const imap::Command& command);
void handleId(Context& context, const imap::Command& command);
// Not authenticated
void handleStartTls(Context& context, const imap::Command& command);
void handleAuthenticate(Context& context, const imap::Command& command);
void handleLogin(Context& context, const imap::Command& command);
// Authenticated
void handleEnable(Context& context, const imap::Command& command);
void handleSelect(Context& context, const imap::Command& command);
void handleCreate(Context& context, const imap::Command& command);
void handleDelete(Context& context, const imap::Command& command);
void handleRename(Context& context, const imap::Command& command);
void handleSubscribe(Context& context, const imap::Command& command);
void handleUnsubscribe(Context& context, const imap::Command& command);
void handleList(Context& context, const imap::Command& command);
void handleLsub(Context& context, const imap::Command& command);
void handleNamespace(Context& context, const imap::Command& command);
void handleStatus(Context& context, const imap::Command& command);
void handleCompress(Context& context, const imap::Command& command);
void handleUnauthenticate(Context& context, const imap::Command& command);
void handleIdle(Context& context, const imap::Command& command);
void handleGetQuotaRoot(Context& context, const imap::Command& command);
void handleGetQuota(Context& context, const imap::Command& command);
void handleSetQuota(Context& context, const imap::Command& command);
void handleNotify(Context& context, const imap::Command& command);
void handleGetMetadata(Context& context, const imap::Command& command);
void handleSetMetadata(Context& context, const imap::Command& command);
// Selected
void handleCheck(Context& context, const imap::Command& command);
void handleClose(Context& context, const imap::Command& command);
void handleUnselect(Context& context, const imap::Command& command);
void handleExpunge(Context& context, const imap::Command& command);
void handleUidExpunge(Context& context, const imap::Command& command);
void handleSearch(Context& context, const imap::Command& command);
void handleEsearch(Context& context, const imap::Command& command);
void handleCancelUpdate(Context& context, const imap::Command& command);
void handleSort(Context& context, const imap::Command& command);
void handleThread(Context& context, const imap::Command& command);
void handleFetch(Context& context, const imap::Command& command);
void handleStore(Context& context, const imap::Command& command);
void handleCopy(Context& context, const imap::Command& command);
void handleMove(Context& context, const imap::Command& command);

/// Null for commands this server does not do; APPEND is the session's own (its messages are streamed).
Handler handlerOf(imap::CommandKind kind);

/// What is announced now, for CAPABILITY and response codes.
std::string capabilities(const Context& context);
/// Taken from this account by its configuration, IMAPCapabilitiesDisabled; `capability` without its value ("APPENDLIMIT"), in
/// any case. Never before login.
bool isHidden(const Context& context, std::string_view capability);
/// The values of STATUS items, "(MESSAGES 3 UIDNEXT 4)".
std::string statusText(Context& context, const store::MailboxRow& row, const std::vector<imap::StatusItem>& items);
/// NO, with the largest value that would be accepted. RFC 5464 §4.3.
void refuseMetadataSize(Context& context, std::string_view text);
/// Messages are named by number in it, or in its answer: refused after ENABLE UIDONLY.
bool usesSequenceNumbers(const imap::Command& command);
/// Leaves the newest messages of `uids` if one command must not work on so many; then the code for its reply, else "".
/// RFC 9738 §3.
std::string limitMessages(Context& context, imap::NumberSet& uids);
/// For commands that are done whole or not at all.
std::string messageLimitCode(const Context& context);
/// OK with `code`; `limited` of limitMessages() goes in its place, or before it in a response of its own (RFC 9738 §3.1).
void okLimited(Context& context, const std::string& limited, std::string_view code, std::string_view text);
/// Which limit a mailbox met that cannot have messages with these keywords.
const Limit& keywordLimit(Context& context, MailboxId mailbox, const store::Keywords& added);
/// Selected::resolve(); says BAD where `set` names messages that are not there, and gives nothing then.
std::optional<imap::NumberSet> resolveSet(Context& context, const imap::SequenceSet& set, bool uid);

}  // namespace mox::imapserver
