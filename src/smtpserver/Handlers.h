// The command handlers. The state table has been asked before.
#pragma once

#include "smtpserver/Context.h"

namespace mox::smtpserver {

void handleHelo(Context& context, std::string_view arguments);
void handleEhlo(Context& context, std::string_view arguments);
void handleStartTls(Context& context, std::string_view arguments);
void handleAuth(Context& context, std::string_view arguments);
void handleMail(Context& context, std::string_view arguments);
void handleRcpt(Context& context, std::string_view arguments);
void handleData(Context& context, std::string_view arguments);
void handleRset(Context& context, std::string_view arguments);
void handleLookup(Context& context, std::string_view arguments);  ///< VRFY and EXPN
void handleHelp(Context& context, std::string_view arguments);
void handleNoop(Context& context, std::string_view arguments);
void handleQuit(Context& context, std::string_view arguments);

/// The final dot has come.
void handleEndOfData(Context& context);
/// A complete message from outside: check, judge, place, reply.
void receiveMessage(Context& context, std::shared_ptr<store::Spool> spool);
/// A complete message from one of us: check, sign, queue, reply.
void submitMessage(Context& context, std::shared_ptr<const store::Spool> spool);

}  // namespace mox::smtpserver
