#include "imap/SearchKey.h"

#include <algorithm>
#include <chrono>

#include "base/Date.h"
#include "base/Text.h"
#include "imap/Output.h"
#include "imap/SearchNames.h"

namespace mox::imap {

namespace {

using Kind = SearchKey::Kind;
using Argument = SearchName::Argument;

constexpr std::array searchNames{
    SearchName{"ALL", Kind::all},
    SearchName{"ANSWERED", Kind::flag, Argument::none, "\\Answered"},
    SearchName{"BCC", Kind::bcc, Argument::text},
    SearchName{"BEFORE", Kind::before, Argument::date},
    SearchName{"BODY", Kind::body, Argument::text},
    SearchName{"CC", Kind::cc, Argument::text},
    SearchName{"DELETED", Kind::flag, Argument::none, "\\Deleted"},
    SearchName{"DRAFT", Kind::flag, Argument::none, "\\Draft"},
    SearchName{"EMAILID", Kind::emailId, Argument::objectId},
    SearchName{"FLAGGED", Kind::flag, Argument::none, "\\Flagged"},
    SearchName{"FROM", Kind::from, Argument::text},
    SearchName{"FUZZY", Kind::fuzzy, Argument::oneKey},
    SearchName{"HEADER", Kind::header, Argument::fieldAndText},
    SearchName{"KEYWORD", Kind::flag, Argument::keyword},
    SearchName{"LARGER", Kind::larger, Argument::size},
    SearchName{"MODSEQ", Kind::modSeq, Argument::modSeq},
    SearchName{"NEW", Kind::newMessage},
    SearchName{"NOT", Kind::negate, Argument::oneKey},
    SearchName{"OLD", Kind::recent, Argument::none, "", false},
    SearchName{"OLDER", Kind::older, Argument::interval},
    SearchName{"ON", Kind::on_, Argument::date},
    SearchName{"OR", Kind::either, Argument::twoKeys},
    SearchName{"RECENT", Kind::recent},
    SearchName{"SAVEDATESUPPORTED", Kind::saveDateSupported},
    SearchName{"SAVEDBEFORE", Kind::savedBefore, Argument::date},
    SearchName{"SAVEDON", Kind::savedOn, Argument::date},
    SearchName{"SAVEDSINCE", Kind::savedSince, Argument::date},
    SearchName{"SEEN", Kind::flag, Argument::none, "\\Seen"},
    SearchName{"SENTBEFORE", Kind::sentBefore, Argument::date},
    SearchName{"SENTON", Kind::sentOn, Argument::date},
    SearchName{"SENTSINCE", Kind::sentSince, Argument::date},
    SearchName{"SINCE", Kind::since, Argument::date},
    SearchName{"SMALLER", Kind::smaller, Argument::size},
    SearchName{"SUBJECT", Kind::subject, Argument::text},
    SearchName{"TEXT", Kind::textAnywhere, Argument::text},
    SearchName{"THREADID", Kind::threadId, Argument::objectId},
    SearchName{"TO", Kind::to, Argument::text},
    SearchName{"UID", Kind::uid, Argument::set},
    SearchName{"UIDAFTER", Kind::uidAfter, Argument::uid},
    SearchName{"UIDBEFORE", Kind::uidBefore, Argument::uid},
    SearchName{"UNANSWERED", Kind::flag, Argument::none, "\\Answered", false},
    SearchName{"UNDELETED", Kind::flag, Argument::none, "\\Deleted", false},
    SearchName{"UNDRAFT", Kind::flag, Argument::none, "\\Draft", false},
    SearchName{"UNFLAGGED", Kind::flag, Argument::none, "\\Flagged", false},
    SearchName{"UNKEYWORD", Kind::flag, Argument::keyword, "", false},
    SearchName{"UNSEEN", Kind::flag, Argument::none, "\\Seen", false},
    SearchName{"YOUNGER", Kind::younger, Argument::interval},
};

std::string dateText(int days) {
  // "17-Jul-1996 00:00:00 +0000", the day padded with a space.
  auto text = imapDateTime(Time(std::chrono::days(days))).substr(0, 11);
  return text.front() == ' ' ? text.substr(1) : text;
}

void writeKey(std::string& out, const SearchKey& key);

void writeChildren(std::string& out, const SearchKey& key) {
  for (const auto& child : key.children) {
    out += ' ';
    writeKey(out, child);
  }
}

void writeArgument(std::string& out, const SearchKey& key, Argument argument) {
  if (argument != Argument::none && argument != Argument::oneKey && argument != Argument::twoKeys) out += ' ';
  switch (argument) {
    case Argument::none: break;
    case Argument::text: writeAstring(out, key.text); break;
    case Argument::fieldAndText:
      writeAstring(out, key.field);
      out += ' ';
      writeAstring(out, key.text);
      break;
    case Argument::date: out += dateText(key.day); break;
    case Argument::size:
    case Argument::uid:
    case Argument::interval: out += std::to_string(key.number); break;
    case Argument::set: out += key.set.text(); break;
    case Argument::keyword:
    case Argument::objectId: out += key.text; break;
    case Argument::modSeq:
      if (!key.text.empty()) {
        writeString(out, key.field);
        out += ' ' + key.text + ' ';
      }
      out += std::to_string(key.number);
      break;
    case Argument::oneKey:
    case Argument::twoKeys: writeChildren(out, key); break;
  }
}

void writeKey(std::string& out, const SearchKey& key) {
  if (key.kind == Kind::sequence) {
    out += key.set.text();
  } else if (key.kind == Kind::both) {
    std::string inside;
    writeChildren(inside, key);
    out += "(" + inside.substr(1) + ")";
  } else if (const auto* known = findSearchName(key)) {
    out += known->name;
    writeArgument(out, key, known->argument);
  }
}

}  // namespace

const SearchName* findSearchName(std::string_view name) {
  auto it = std::lower_bound(searchNames.begin(), searchNames.end(), name, [](const auto& entry, auto wanted) { return entry.name < wanted; });
  return it != searchNames.end() && it->name == name ? &*it : nullptr;
}

const SearchName* findSearchName(const SearchKey& key) {
  const SearchName* keyword = nullptr;
  for (const auto& entry : searchNames) {
    if (entry.kind != key.kind || entry.on != key.on) continue;
    if (key.kind != Kind::flag || entry.flag == key.text) return &entry;
    if (entry.argument == Argument::keyword) keyword = &entry;
  }
  return keyword;
}

std::string searchText(const SearchKey& key) {
  std::string out;
  writeKey(out, key);
  return out;
}

}  // namespace mox::imap
