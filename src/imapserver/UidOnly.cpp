// UIDONLY, RFC 9586 §3: once enabled, a command that names messages by number, or would answer with numbers, is refused.
#include <algorithm>

#include "imapserver/Handlers.h"

namespace mox::imapserver {

namespace {

bool hasSequence(const imap::SearchKey& key) {
  if (key.kind == imap::SearchKey::Kind::sequence && !key.set.isSaved()) return true;
  return std::any_of(key.children.begin(), key.children.end(), hasSequence);
}

}  // namespace

bool usesSequenceNumbers(const imap::Command& command) {
  using imap::CommandKind;
  switch (command.kind) {
    case CommandKind::fetch:
    case CommandKind::store:
    case CommandKind::search:
    case CommandKind::copy:
    case CommandKind::move:
    case CommandKind::replace:
    case CommandKind::sort:
    case CommandKind::thread: return true;
    case CommandKind::uidSearch: return hasSequence(command.as<imap::args::Search>().program.root);
    case CommandKind::esearch: return hasSequence(command.as<imap::args::Esearch>().program.root);
    case CommandKind::uidSort: return hasSequence(command.as<imap::args::Sort>().program.root);
    case CommandKind::uidThread: return hasSequence(command.as<imap::args::Thread>().program.root);
    case CommandKind::select:
    case CommandKind::examine: {
      const auto& qresync = command.as<imap::args::Select>().qresync;
      return qresync && qresync->sequenceMatch;
    }
    default: return false;
  }
}

}  // namespace mox::imapserver
