// Commands about mailboxes: SELECT, CREATE, LIST, STATUS, APPEND, REPLACE, quota and metadata.
#include <algorithm>
#include <array>

#include "base/Text.h"
#include "imap/Grammar.h"

namespace mox::imap {

namespace {

struct StatusName {
  StatusItem item;
  std::string_view name;
};
constexpr std::array statusNames{
    StatusName{StatusItem::messages, "MESSAGES"},
    StatusName{StatusItem::uidNext, "UIDNEXT"},
    StatusName{StatusItem::uidValidity, "UIDVALIDITY"},
    StatusName{StatusItem::unseen, "UNSEEN"},
    StatusName{StatusItem::deleted, "DELETED"},
    StatusName{StatusItem::deletedStorage, "DELETED-STORAGE"},
    StatusName{StatusItem::size, "SIZE"},
    StatusName{StatusItem::recent, "RECENT"},
    StatusName{StatusItem::appendLimit, "APPENDLIMIT"},
    StatusName{StatusItem::highestModSeq, "HIGHESTMODSEQ"},
    StatusName{StatusItem::mailboxId, "MAILBOXID"},
};

/// RFC 7162 §3.2.5: QRESYNC (uidvalidity modseq [known-uids] [seq-match-data]).
bool parseQresync(Lexer& lexer, args::Qresync& out) {
  if (!lexer.space() || !lexer.expect('(') || !lexer.nzNumber(out.uidValidity) || !lexer.space() || !lexer.nzNumber64(out.modSeq)) return false;
  if (lexer.rest().size() > 1 && lexer.peek() == ' ' && lexer.rest()[1] != '(') {
    if (!lexer.space() || !lexer.knownSet(out.knownUids.emplace())) return false;
  }
  if (lexer.take(' ')) {
    auto& [numbers, uids] = out.sequenceMatch.emplace();
    if (!lexer.expect('(') || !lexer.knownSet(numbers) || !lexer.space() || !lexer.knownSet(uids) || !lexer.expect(')')) return false;
    if (numbers.count() != uids.count()) return lexer.fail("QRESYNC needs as many sequence numbers as UIDs");
  }
  return lexer.expect(')');
}

}  // namespace

std::string_view statusItemName(StatusItem item) {
  for (const auto& entry : statusNames)
    if (entry.item == item) return entry.name;
  return {};
}

bool parseStatusItems(Lexer& lexer, std::vector<StatusItem>& out) {
  auto item = [&] {
    std::string word;
    if (!lexer.upperAtom(word)) return false;
    auto found = std::find_if(statusNames.begin(), statusNames.end(), [&](const auto& entry) { return entry.name == word; });
    if (found == statusNames.end()) return lexer.fail("unknown STATUS item " + printable(word, 40));
    if (std::find(out.begin(), out.end(), found->item) == out.end()) out.push_back(found->item);
    return true;
  };
  return list(lexer, item);
}

bool parseStatus(Lexer& lexer, args::Status& out) {
  return lexer.space() && lexer.mailbox(out.mailbox) && lexer.space() && parseStatusItems(lexer, out.items);
}

bool parseSelect(Lexer& lexer, args::Select& out) {
  if (!lexer.space() || !lexer.mailbox(out.mailbox)) return false;
  if (!lexer.take(' ')) return true;
  auto parameter = [&] {
    if (lexer.takeWord("CONDSTORE")) return out.condstore = true;
    if (lexer.takeWord("QRESYNC")) {
      if (out.qresync) return lexer.fail("QRESYNC twice");
      return parseQresync(lexer, out.qresync.emplace());
    }
    return lexer.fail("unknown SELECT parameter");
  };
  return list(lexer, parameter);
}

bool parseCreate(Lexer& lexer, args::Create& out) {
  if (!lexer.space() || !lexer.mailbox(out.mailbox)) return false;
  if (!lexer.take(' ')) return true;
  auto attribute = [&] {
    auto& word = out.specialUse.emplace_back();
    if (!lexer.expect('\\') || !lexer.atom(word)) return false;
    word.insert(0, 1, '\\');
    return true;
  };
  // RFC 6154 §3: the one parameter there is.
  if (!lexer.expect('(')) return false;
  if (!lexer.takeWord("USE")) return lexer.fail("unknown CREATE parameter");
  return lexer.space() && list(lexer, attribute, true) && lexer.expect(')');
}

namespace {

bool parseListSelection(Lexer& lexer, args::List& out) {
  auto option = [&] {
    if (lexer.takeWord("SUBSCRIBED")) return out.selectSubscribed = true;
    if (lexer.takeWord("REMOTE")) return out.selectRemote = true;
    if (lexer.takeWord("RECURSIVEMATCH")) return out.selectRecursiveMatch = true;
    if (lexer.takeWord("SPECIAL-USE")) return out.selectSpecialUse = true;
    return lexer.fail("unknown LIST selection option");
  };
  if (!list(lexer, option, true)) return false;
  // RFC 9051 §6.3.9.1: it modifies an option that selects.
  bool lonely = out.selectRecursiveMatch && !out.selectSubscribed && !out.selectSpecialUse;
  return !lonely || lexer.fail("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE");
}

bool parseListReturn(Lexer& lexer, args::List& out) {
  auto option = [&] {
    if (lexer.takeWord("SUBSCRIBED")) return out.returnSubscribed = true;
    if (lexer.takeWord("CHILDREN")) return out.returnChildren = true;
    if (lexer.takeWord("SPECIAL-USE")) return out.returnSpecialUse = true;
    if (lexer.takeWord("STATUS")) return lexer.space() && parseStatusItems(lexer, out.returnStatus);
    // RFC 9590 §3.
    if (lexer.takeWord("METADATA"))
      return lexer.space() && list(lexer, [&] { return parseMetadataEntry(lexer, out.returnMetadata.emplace_back()); });
    return lexer.fail("unknown LIST return option");
  };
  out.returnGiven = true;
  return lexer.space() && list(lexer, option, true);
}

}  // namespace

bool parseList(Lexer& lexer, args::List& out) {
  if (!lexer.space()) return false;
  if (lexer.peek() == '(') {
    out.extended = true;
    if (!parseListSelection(lexer, out) || !lexer.space()) return false;
  }
  if (!lexer.mailbox(out.reference) || !lexer.space()) return false;
  if (lexer.peek() == '(') {
    out.extended = true;
    if (!list(lexer, [&] { return lexer.pattern(out.patterns.emplace_back()); })) return false;
  } else if (!lexer.pattern(out.patterns.emplace_back())) {
    return false;
  }
  if (!lexer.takeSpaceWord("RETURN")) return true;
  out.extended = true;
  return parseListReturn(lexer, out);
}

bool parseLsub(Lexer& lexer, args::List& out) {
  return lexer.space() && lexer.mailbox(out.reference) && lexer.space() && lexer.pattern(out.patterns.emplace_back());
}

bool parseAppendMessage(Lexer& lexer, args::AppendMessage& out) {
  if (!lexer.space()) return false;
  if (lexer.peek() == '(' && (!lexer.flagList(out.flags) || !lexer.space())) return false;
  if (lexer.peek() == '"') {
    std::string date;
    if (!lexer.string(date) || !lexer.space()) return false;
    out.date = parseImapDateTime(date);
    if (!out.date) return lexer.fail("expected a date-time such as \"17-Jul-1996 02:44:25 -0700\"");
  }
  out.literal = lexer.framed().message;
  // RFC 6855 §4: UTF8 (~{n} octets ).
  if (lexer.takeWord("UTF8")) {
    out.utf8 = true;
    if (!lexer.space() || !lexer.expect('(')) return false;
    if (!out.literal.binary) return lexer.fail("UTF8 needs a literal8");
  }
  return (lexer.atEnd() && lexer.framed().hasMessage) || lexer.fail("expected the literal of a message");
}

bool parseAppend(Lexer& lexer, args::Append& out) {
  return lexer.space() && lexer.mailbox(out.mailbox) && parseAppendMessage(lexer, out.first);
}

bool parseReplace(Lexer& lexer, args::Replace& out) {
  if (!lexer.space() || !lexer.sequenceSet(out.target)) return false;
  // RFC 8508 §3.3: one message.
  const auto& target = out.target;
  bool one = target.hasStar() ? target == SequenceSet::parse("*") : !target.isSaved() && target.numbers().count() == 1;
  if (!one) return lexer.fail("REPLACE takes a single number");
  return lexer.space() && lexer.mailbox(out.mailbox) && parseAppendMessage(lexer, out.message);
}

bool parseSetQuota(Lexer& lexer, args::SetQuota& out) {
  if (!lexer.space() || !lexer.astring(out.root) || !lexer.space()) return false;
  auto limit = [&] {
    auto& [resource, value] = out.limits.emplace_back();
    return lexer.upperAtom(resource) && lexer.space() && lexer.number64(value);
  };
  return list(lexer, limit, true);
}

bool parseMetadataEntry(Lexer& lexer, std::string& out) {
  if (!lexer.astring(out)) return false;
  bool good = out.size() > 1 && out.front() == '/' && out.back() != '/' && out.find("//") == std::string::npos &&
              std::all_of(out.begin(), out.end(), [](char c) { return c > 0x19 && c < 0x7f && c != '*' && c != '%'; });
  if (!good) return lexer.fail("malformed metadata entry name");
  out = lower(out);
  return true;
}

namespace {

bool parseMetadataOptions(Lexer& lexer, args::GetMetadata& out) {
  auto option = [&] {
    if (lexer.takeWord("MAXSIZE")) return lexer.space() && lexer.number64(out.maxSize.emplace());
    if (!lexer.takeWord("DEPTH")) return lexer.fail("unknown GETMETADATA option");
    if (!lexer.space()) return false;
    using Depth = args::GetMetadata::Depth;
    if (lexer.takeWord("0")) return out.depth = Depth::zero, true;
    if (lexer.takeWord("1")) return out.depth = Depth::one, true;
    if (lexer.takeWord("INFINITY")) return out.depth = Depth::infinity, true;
    return lexer.fail("DEPTH is 0, 1 or infinity");
  };
  return list(lexer, option);
}

}  // namespace

bool parseGetMetadata(Lexer& lexer, args::GetMetadata& out) {
  if (!lexer.space()) return false;
  bool options = lexer.peek() == '(';
  if (options && (!parseMetadataOptions(lexer, out) || !lexer.space())) return false;
  if (!lexer.mailbox(out.mailbox) || !lexer.space()) return false;
  // The grammar of RFC 5464 has the options first, its examples have them after the mailbox. Clients do both.
  bool optionsHere = !options && lexer.peek() == '(' && (startsWithNoCase(lexer.rest(), "(MAXSIZE ") || startsWithNoCase(lexer.rest(), "(DEPTH "));
  if (optionsHere && (!parseMetadataOptions(lexer, out) || !lexer.space())) return false;
  auto entry = [&] { return parseMetadataEntry(lexer, out.entries.emplace_back()); };
  return lexer.peek() == '(' ? list(lexer, entry) : entry();
}

bool parseSetMetadata(Lexer& lexer, args::SetMetadata& out) {
  if (!lexer.space() || !lexer.mailbox(out.mailbox) || !lexer.space()) return false;
  auto entry = [&] {
    auto& e = out.entries.emplace_back();
    return parseMetadataEntry(lexer, e.name) && lexer.space() && lexer.nstringOrBinary(e.value, e.binary);
  };
  return list(lexer, entry);
}

}  // namespace mox::imap
