// Every file of tests/dialogues/smtp, submission and localserve, three ways of cutting the client's bytes.
#include "smtpserver/SmtpWorld.h"

using namespace mox::test;
using mox::smtpserver::Kind;

DIALOGUES(SmtpDialogues, "smtp", [] { return std::make_unique<SmtpWorld>(Kind::delivery); });
DIALOGUES(SubmissionDialogues, "submission", [] { return std::make_unique<SmtpWorld>(Kind::submission); });
DIALOGUES(LocalserveDialogues, "smtp/localserve", [] { return std::make_unique<SmtpWorld>(Kind::delivery, true); });
