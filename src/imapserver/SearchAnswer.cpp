#include "imapserver/SearchAnswer.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "imapserver/Context.h"
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

class NumberLines final : public net::Producer {
 public:
  NumberLines(std::string name, NextNumber next, std::optional<std::uint64_t> modSeq)
      : name_(std::move(name)), next_(std::move(next)), modSeq_(modSeq), peeked_(next_()) {}

  bool produce(std::string& out) override {
    auto enough = out.size() + piece;
    do {
      std::vector<std::uint32_t> line;
      for (; peeked_ && line.size() < imap::searchNumbersPerLine; peeked_ = next_()) line.push_back(*peeked_);
      imap::writeNumbers(out, name_, line, peeked_ ? std::nullopt : modSeq_);
    } while (peeked_ && out.size() < enough);
    return peeked_.has_value();
  }

 private:
  static constexpr std::size_t piece = 64 * 1024;  ///< octets made at a time
  std::string name_;
  NextNumber next_;
  std::optional<std::uint64_t> modSeq_;
  std::optional<std::uint32_t> peeked_;
};

}  // namespace

bool containsKey(const imap::SearchKey& key, imap::SearchKey::Kind kind) {
  if (key.kind == kind) return true;
  return std::any_of(key.children.begin(), key.children.end(), [kind](const auto& child) { return containsKey(child, kind); });
}

std::optional<imap::SearchKey> readyProgram(Context& context, const imap::SearchProgram& program) {
  std::string charset = program.charset.value_or("");
  if (!charset.empty() && !message::isKnownCharset(charset)) {
    if (program.result.save && context.selected) context.selected->saved = {};
    context.no(badCharset, "unknown charset");
    return std::nullopt;
  }
  auto root = program.root;
  if (decodeTexts(root, charset)) return root;
  context.bad("a text to search for is not valid UTF-8");
  return std::nullopt;
}

SearchNeed needOf(const imap::SearchReturn& wanted, bool esearch) {
  SearchNeed need;
  bool ends = wanted.min || wanted.max;
  need.all = !esearch || wanted.all || wanted.count || !ends;
  need.first = wanted.min ? 1 : 0;
  need.last = wanted.max ? 1 : 0;
  return need;
}

imap::EsearchResponse esearchOf(const imap::SearchReturn& wanted, const SearchFound& found, bool uid, bool withModSeq) {
  imap::EsearchResponse response;
  response.uid = uid;
  const auto& numbers = found.numbers(uid);
  if (wanted.count) response.count = found.count;
  if (numbers.empty()) return response;
  bool none = !wanted.min && !wanted.max && !wanted.count && !wanted.all && !wanted.save;
  if (wanted.min) response.min = numbers.ranges().front().first;
  if (wanted.max) response.max = numbers.ranges().back().last;
  if (wanted.all || none) response.all = numbers;
  if (withModSeq) response.modSeq = found.modSeq;
  return response;
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

std::unique_ptr<net::Producer> makeNumberLines(std::string name, NextNumber next, std::optional<std::uint64_t> modSeq) {
  return std::make_unique<NumberLines>(std::move(name), std::move(next), modSeq);
}

}  // namespace mox::imapserver
