// DATA: RFC 5321 §4.1.1.4.
#include "smtpserver/Handlers.h"

namespace mox::smtpserver {

void handleData(Context& context, std::string_view arguments) {
  auto parsed = smtp::parseNothing(arguments, context.leniency());
  if (!parsed) return context.reply(parsed.error());
  auto& transaction = *context.transaction;
  std::shared_ptr<store::Spool> spool = context.services.accounts.spool();
  transaction.intake = std::make_unique<Intake>(std::move(spool), context.listener->kind, context.listener->maxMessageSize, context.log);
  transaction.dataEnds = context.services.clock.steady() + timeoutData;
  context.intermediate(354, "go ahead, end with a dot on a line of its own");
}

void handleEndOfData(Context& context) {
  auto intake = std::move(context.transaction->intake);
  if (auto refusal = intake->finish()) return context.conclude(*refusal);
  if (context.isSubmission()) submitMessage(context, intake->spool());
  else receiveMessage(context, intake->spool());
}

}  // namespace mox::smtpserver
