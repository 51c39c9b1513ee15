#include "imapserver/SearchAnswer.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/Text.h"
#include "base/Unicode.h"
#include "imapserver/Handlers.h"
#include "message/Charset.h"

namespace mox::imapserver {

namespace {

/// Some that are known; all that iconv knows would be a long list.
constexpr std::string_view badCharset = "BADCHARSET (UTF-8 US-ASCII ISO-8859-1 ISO-8859-15 WINDOWS-1252 KOI8-R ISO-2022-JP)";

/// False if a text is not in the charset it is said to be in.
bool decodeTexts(imap::SearchKey& key, std::string_view charset) {
  for (auto& child : key.children)
    if (!decodeTexts(child, charset)) return false;
  bool isUnicode = charset.empty() || charset == "UTF-8" || charset == "US-ASCII";
  if (isUnicode) return isUtf8(key.text);
  key.text = message::charsetToUtf8(key.text, charset);
  return true;
}

struct FuzzyCuts {
  bool words = false, length = false;
};

void findFuzzyCuts(const imap::SearchKey& key, bool isFuzzy, FuzzyCuts& cuts) {
  isFuzzy = isFuzzy || key.kind == imap::SearchKey::Kind::fuzzy;
  if (isFuzzy && isText(key.kind)) {
    FuzzyMatch match(key.text);
    cuts.words = cuts.words || match.hasManyWords();
    cuts.length = cuts.length || match.hasLongWord();
  }
  for (const auto& child : key.children) findFuzzyCuts(child, isFuzzy, cuts);
}

/// Once a command, not once a mailbox searched. Words of messages are cut too, but that is in nobody's hands: not counted.
void countFuzzyCuts(Context& context, const imap::SearchKey& root) {
  FuzzyCuts cuts;
  findFuzzyCuts(root, false, cuts);
  if (cuts.words) context.hit(fuzzyWordsLimit);
  if (cuts.length) context.hit(fuzzyWordLength);
}

/// "* SEARCH 1 2 3 (MODSEQ 4)", RFC 9051 §7.3.5, RFC 7162 §3.1.5.
class NumberLine final : public net::Producer {
 public:
  NumberLine(const std::string& name, NextNumber next, std::optional<std::uint64_t> modSeq) : start_("* " + name), next_(std::move(next)), modSeq_(modSeq) {}

  bool produce(std::string& out) override {
    out += std::exchange(start_, "");
    for (auto enough = out.size() + piece; out.size() < enough; isEmpty_ = false) {
      auto number = next_();
      if (!number) return end(out), false;
      out += " " + std::to_string(*number);
    }
    return true;
  }

 private:
  void end(std::string& out) const {
    if (modSeq_ && !isEmpty_) out += " (MODSEQ " + std::to_string(*modSeq_) + ")";
    out += "\r\n";
  }

  static constexpr std::size_t piece = 64 * 1024;  ///< octets made at a time
  std::string start_;
  NextNumber next_;
  std::optional<std::uint64_t> modSeq_;
  bool isEmpty_ = true;
};

}  // namespace

std::shared_ptr<SearchScope> selectedScope(Context& context, const imap::SearchReturn& wanted) {
  auto current = context.selected->current();
  if (!current) {
    if (wanted.save) context.selected->saved = {};
    context.no("NONEXISTENT", "the mailbox was deleted");
    return nullptr;
  }
  return selectedScope(context, std::move(current));
}

std::shared_ptr<SearchScope> selectedScope(Context& context, store::View current) {
  auto scope = std::make_shared<SearchScope>();
  scope->known = context.selected->held();
  scope->current = std::move(current);
  scope->saved = context.selected->saved;
  if (context.tellMode().recent) scope->recent = context.selected->recent();
  scope->now = context.services.clock.now();
  scope->utf8 = context.utf8;
  return scope;
}

std::string limitSearch(Context& context, const imap::SearchKey& root, SearchScope& scope) {
  auto uids = searchedUids(root, scope);
  if (!uids) return "";  // SearchRun::make() refuses it
  auto limited = limitMessages(context, *uids);
  if (!limited.empty()) scope.from = Uid(uids->ranges().front().first);
  return limited;
}

bool refuseTooMany(Context& context, const imap::SearchKey& root, SearchScope& scope) {
  if (limitSearch(context, root, scope).empty()) return false;
  context.no(messageLimitCode(context), "too many messages, ask for fewer with UIDAFTER or UIDBEFORE");
  return true;
}

bool containsKey(const imap::SearchKey& key, imap::SearchKey::Kind kind) {
  if (key.kind == kind) return true;
  return std::any_of(key.children.begin(), key.children.end(), [kind](const auto& child) { return containsKey(child, kind); });
}

bool refuseCharset(Context& context, const imap::SearchProgram& program) {
  if (!program.charset || !context.utf8Accept) return false;
  context.bad("after ENABLE UTF8=ACCEPT texts are UTF-8, without CHARSET");
  return true;
}

std::optional<imap::SearchKey> readyProgram(Context& context, const imap::SearchProgram& program) {
  std::string charset = program.charset.value_or("");
  if (!charset.empty() && !message::isKnownCharset(charset)) {
    if (program.result.save && context.selected) context.selected->saved = {};
    context.no(badCharset, "unknown charset");
    return std::nullopt;
  }
  auto root = program.root;
  if (!decodeTexts(root, charset)) {
    context.bad("a text to search for is not valid UTF-8");
    return std::nullopt;
  }
  countFuzzyCuts(context, root);
  return root;
}

namespace {

/// A window as ranks from 1, the first beyond the last if nothing is in it.
std::pair<std::uint64_t, std::uint64_t> ranks(const imap::ResultWindow& window, std::uint64_t count) {
  if (window.first > 0) return {static_cast<std::uint64_t>(window.first), std::min(count, static_cast<std::uint64_t>(window.last))};
  auto near = static_cast<std::uint64_t>(-window.first), far = static_cast<std::uint64_t>(-window.last);
  if (near > count) return {1, 0};
  return {far > count ? 1 : count - far + 1, count - near + 1};
}

bool onlyEnds(const imap::SearchReturn& wanted) { return (wanted.min || wanted.max || wanted.partial) && !wanted.all && !wanted.count; }

}  // namespace

SearchNeed needOf(const imap::SearchReturn& wanted, bool esearch) {
  SearchNeed need;
  need.all = !esearch || !onlyEnds(wanted) || wanted.update || wanted.relevancy;
  need.relevancy = wanted.relevancy;
  need.first = wanted.min ? 1 : 0;
  need.last = wanted.max ? 1 : 0;
  if (!wanted.partial) return need;
  auto& end = wanted.partial->first > 0 ? need.first : need.last;
  end = std::max(end, static_cast<std::uint64_t>(std::abs(wanted.partial->last)));
  return need;
}

imap::NumberSet inWindow(const imap::NumberSet& numbers, const imap::ResultWindow& window) {
  auto [first, last] = ranks(window, numbers.count());
  return numbers.ranked(first, last);
}

std::vector<std::uint32_t> inWindow(const std::vector<std::uint32_t>& numbers, const imap::ResultWindow& window) {
  auto [first, last] = ranks(window, numbers.size());
  if (first > last) return {};
  return {numbers.begin() + static_cast<std::ptrdiff_t>(first - 1), numbers.begin() + static_cast<std::ptrdiff_t>(last)};
}

std::string relevancyText(const imap::SearchReturn& wanted, const std::vector<std::uint8_t>& relevancies) {
  auto [first, last] = wanted.partial && !wanted.all ? ranks(*wanted.partial, relevancies.size()) : std::pair<std::uint64_t, std::uint64_t>{1, relevancies.size()};
  std::string out;
  for (auto rank = first; rank <= last; ++rank) {
    if (!out.empty()) out += ' ';
    out += std::to_string(relevancies[static_cast<std::size_t>(rank - 1)]);
  }
  return out;
}

imap::EsearchResponse esearchOf(const imap::SearchReturn& wanted, const SearchRun& run, bool uid, bool withModSeq) {
  const auto& found = run.found();
  imap::EsearchResponse response;
  response.uid = uid;
  const auto& numbers = found.numbers(uid);
  if (wanted.count) response.count = found.count;
  if (wanted.partial) response.partial = {wanted.partial->first, wanted.partial->last, inWindow(numbers, *wanted.partial).text()};
  if (numbers.empty()) return response;
  if (wanted.min) response.min = numbers.ranges().front().first;
  if (wanted.max) response.max = numbers.ranges().back().last;
  if (wanted.all || !wanted.given) response.all = numbers.text();
  // RFC 9394 §3.3, RFC 7162 §3.1.5: of what is told, and a window may be told of more that was found.
  if (withModSeq) response.modSeq = wanted.partial ? run.modSeqAmong(savedOf(wanted, found.uids)) : found.modSeq;
  if (wanted.relevancy) response.relevancy = relevancyText(wanted, found.relevancies);
  return response;
}

imap::EsearchResponse esearchOf(const imap::SearchReturn& wanted, const std::vector<std::uint32_t>& ordered, bool uid) {
  imap::EsearchResponse response;
  response.uid = uid;
  if (wanted.count) response.count = ordered.size();
  if (wanted.partial) response.partial = {wanted.partial->first, wanted.partial->last, imap::orderedSetText(inWindow(ordered, *wanted.partial))};
  if (ordered.empty()) return response;
  if (wanted.min) response.min = ordered.front();
  if (wanted.max) response.max = ordered.back();
  if (wanted.all) response.all = imap::orderedSetText(ordered);
  return response;
}

void countReads(Context& context, const SearchRun& run) {
  context.services.metrics.counter("mox_imap_search_read_total", "Messages that searches have read, because neither flags and numbers nor the full-text index could decide.")
      .inc(static_cast<double>(run.reads()));
}

bool saysSomething(const imap::SearchReturn& wanted) {
  return !wanted.save || wanted.min || wanted.max || wanted.count || wanted.all || wanted.partial || wanted.relevancy;
}

imap::NumberSet savedOf(const imap::SearchReturn& wanted, const imap::NumberSet& uids) {
  if (!onlyEnds(wanted) || uids.empty()) return uids;
  imap::NumberSet out;
  if (wanted.partial) out = inWindow(uids, *wanted.partial);
  if (wanted.min) out.add(uids.ranges().front().first);
  if (wanted.max) out.add(uids.ranges().back().last);
  return out;
}

NextNumber eachNumber(imap::NumberSet numbers) {
  return [set = std::move(numbers), range = std::size_t{0}, offset = std::uint32_t{0}]() mutable -> std::optional<std::uint32_t> {
    if (range == set.ranges().size()) return std::nullopt;
    auto [first, last] = set.ranges()[range];
    auto number = first + offset;
    if (number == last) {
      ++range;
      offset = 0;
    } else {
      ++offset;
    }
    return number;
  };
}

std::unique_ptr<net::Producer> makeNumberLine(const std::string& name, NextNumber next, std::optional<std::uint64_t> modSeq) {
  return std::make_unique<NumberLine>(name, std::move(next), modSeq);
}

}  // namespace mox::imapserver
