// SEARCH, ESEARCH, SORT and THREAD.
#include <algorithm>
#include <array>

#include "base/Text.h"
#include "imap/Grammar.h"
#include "imap/SearchNames.h"

namespace mox::imap {

namespace {

using Kind = SearchKey::Kind;
using Argument = SearchName::Argument;

class SearchParser {
 public:
  explicit SearchParser(Lexer& lexer) : lexer_(lexer) {}

  /// search-key *(SP search-key), at the first key.
  bool keys(std::vector<SearchKey>& out, unsigned depth) {
    do {
      if (!key(out.emplace_back(), depth)) return false;
    } while (lexer_.take(' '));
    return true;
  }

 private:
  bool key(SearchKey& out, unsigned depth) {
    if (!lexer_.within(searchDepth, depth) || !lexer_.within(searchKeys, ++count_)) return false;
    char c = lexer_.peek();
    if (c == '(') {
      out.kind = Kind::both;
      return lexer_.expect('(') && keys(out.children, depth + 1) && lexer_.expect(')');
    }
    if (isDigit(c) || c == '*' || c == '$') {
      out.kind = Kind::sequence;
      return lexer_.sequenceSet(out.set);
    }
    std::string word;
    if (!lexer_.itemName(word)) return false;
    const auto* known = findSearchName(word);
    if (known == nullptr) return lexer_.fail("unknown search key " + printable(word, 40));
    out.kind = known->kind;
    out.on = known->on;
    out.text = known->flag;
    return argument(out, known->argument, depth);
  }

  bool argument(SearchKey& out, Argument argument, unsigned depth) {
    switch (argument) {
      case Argument::none: return true;
      case Argument::text: return lexer_.space() && lexer_.astring(out.text);
      case Argument::fieldAndText: return lexer_.space() && lexer_.astring(out.field) && lexer_.space() && lexer_.astring(out.text);
      case Argument::date: return lexer_.space() && lexer_.date(out.day);
      case Argument::size: return lexer_.space() && lexer_.number64(out.number);
      case Argument::interval: return lexer_.space() && lexer_.nzNumber64(out.number);
      case Argument::set: return lexer_.space() && lexer_.sequenceSet(out.set);
      case Argument::uid: return lexer_.space() && uniqueId(out.number);
      case Argument::keyword: return lexer_.space() && keyword(out);
      case Argument::modSeq: return lexer_.space() && modSeq(out);
      case Argument::objectId: return lexer_.space() && objectId(out);
      case Argument::oneKey: return lexer_.space() && key(out.children.emplace_back(), depth + 1);
      case Argument::twoKeys:
        return lexer_.space() && key(out.children.emplace_back(), depth + 1) && lexer_.space() && key(out.children.emplace_back(), depth + 1);
    }
    return false;
  }

  bool uniqueId(std::uint64_t& out) {
    std::uint32_t number = 0;
    if (!lexer_.nzNumber(number)) return false;
    out = number;
    return true;
  }

  bool keyword(SearchKey& out) {
    if (!lexer_.atom(out.text)) return false;
    auto bit = flagBit(out.text);
    out.text = bit ? std::string(flagName(*bit)) : lower(out.text);
    return true;
  }

  /// RFC 7162 §3.1.5: [entry-name SP entry-type SP] mod-sequence.
  bool modSeq(SearchKey& out) {
    if (lexer_.peek() == '"') {
      if (!lexer_.string(out.field) || !lexer_.space()) return false;
      std::string type;
      if (!lexer_.atom(type)) return false;
      out.text = lower(type);
      if (out.text != "priv" && out.text != "shared" && out.text != "all") return lexer_.fail("entry type is priv, shared or all");
      if (!lexer_.space()) return false;
    }
    return lexer_.number64(out.number);
  }

  /// RFC 8474 §7.
  bool objectId(SearchKey& out) {
    if (!lexer_.atom(out.text) || !lexer_.within(objectIdBytes, out.text.size())) return false;
    bool good = std::all_of(out.text.begin(), out.text.end(), [](char c) { return isAlpha(c) || isDigit(c) || c == '_' || c == '-'; });
    return good || lexer_.fail("malformed object id");
  }

  Lexer& lexer_;
  std::size_t count_ = 0;
};

/// RFC 5465 §7: ["(" fetch-att *(SP fetch-att) ")"]. Its grammar has no space before it, its example has.
bool parseUpdate(Lexer& lexer, SearchReturn& out) {
  bool isSpaced = lexer.rest().starts_with(" (");
  if (!isSpaced && lexer.peek() != '(') return true;
  if (isSpaced) lexer.take(' ');
  out.updateFetches = true;
  std::vector<FetchItem> items;
  return list(lexer, [&] { return parseFetchItem(lexer, items); });
}

bool parseReturn(Lexer& lexer, SearchReturn& out) {
  out.given = true;
  auto option = [&] {
    if (lexer.takeWord("MIN")) return out.min = true;
    if (lexer.takeWord("MAX")) return out.max = true;
    if (lexer.takeWord("ALL")) return out.all = true;
    if (lexer.takeWord("COUNT")) return out.count = true;
    if (lexer.takeWord("SAVE")) return out.save = true;
    if (lexer.takeWord("UPDATE")) return out.update = parseUpdate(lexer, out);
    if (lexer.takeWord("CONTEXT")) return out.context = true;
    if (lexer.takeWord("RELEVANCY")) return out.relevancy = true;
    if (lexer.takeWord("PARTIAL")) {
      if (out.partial) return lexer.fail("only one PARTIAL is possible");
      return lexer.space() && parseWindow(lexer, out.partial.emplace());
    }
    return lexer.fail("unknown search return option");
  };
  bool any = false;
  if (!lexer.space() || !list(lexer, [&] { return any = option(); }, true)) return false;
  if (!any) out.all = true;  // RFC 4731 §3.1
  if (out.all && out.partial) return lexer.fail("ALL and PARTIAL exclude each other");
  return true;
}

/// [SP RETURN (…)] [SP CHARSET charset] 1*(SP search-key)
bool parseProgram(Lexer& lexer, SearchProgram& out) {
  if (lexer.takeSpaceWord("RETURN") && !parseReturn(lexer, out.result)) return false;
  if (lexer.takeSpaceWord("CHARSET")) {
    auto& charset = out.charset.emplace();
    if (!lexer.space() || !lexer.astring(charset)) return false;
    charset = upper(charset);
  }
  out.root.kind = Kind::both;
  return lexer.space() && SearchParser(lexer).keys(out.root.children, 0);
}

/// RFC 5256: SP charset 1*(SP search-key); the charset is not optional.
bool parseSortProgram(Lexer& lexer, SearchProgram& out) {
  auto& charset = out.charset.emplace();
  if (!lexer.space() || !lexer.astring(charset)) return false;
  charset = upper(charset);
  out.root.kind = Kind::both;
  return lexer.space() && SearchParser(lexer).keys(out.root.children, 0);
}

struct SortName {
  args::Sort::Key key;
  std::string_view name;
};
using SortKey = args::Sort::Key;
constexpr std::array sortNames{
    SortName{SortKey::arrival, "ARRIVAL"}, SortName{SortKey::cc, "CC"}, SortName{SortKey::date, "DATE"},
    SortName{SortKey::from, "FROM"}, SortName{SortKey::size, "SIZE"}, SortName{SortKey::subject, "SUBJECT"},
    SortName{SortKey::to, "TO"}, SortName{SortKey::displayFrom, "DISPLAYFROM"}, SortName{SortKey::displayTo, "DISPLAYTO"},
    SortName{SortKey::relevancy, "RELEVANCY"},
};

bool parseSortCriterion(Lexer& lexer, args::Sort::Criterion& out) {
  if (lexer.takeWord("REVERSE")) {
    out.reverse = true;
    if (!lexer.space()) return false;
  }
  for (const auto& [key, name] : sortNames)
    if (lexer.takeWord(name)) return out.key = key, true;
  return lexer.fail("unknown sort key");
}

bool parseSigned(Lexer& lexer, std::int64_t& out) {
  bool negative = lexer.take('-');
  std::uint32_t value = 0;
  if (!lexer.nzNumber(value)) return false;
  out = negative ? -std::int64_t(value) : std::int64_t(value);
  return true;
}

}  // namespace

bool parseWindow(Lexer& lexer, SearchReturn::Window& out) {
  if (!parseSigned(lexer, out.first) || !lexer.expect(':') || !parseSigned(lexer, out.last)) return false;
  if ((out.first < 0) != (out.last < 0)) return lexer.fail("PARTIAL counts from one end");
  bool backward = out.first < 0 ? out.first < out.last : out.first > out.last;
  if (backward) std::swap(out.first, out.last);
  return true;
}

bool parseSearch(Lexer& lexer, args::Search& out) { return parseProgram(lexer, out.program); }

bool parseEsearch(Lexer& lexer, args::Esearch& out) {
  if (lexer.takeSpaceWord("IN")) {
    if (!lexer.space() || !list(lexer, [&] { return parseMailboxFilter(lexer, out.sources.emplace_back()); })) return false;
  }
  return parseProgram(lexer, out.program);
}

bool parseSort(Lexer& lexer, args::Sort& out) {
  if (lexer.takeSpaceWord("RETURN") && !parseReturn(lexer, out.program.result)) return false;
  if (!lexer.space() || !list(lexer, [&] { return parseSortCriterion(lexer, out.criteria.emplace_back()); })) return false;
  return parseSortProgram(lexer, out.program);
}

/// RFC 5267 §5: 1*(SP quoted).
bool parseCancelUpdate(Lexer& lexer, args::CancelUpdate& out) {
  do {
    if (!lexer.space() || !lexer.string(out.tags.emplace_back())) return false;
  } while (!lexer.atEnd());
  return true;
}

bool parseThread(Lexer& lexer, args::Thread& out) {
  return lexer.space() && lexer.upperAtom(out.algorithm) && parseSortProgram(lexer, out.program);
}

}  // namespace mox::imap
