#include "imapserver/Search.h"

#include <algorithm>
#include <limits>

#include "base/Text.h"
#include "imap/Flags.h"
#include "imapserver/ObjectId.h"
#include "imapserver/ShownSize.h"
#include "message/EncodedWords.h"
#include "message/HeaderFields.h"
#include "message/SearchText.h"

namespace mox::imapserver {

namespace {

using Kind = imap::SearchKey::Kind;

/// Reading this many messages costs less than a question to the full-text index.
constexpr std::size_t readWithoutIndex = 16;

std::string_view fieldOf(const imap::SearchKey& key) {
  switch (key.kind) {
    case Kind::bcc: return "Bcc";
    case Kind::cc: return "Cc";
    case Kind::from: return "From";
    case Kind::subject: return "Subject";
    case Kind::to: return "To";
    default: return key.field;
  }
}

constexpr std::int64_t secondsOfDay = 24 * 60 * 60;
std::int64_t dayOf(std::int64_t seconds) { return seconds >= 0 ? seconds / secondsOfDay : -((-seconds + secondsOfDay - 1) / secondsOfDay); }

/// RFC 9051 §6.4.4 SENTON: the day as written in the Date field, whatever its time and zone.
std::optional<std::int64_t> sentDay(const std::string& header) {
  auto field = message::firstField(header, "Date");
  auto date = field ? parseRfc5322Date(*field) : std::nullopt;
  if (!date) return std::nullopt;
  return dayOf(unixSeconds(date->time + std::chrono::minutes(date->zoneMinutes)));
}

/// Calls `test` with the folded words of each such field until it says true.
template <class Test>
bool anyField(const std::string& header, std::string_view name, Test&& test) {
  message::HeaderFields fields(header);
  while (auto field = fields.next())
    if (field->is(name) && test(message::searchFold(message::decodeWords(field->value)))) return true;
  return false;
}

}  // namespace

bool isText(imap::SearchKey::Kind kind) {
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

std::optional<imap::NumberSet> resolveUids(const SearchScope& scope, const imap::SequenceSet& set, bool uid) {
  if (set.isSaved()) return scope.saved;
  const auto& known = *scope.known;
  auto size = static_cast<std::uint32_t>(known.size());
  if (uid) return set.resolve(size == 0 ? 0 : known.at(size - 1).uid.value);
  if (size == 0 && set.hasStar()) return std::nullopt;
  imap::NumberSet out;
  auto numbers = set.resolve(size);
  for (const auto& range : numbers.ranges()) {
    if (range.last > size) return std::nullopt;
    // UIDs of expunged messages within are of no message: a range of numbers is a range of UIDs.
    out.addRange(known.at(range.first - 1).uid.value, known.at(range.last - 1).uid.value);
  }
  return out;
}

namespace {

/// Nothing if the key names a sequence number that does not exist; all UIDs for keys that say nothing of them.
std::optional<imap::NumberSet> uidsOf(const imap::SearchKey& key, const SearchScope& scope) {
  constexpr auto largest = std::numeric_limits<std::uint32_t>::max();
  auto number = static_cast<std::uint32_t>(key.number);
  imap::NumberSet out;
  switch (key.kind) {
    case Kind::sequence:
    case Kind::uid: return resolveUids(scope, key.set, key.kind == Kind::uid);
    case Kind::uidAfter:
      if (number < largest) out.addRange(number + 1, largest);
      return out;
    case Kind::uidBefore:
      if (number > 1) out.addRange(1, number - 1);
      return out;
    case Kind::both: return searchedUids(key, scope);
    default: out.addRange(1, largest); return out;
  }
}

}  // namespace

std::optional<imap::NumberSet> searchedUids(const imap::SearchKey& root, const SearchScope& scope) {
  imap::NumberSet out;
  out.addRange(1, std::numeric_limits<std::uint32_t>::max());
  for (const auto& child : root.children) {
    auto uids = uidsOf(child, scope);
    if (!uids) return std::nullopt;
    out = out.intersect(*uids);
  }
  return out;
}

std::optional<Search> Search::make(const imap::SearchKey& root, std::shared_ptr<const SearchScope> scope, LazyReader& reader) {
  Search search(std::move(scope));
  if (!search.compile(root, search.root_, reader, false)) return std::nullopt;
  return search;
}

bool Search::compile(const imap::SearchKey& key, Node& node, LazyReader& reader, bool fuzzy) {
  ++entryWork_;
  node.kind = key.kind;
  node.on = key.on;
  node.from = static_cast<std::int64_t>(key.number);
  for (const auto& child : key.children)
    if (!compile(child, node.children.emplace_back(), reader, fuzzy || key.kind == Kind::fuzzy)) return false;
  if (key.kind == Kind::fuzzy) node.kind = Kind::both;
  if (key.kind == Kind::both || key.kind == Kind::either)
    std::stable_sort(node.children.begin(), node.children.end(), [](const auto& a, const auto& b) { return cost(a) < cost(b); });
  if (isText(key.kind)) {
    node.text = message::searchFold(key.text);
    node.field = fieldOf(key);
    if (fuzzy && !node.text.empty()) node.fuzzy = std::make_shared<FuzzyMatch>(node.text);
  }
  switch (key.kind) {
    case Kind::flag:
      node.text = key.text;
      if (auto bit = imap::flagBit(key.text)) node.bit = static_cast<store::FlagBits>(*bit);
      break;
    case Kind::sequence:
    case Kind::uid:
    case Kind::uidAfter:
    case Kind::uidBefore: {
      auto uids = uidsOf(key, *scope_);
      if (!uids) return false;
      node.kind = Kind::uid;
      node.uids = std::move(*uids);
      break;
    }
    // RFC 8474 §6. An identifier that was never given out is of no message.
    case Kind::emailId:
      if (auto number = objectNumber(key.text, 'E')) node.messages = reader.get().messagesOf(ContentId(*number));
      break;
    case Kind::threadId:
      if (auto number = objectNumber(key.text, 'T')) node.messages = reader.get().messagesOf(ThreadId(*number));
      break;
    default: compileDates(key, node);
  }
  return true;
}

/// Days a date key accepts, as a range.
void Search::compileDates(const imap::SearchKey& key, Node& node) const {
  constexpr std::int64_t ever = std::numeric_limits<std::int64_t>::max();
  switch (key.kind) {
    case Kind::before:
    case Kind::sentBefore:
    case Kind::savedBefore:
      node.from = -ever;
      node.to = std::int64_t{key.day} - 1;
      break;
    case Kind::on_:
    case Kind::sentOn:
    case Kind::savedOn: node.from = node.to = key.day; break;
    case Kind::since:
    case Kind::sentSince:
    case Kind::savedSince:
      node.from = key.day;
      node.to = ever;
      break;
    default: break;
  }
}

/// What deciding a key costs: 0 the view, 1 a row, 2 the header, 3 the text.
int Search::cost(const Node& node) {
  switch (node.kind) {
    case Kind::both:
    case Kind::either:
    case Kind::negate: {
      int most = 0;
      for (const auto& child : node.children) most = std::max(most, cost(child));
      return most;
    }
    case Kind::savedBefore:
    case Kind::savedOn:
    case Kind::savedSince: return 1;
    case Kind::sentBefore:
    case Kind::sentOn:
    case Kind::sentSince: return 2;
    case Kind::body:
    case Kind::textAnywhere: return 3;
    default: return isText(node.kind) ? 2 : 0;
  }
}

void Search::askIndex(Node& node, store::Reader& reader) {
  for (auto& child : node.children) askIndex(child, reader);
  // What is near a word need not have its letters in a row.
  if (isText(node.kind) && !node.text.empty() && !node.fuzzy) node.candidates = reader.searchCandidates({node.text});
}

bool Search::matches(SearchMessage& message) {
  auto truth = quick(root_, message.entry());
  if (truth != Truth::unknown) return truth == Truth::yes;
  if (++readMessages_ != readWithoutIndex) return test(root_, message);
  askIndex(root_, message.reader());
  return matches(message);
}

bool Search::hasFlag(const Node& node, const store::ViewEntry& entry) const {
  if (node.bit != 0) return (entry.flags & node.bit) != 0;
  const auto& keywords = scope_->current->keywords(entry);
  return std::binary_search(keywords.begin(), keywords.end(), node.text);
}

bool Search::fitsSize(const Node& node, std::uint64_t size) {
  auto limit = static_cast<std::uint64_t>(node.from);
  return node.kind == Kind::larger ? size > limit : size < limit;
}

Search::Truth Search::quick(const Node& node, const store::ViewEntry& entry) const {
  auto known = [](bool yes) { return yes ? Truth::yes : Truth::no; };
  auto age = [&] { return std::max<std::int64_t>(0, unixSeconds(scope_->now) - entry.received); };
  switch (node.kind) {
    case Kind::all:
    case Kind::saveDateSupported: return Truth::yes;
    case Kind::both:
    case Kind::either: {
      auto decisive = node.kind == Kind::both ? Truth::no : Truth::yes;
      auto result = node.kind == Kind::both ? Truth::yes : Truth::no;
      for (const auto& child : node.children) {
        auto truth = quick(child, entry);
        if (truth == decisive) return decisive;
        if (truth == Truth::unknown) result = Truth::unknown;
      }
      return result;
    }
    case Kind::negate: {
      auto truth = quick(node.children.front(), entry);
      return truth == Truth::unknown ? truth : known(truth == Truth::no);
    }
    case Kind::flag: return known(hasFlag(node, entry) == node.on);
    case Kind::recent: return known(scope_->recent.contains(entry.uid.value) == node.on);
    case Kind::newMessage: return known(scope_->recent.contains(entry.uid.value) && (entry.flags & store::bit(imap::Flag::seen)) == 0);
    case Kind::larger:
    case Kind::smaller: return isShownAsStored(entry, scope_->utf8) ? known(fitsSize(node, entry.size)) : Truth::unknown;
    case Kind::older: return known(age() >= node.from);
    case Kind::younger: return known(age() <= node.from);
    case Kind::uid: return known(node.uids.contains(entry.uid.value));
    case Kind::modSeq: return known(entry.modSeq.value >= node.from);
    case Kind::before:
    case Kind::on_:
    case Kind::since: {
      auto day = dayOf(entry.received);
      return known(day >= node.from && day <= node.to);
    }
    case Kind::emailId:
    case Kind::threadId: return known(std::binary_search(node.messages.begin(), node.messages.end(), entry.message));
    default: break;
  }
  if (!node.candidates) return Truth::unknown;
  return std::binary_search(node.candidates->begin(), node.candidates->end(), entry.message) ? Truth::unknown : Truth::no;
}

bool Search::test(const Node& node, SearchMessage& message) const {
  auto holds = [&](const Node& child) { return test(child, message); };
  auto within = [&](std::optional<std::int64_t> day) { return day && *day >= node.from && *day <= node.to; };
  switch (node.kind) {
    case Kind::both: return std::all_of(node.children.begin(), node.children.end(), holds);
    case Kind::either: return std::any_of(node.children.begin(), node.children.end(), holds);
    case Kind::negate: return !holds(node.children.front());
    default: break;
  }
  auto truth = quick(node, message.entry());
  if (truth != Truth::unknown) return truth == Truth::yes;
  switch (node.kind) {
    case Kind::savedBefore:
    case Kind::savedOn:
    case Kind::savedSince: {
      auto saved = message.saved();
      return within(saved ? std::optional(dayOf(*saved)) : std::nullopt);
    }
    case Kind::sentBefore:
    case Kind::sentOn:
    case Kind::sentSince: return within(sentDay(message.header()));
    case Kind::larger:
    case Kind::smaller: return fitsSize(node, message.shownSize(scope_->utf8));
    default: return testText(node, message);
  }
}

bool Search::testText(const Node& node, SearchMessage& message) const {
  auto holds = [&](const std::string& text) {
    if (!node.fuzzy) return text.find(node.text) != std::string::npos;
    auto score = node.fuzzy->score(text);
    if (score > 0) message.addScore(score);
    return score > 0;
  };
  switch (node.kind) {
    case Kind::body: return holds(message.text(false));
    case Kind::textAnywhere: return holds(message.text(true));
    default: return anyField(message.header(), node.field, holds);
  }
}

}  // namespace mox::imapserver
