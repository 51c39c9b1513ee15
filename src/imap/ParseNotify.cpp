// NOTIFY, RFC 5465, and the mailbox filters it shares with ESEARCH, RFC 7377.
#include <array>

#include "base/Text.h"
#include "imap/Grammar.h"

namespace mox::imap {

namespace {

using Event = args::Notify::Event;

struct EventName {
  Event::Kind kind;
  std::string_view name;
};
constexpr std::array eventNames{
    EventName{Event::Kind::messageNew, "MessageNew"},
    EventName{Event::Kind::messageExpunge, "MessageExpunge"},
    EventName{Event::Kind::flagChange, "FlagChange"},
    EventName{Event::Kind::annotationChange, "AnnotationChange"},
    EventName{Event::Kind::mailboxName, "MailboxName"},
    EventName{Event::Kind::subscriptionChange, "SubscriptionChange"},
    EventName{Event::Kind::mailboxMetadataChange, "MailboxMetadataChange"},
    EventName{Event::Kind::serverMetadataChange, "ServerMetadataChange"},
};

bool parseEvent(Lexer& lexer, Event& out) {
  if (!lexer.atom(out.name)) return false;
  for (const auto& entry : eventNames)
    if (equalsNoCase(entry.name, out.name)) out.kind = entry.kind;
  // MessageNew may say what to send of the message.
  if (out.kind != Event::Kind::messageNew || !startsWithNoCase(lexer.rest(), " (")) return true;
  return lexer.space() && list(lexer, [&] { return parseFetchItem(lexer, out.items); });
}

bool parseGroup(Lexer& lexer, args::Notify::Group& out) {
  if (!lexer.expect('(') || !parseMailboxFilter(lexer, out.filter) || !lexer.space()) return false;
  if (!lexer.takeWord("NONE") && !list(lexer, [&] { return parseEvent(lexer, out.events.emplace_back()); })) return false;
  return lexer.expect(')');
}

}  // namespace

bool parseMailboxFilter(Lexer& lexer, MailboxFilter& out) {
  using Kind = MailboxFilter::Kind;
  if (lexer.takeWord("SELECTED")) return out.kind = Kind::selected, true;
  if (lexer.takeWord("SELECTED-DELAYED")) return out.kind = Kind::selectedDelayed, true;
  if (lexer.takeWord("INBOXES")) return out.kind = Kind::inboxes, true;
  if (lexer.takeWord("PERSONAL")) return out.kind = Kind::personal, true;
  if (lexer.takeWord("SUBSCRIBED")) return out.kind = Kind::subscribed, true;
  if (lexer.takeWord("SUBTREE")) {
    out.kind = Kind::subtree;
  } else if (lexer.takeWord("SUBTREE-ONE")) {
    out.kind = Kind::subtreeOne;
  } else if (lexer.takeWord("MAILBOXES")) {
    out.kind = Kind::mailboxes;
  } else {
    return lexer.fail("unknown mailbox filter");
  }
  if (!lexer.space()) return false;
  auto mailbox = [&] { return lexer.mailbox(out.mailboxes.emplace_back()); };
  return lexer.peek() == '(' ? list(lexer, mailbox) : mailbox();
}

bool parseNotify(Lexer& lexer, args::Notify& out) {
  if (!lexer.space()) return false;
  if (lexer.takeWord("NONE")) return true;
  if (!lexer.takeWord("SET")) return lexer.fail("expected SET or NONE");
  out.status = lexer.takeSpaceWord("STATUS");
  auto& groups = out.groups.emplace();
  do {
    if (!lexer.space() || !parseGroup(lexer, groups.emplace_back())) return false;
  } while (!lexer.atEnd());
  return true;
}

}  // namespace mox::imap
