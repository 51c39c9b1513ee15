// Which command is legal when: RFC 5321 §4.1.4, RFC 4954 §4, RFC 3207 §4. The only place that knows.
#pragma once

#include "smtp/CommandError.h"
#include "smtp/Grammar.h"

namespace mox::smtpserver {

enum class State {
  connected,  ///< no HELO or EHLO yet
  anonymous,  ///< greeted, on a submission port without login
  ready,      ///< greeted (and logged in): a transaction may begin
  mail,       ///< MAIL was taken
  rcpt,       ///< at least one RCPT was taken
};

/// Null if the command may run.
const smtp::CommandError* refusalOf(smtp::Verb verb, State state);

}  // namespace mox::smtpserver
