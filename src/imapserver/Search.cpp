#include "imapserver/Search.h"

#include <algorithm>

#include "base/Text.h"
#include "imap/Flags.h"
#include "message/EncodedWords.h"
#include "message/HeaderFields.h"
#include "message/SearchText.h"

namespace mox::imapserver {

namespace {

using Kind = imap::SearchKey::Kind;

/// What deciding a key costs: 0 the view, 1 a row, 2 the header, 3 the text.
int cost(const imap::SearchKey& key) {
  switch (key.kind) {
    case Kind::both:
    case Kind::either:
    case Kind::negate: {
      int most = 0;
      for (const auto& child : key.children) most = std::max(most, cost(child));
      return most;
    }
    case Kind::savedBefore:
    case Kind::savedOn:
    case Kind::savedSince: return 1;
    case Kind::bcc:
    case Kind::cc:
    case Kind::from:
    case Kind::header:
    case Kind::subject:
    case Kind::to:
    case Kind::sentBefore:
    case Kind::sentOn:
    case Kind::sentSince: return 2;
    case Kind::body:
    case Kind::textAnywhere: return 3;
    default: return 0;
  }
}

bool isText(Kind kind) {
  switch (kind) {
    case Kind::bcc:
    case Kind::body:
    case Kind::cc:
    case Kind::from:
    case Kind::header:
    case Kind::subject:
    case Kind::textAnywhere:
    case Kind::to: return true;
    default: return false;
  }
}

int dayOf(Time time) { return static_cast<int>(std::chrono::floor<std::chrono::days>(time).time_since_epoch().count()); }

bool compareDays(Kind kind, int have, int day) {
  switch (kind) {
    case Kind::before:
    case Kind::sentBefore:
    case Kind::savedBefore: return have < day;
    case Kind::on_:
    case Kind::sentOn:
    case Kind::savedOn: return have == day;
    default: return have >= day;
  }
}

}  // namespace

struct Search::Message {
  Message(const store::ViewEntry& e, store::Reader& r) : entry(e), data(e.message), reader(r) {}

  const store::ViewEntry& entry;
  FetchMessageData data;
  store::Reader& reader;
  std::optional<std::string> header;
  std::optional<std::string> bodyText, wholeText;

  const std::string& headerBlock() {
    if (!header) {
      auto structure = reader.structure(entry.message);
      header = structure ? reader.head(entry.message, static_cast<std::size_t>(structure->headerSize)).value_or("") : "";
    }
    return *header;
  }

  const std::string& text(bool withHeader) {
    auto& slot = withHeader ? wholeText : bodyText;
    if (!slot) {
      const auto* tree = data.tree(reader);
      const auto& content = data.content(reader);
      slot = tree != nullptr && content ? message::searchText(*tree, content.view(), withHeader).text : "";
    }
    return *slot;
  }
};

Search::Search(store::Account& account, const Selected& selected, const store::MailboxView& current, Time now)
    : selected_(selected), current_(current), now_(now), reader_(account.reader()) {}

bool Search::prepare(imap::SearchKey& key) const {
  for (auto& child : key.children)
    if (!prepare(child)) return false;
  if (key.kind == Kind::both || key.kind == Kind::either)
    std::stable_sort(key.children.begin(), key.children.end(), [](const auto& a, const auto& b) { return cost(a) < cost(b); });
  if (isText(key.kind)) key.text = message::searchFold(key.text);
  if (key.kind != Kind::sequence && key.kind != Kind::uid) return true;
  auto uids = selected_.resolve(key.set, key.kind == Kind::uid);
  if (!uids) return false;
  imap::NumberSet resolved;
  for (auto uid : *uids) resolved.add(uid.value);
  key.kind = Kind::uid;
  key.set = imap::SequenceSet::of(resolved);
  return true;
}

bool Search::matches(const imap::SearchKey& key, const store::ViewEntry& entry) {
  Message message(entry, reader_);
  return test(key, message);
}

bool Search::hasFlag(const imap::SearchKey& key, const store::ViewEntry& entry) const {
  if (auto bit = imap::flagBit(key.text)) return (entry.flags & static_cast<store::FlagBits>(*bit)) != 0;
  const auto& keywords = current_.keywords(entry);
  return std::binary_search(keywords.begin(), keywords.end(), key.text);
}

bool Search::test(const imap::SearchKey& key, Message& message) {
  const auto& entry = message.entry;
  auto holds = [&](const imap::SearchKey& child) { return test(child, message); };
  auto age = [&] { return std::max<std::int64_t>(0, unixSeconds(now_) - entry.received); };
  switch (key.kind) {
    case Kind::all:
    case Kind::saveDateSupported: return true;
    case Kind::both: return std::all_of(key.children.begin(), key.children.end(), holds);
    case Kind::either: return std::any_of(key.children.begin(), key.children.end(), holds);
    case Kind::negate: return !holds(key.children.at(0));
    case Kind::flag: return hasFlag(key, entry) == key.on;
    case Kind::recent: return !key.on;  // nothing is ever \Recent here
    case Kind::newMessage: return false;
    case Kind::larger: return entry.size > key.number;
    case Kind::smaller: return entry.size < key.number;
    case Kind::older: return static_cast<std::uint64_t>(age()) >= key.number;
    case Kind::younger: return static_cast<std::uint64_t>(age()) <= key.number;
    case Kind::uid: return key.set.numbers().contains(entry.uid.value);
    case Kind::modSeq: return static_cast<std::uint64_t>(entry.modSeq.value) >= key.number;
    case Kind::bcc: return testHeader(key, message, "Bcc");
    case Kind::cc: return testHeader(key, message, "Cc");
    case Kind::from: return testHeader(key, message, "From");
    case Kind::subject: return testHeader(key, message, "Subject");
    case Kind::to: return testHeader(key, message, "To");
    case Kind::header: return testHeader(key, message, key.field);
    case Kind::body: return message.text(false).find(key.text) != std::string::npos;
    case Kind::textAnywhere: return message.text(true).find(key.text) != std::string::npos;
    case Kind::sequence:  // became uid in prepare()
    case Kind::emailId:
    case Kind::threadId: return false;
    default: return testDates(key, message);
  }
}

bool Search::testDates(const imap::SearchKey& key, Message& message) {
  switch (key.kind) {
    case Kind::before:
    case Kind::on_:
    case Kind::since: return compareDays(key.kind, dayOf(fromUnixSeconds(message.entry.received)), key.day);
    case Kind::savedBefore:
    case Kind::savedOn:
    case Kind::savedSince: {
      auto row = reader_.message(message.entry.message);
      return row && compareDays(key.kind, dayOf(row->saved), key.day);
    }
    default: break;
  }
  // RFC 9051 §6.4.4: the day as written in the Date field, whatever its time and zone.
  auto field = message::firstField(message.headerBlock(), "Date");
  auto date = field ? parseRfc5322Date(*field) : std::nullopt;
  return date && compareDays(key.kind, dayOf(date->time + std::chrono::minutes(date->zoneMinutes)), key.day);
}

bool Search::testHeader(const imap::SearchKey& key, Message& message, std::string_view name) {
  message::HeaderFields fields(message.headerBlock());
  while (auto field = fields.next()) {
    if (!field->is(name)) continue;
    if (key.text.empty() || message::searchFold(message::decodeWords(field->value)).find(key.text) != std::string::npos) return true;
  }
  return false;
}

}  // namespace mox::imapserver
