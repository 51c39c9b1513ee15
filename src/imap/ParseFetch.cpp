// FETCH, STORE, COPY and MOVE, and the sections of FETCH.
#include <algorithm>
#include <array>

#include "base/Text.h"
#include "imap/Grammar.h"

namespace mox::imap {

namespace {

using Kind = FetchItem::Kind;

struct ItemName {
  Kind kind;
  std::string_view name;
  bool peek = false;
};
constexpr std::array plainItems{
    ItemName{Kind::envelope, "ENVELOPE"},
    ItemName{Kind::flags, "FLAGS"},
    ItemName{Kind::internalDate, "INTERNALDATE"},
    ItemName{Kind::saveDate, "SAVEDATE"},
    ItemName{Kind::rfc822Size, "RFC822.SIZE"},
    ItemName{Kind::uid, "UID"},
    ItemName{Kind::modSeq, "MODSEQ"},
    ItemName{Kind::emailId, "EMAILID"},
    ItemName{Kind::threadId, "THREADID"},
    ItemName{Kind::bodyStructure, "BODYSTRUCTURE"},
    ItemName{Kind::body, "BODY"},
    ItemName{Kind::rfc822, "RFC822"},
    ItemName{Kind::rfc822Header, "RFC822.HEADER", true},
    ItemName{Kind::rfc822Text, "RFC822.TEXT"},
    ItemName{Kind::preview, "PREVIEW"},
};
constexpr std::array sectionItems{
    ItemName{Kind::section, "BODY"},
    ItemName{Kind::section, "BODY.PEEK", true},
    ItemName{Kind::binary, "BINARY"},
    ItemName{Kind::binary, "BINARY.PEEK", true},
    ItemName{Kind::binarySize, "BINARY.SIZE", true},
};

template <std::size_t N>
const ItemName* findItem(const std::array<ItemName, N>& items, std::string_view name) {
  auto it = std::find_if(items.begin(), items.end(), [&](const auto& item) { return item.name == name; });
  return it == items.end() ? nullptr : &*it;
}

bool addItem(Lexer& lexer, std::vector<FetchItem>& out, FetchItem item) {
  if (!lexer.within(fetchItems, out.size() + 1)) return false;
  if (std::find(out.begin(), out.end(), item) == out.end()) out.push_back(std::move(item));
  return true;
}

bool parsePartNumbers(Lexer& lexer, std::vector<std::uint32_t>& out) {
  while (isDigit(lexer.peek())) {
    if (!lexer.within(sectionDepth, out.size() + 1)) return false;
    if (!lexer.nzNumber(out.emplace_back())) return false;
    // A dot goes on with a number or a word; the caller sees which.
    if (lexer.rest().size() < 2 || lexer.peek() != '.' || !isDigit(lexer.rest()[1])) return true;
    lexer.take('.');
  }
  return true;
}

bool parseSectionWord(Lexer& lexer, Section& out) {
  std::string word;
  if (!lexer.itemName(word)) return false;
  using Text = Section::Text;
  if (word == "HEADER") return out.what = Text::header, true;
  if (word == "TEXT") return out.what = Text::text, true;
  if (word == "MIME") {
    out.what = Text::mime;
    return !out.part.empty() || lexer.fail("MIME needs a part number");
  }
  if (word != "HEADER.FIELDS" && word != "HEADER.FIELDS.NOT") return lexer.fail("unknown section " + printable(word, 40));
  out.what = word == "HEADER.FIELDS" ? Text::headerFields : Text::headerFieldsNot;
  auto field = [&] {
    return lexer.within(sectionFields, out.fields.size() + 1) && lexer.astring(out.fields.emplace_back());
  };
  return lexer.space() && list(lexer, field);
}

bool parsePartial(Lexer& lexer, std::optional<Partial>& out) {
  if (!lexer.take('<')) return true;
  auto& partial = out.emplace();
  return lexer.number64(partial.offset) && lexer.expect('.') && lexer.nzNumber64(partial.count) && lexer.expect('>');
}

bool parseBracketItem(Lexer& lexer, std::string_view name, FetchItem& out) {
  const auto* known = findItem(sectionItems, name);
  if (known == nullptr) return lexer.fail("unknown FETCH item " + printable(name, 40) + "[]");
  out.kind = known->kind;
  out.peek = known->peek;
  lexer.expect('[');
  bool good = out.kind == Kind::section ? parseSectionText(lexer, out.section) : parsePartNumbers(lexer, out.section.part);
  if (!good || !lexer.expect(']')) return false;
  return out.kind == Kind::binarySize || parsePartial(lexer, out.partial);
}

bool parseMacro(Lexer& lexer, std::vector<FetchItem>& out) {
  bool all = lexer.takeWord("ALL"), full = !all && lexer.takeWord("FULL"), fast = !all && !full && lexer.takeWord("FAST");
  if (!all && !full && !fast) return false;
  for (auto kind : {Kind::flags, Kind::internalDate, Kind::rfc822Size}) out.push_back({kind, false, false, {}, {}});
  if (!fast) out.push_back({Kind::envelope, false, false, {}, {}});
  if (full) out.push_back({Kind::body, false, false, {}, {}});
  return true;
}

bool parseFetchModifiers(Lexer& lexer, args::Fetch& out) {
  auto modifier = [&] {
    if (lexer.takeWord("CHANGEDSINCE")) return lexer.space() && lexer.nzNumber64(out.changedSince.emplace());
    if (lexer.takeWord("VANISHED")) return out.vanished = true;
    if (lexer.takeWord("PARTIAL")) return lexer.space() && parseWindow(lexer, out.partial.emplace());
    return lexer.fail("unknown FETCH modifier");
  };
  if (!list(lexer, modifier)) return false;
  // RFC 7162 §3.2.6; RFC 9394 §3.3.
  if (out.vanished && (!out.uid || !out.changedSince)) return lexer.fail("VANISHED needs UID FETCH with CHANGEDSINCE");
  if (out.partial && !out.uid) return lexer.fail("PARTIAL needs UID FETCH");
  return true;
}

}  // namespace

bool FetchItem::setsSeen() const {
  if (peek) return false;
  return kind == Kind::section || kind == Kind::binary || kind == Kind::rfc822 || kind == Kind::rfc822Text;
}

std::string FetchItem::responseName() const {
  if (kind == Kind::section) return "BODY" + sectionResponse(section, partial);
  if (kind == Kind::binary) return "BINARY" + sectionResponse(section, partial);
  if (kind == Kind::binarySize) return "BINARY.SIZE" + sectionResponse(section, {});
  for (const auto& item : plainItems)
    if (item.kind == kind) return std::string(item.name);
  return {};
}

bool parseSectionText(Lexer& lexer, Section& out) {
  if (!parsePartNumbers(lexer, out.part)) return false;
  if (out.part.empty() ? !isAlpha(lexer.peek()) : !lexer.take('.')) return true;
  return parseSectionWord(lexer, out);
}

bool parseFetchItem(Lexer& lexer, std::vector<FetchItem>& out) {
  std::string name;
  if (!lexer.itemName(name)) return false;
  FetchItem item;
  if (lexer.peek() == '[') return parseBracketItem(lexer, name, item) && addItem(lexer, out, std::move(item));
  const auto* known = findItem(plainItems, name);
  if (known == nullptr) return lexer.fail("unknown FETCH item " + printable(name, 40));
  item.kind = known->kind;
  item.peek = known->peek;
  // RFC 8970 §3.1. Modifiers of FETCH itself look alike, so only the word decides.
  if (item.kind == Kind::preview && startsWithNoCase(lexer.rest(), " (LAZY)")) {
    item.lazy = true;
    if (!lexer.space() || !list(lexer, [&] { return lexer.takeWord("LAZY"); })) return false;
  }
  return addItem(lexer, out, std::move(item));
}

bool parseFetch(Lexer& lexer, args::Fetch& out) {
  if (!lexer.space() || !lexer.sequenceSet(out.set) || !lexer.space()) return false;
  auto item = [&] { return parseFetchItem(lexer, out.items); };
  if (lexer.peek() == '(') {
    if (!list(lexer, item)) return false;
  } else if (!parseMacro(lexer, out.items) && !item()) {
    return false;
  }
  return !lexer.take(' ') || parseFetchModifiers(lexer, out);
}

bool parseStore(Lexer& lexer, args::Store& out) {
  if (!lexer.space() || !lexer.sequenceSet(out.set) || !lexer.space()) return false;
  auto modifier = [&] {
    if (!lexer.takeWord("UNCHANGEDSINCE")) return lexer.fail("unknown STORE modifier");
    return lexer.space() && lexer.number64(out.unchangedSince.emplace());
  };
  if (lexer.peek() == '(' && (!list(lexer, modifier) || !lexer.space())) return false;
  using Action = args::Store::Action;
  out.action = lexer.take('+') ? Action::add : lexer.take('-') ? Action::remove : Action::replace;
  std::string name;
  if (!lexer.itemName(name)) return false;
  if (name != "FLAGS" && name != "FLAGS.SILENT") return lexer.fail("unknown STORE item " + printable(name, 40));
  out.silent = name != "FLAGS";
  if (!lexer.space()) return false;
  if (lexer.peek() == '(') return lexer.flagList(out.flags);
  do {
    if (!lexer.flag(out.flags)) return false;
  } while (lexer.take(' '));
  return true;
}

bool parseCopy(Lexer& lexer, args::Copy& out) {
  return lexer.space() && lexer.sequenceSet(out.set) && lexer.space() && lexer.mailbox(out.mailbox);
}

}  // namespace mox::imap
