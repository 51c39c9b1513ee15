// Every file of tests/dialogues/imap, three ways of cutting the client's bytes.
#include "imapserver/ImapWorld.h"

using namespace mox::test;

DIALOGUES(ImapDialogues, "imap", [] { return std::make_unique<ImapWorld>(); });
