// SEARCH: random programs, each evaluated here as well. RFC 9051 §6.4.4.
#include <fmt/format.h>

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "imapserver/model/Driver.h"

namespace mox::test::model {

namespace {

using Test = std::function<bool(const Message&)>;
struct Key {
  std::string text;
  Test test;
};

std::string day(int days) {
  auto text = imapDateTime(fromUnixSeconds(static_cast<std::int64_t>(days) * 86'400));
  return std::string(trim(text.substr(0, 11)));
}

Test hasFlag(const std::string& flag, bool wanted) {
  return [=](const Message& m) { return m.flags.contains(flag) == wanted; };
}

}  // namespace

void Driver::search(Client& client) {
  const auto& mark = client.account.mark;
  std::function<Key(int)> make = [&](int depth) -> Key {
    switch (below(depth > 0 ? 15 : 12)) {
      case 0: return {"ALL", [](const Message&) { return true; }};
      case 1: return {"UNSEEN", hasFlag("\\Seen", false)};
      case 2: return {"DELETED", hasFlag("\\Deleted", true)};
      case 3: return {"KEYWORD alpha", hasFlag("alpha", true)};
      case 4: return {"UNKEYWORD $Junk", hasFlag("$Junk", false)};
      case 5: {
        auto size = below(700);
        return {fmt::format("LARGER {}", size), [=, &mark](const Message& m) { return content(mark, m.content).bytes.size() > size; }};
      }
      case 6: {
        std::string word = std::vector<std::string>{"Apple", "bridge", "NUMBER 1", "andl", "number 39", "zzz"}[below(6)];
        return {"SUBJECT \"" + word + "\"", [=, &mark](const Message& m) { return content(mark, m.content).subject.find(lower(word)) != std::string::npos; }};
      }
      case 7: {
        auto writer = fmt::format("writer{}", below(8));
        return {"FROM " + writer, [=, &mark](const Message& m) { return content(mark, m.content).from.find(writer) != std::string::npos; }};
      }
      case 8: {
        std::string word = std::vector<std::string>{"ember", "ANDLE", mark, "walruszebra", "xxxxxxxxxxxxxxxx", "ag"}[below(6)];
        return {"BODY " + word, [=, &mark](const Message& m) {
                  const auto& bytes = content(mark, m.content).bytes;
                  return lower(bytes.substr(bytes.find("\r\n\r\n"))).find(lower(word)) != std::string::npos;
                }};
      }
      case 9: {
        int when = static_cast<int>(1'500'000'000 / 86'400 + below(1200));
        auto kind = below(3);
        return {fmt::format("{} {}", kind == 0 ? "BEFORE" : kind == 1 ? "SINCE" : "ON", day(when)), [=](const Message& m) {
                  int have = static_cast<int>(m.received / 86'400);
                  return kind == 0 ? have < when : kind == 1 ? have >= when : have == when;
                }};
      }
      case 10: {
        int when = static_cast<int>(1'600'000'000 / 86'400 + below(20));
        auto kind = below(3);
        return {fmt::format("{} {}", kind == 0 ? "SENTBEFORE" : kind == 1 ? "SENTSINCE" : "SENTON", day(when)), [=, &mark](const Message& m) {
                  int have = content(mark, m.content).sentDay;
                  return kind == 0 ? have < when : kind == 1 ? have >= when : have == when;
                }};
      }
      case 11: {
        auto picked = pick(client, true);
        return {"UID " + picked.set, [uids = picked.uids](const Message& m) { return std::find(uids.begin(), uids.end(), m.uid) != uids.end(); }};
      }
      case 12: {
        auto inner = make(depth - 1);
        return {"NOT " + inner.text, [=](const Message& m) { return !inner.test(m); }};
      }
      case 13: {
        auto a = make(depth - 1), b = make(depth - 1);
        return {"OR " + a.text + " " + b.text, [=](const Message& m) { return a.test(m) || b.test(m); }};
      }
      default: {
        auto a = make(depth - 1), b = make(depth - 1);
        return {"(" + a.text + " " + b.text + ")", [=](const Message& m) { return a.test(m) && b.test(m); }};
      }
    }
  };
  auto key = make(2);
  bool uid = chance(50);
  std::optional<Return> wanted;
  if (chance(60)) wanted = someReturn();
  std::vector<std::uint32_t> expected, expectedUids;
  for (std::size_t i = 0; i < client.list.size(); ++i) {
    const auto* message = client.selected->find(client.list[i].uid);
    if (message == nullptr || !key.test(*message)) continue;
    expected.push_back(uid ? message->uid : static_cast<std::uint32_t>(i + 1));
    expectedUids.push_back(message->uid);
  }
  auto got = client.say(fmt::format("{}SEARCH {}{}", uid ? "UID " : "", wanted ? wanted->text() : "", key.text));
  if (client.selected->gone && !got.ok()) return;
  if (!got.ok()) client.fail("SEARCH failed");
  if (!uid && !got.all("EXPUNGE").empty()) client.fail("EXPUNGE while SEARCH is answered");
  if (wanted || client.rev2) {
    checkExtended(client, got, wanted.value_or(Return{}), expected);
  } else {
    std::vector<std::uint32_t> told;
    for (const auto* line : got.all("SEARCH"))
      for (std::size_t i = 1; i < line->words.size(); ++i) told.push_back(static_cast<std::uint32_t>(line->words[i].number()));
    if (told != expected) client.fail("SEARCH found " + formatSet(told) + ", not " + formatSet(expected));
  }
  count("SEARCH", got);
  if (wanted && wanted->window) count("SEARCH PARTIAL", got);
  if (wanted && wanted->save) checkSaved(client, *wanted, expectedUids);
}

Driver::Return Driver::someReturn() {
  Return out;
  out.min = chance(40);
  out.max = chance(40);
  out.count = chance(40);
  out.save = chance(30);
  if (chance(40)) out.all = true;
  else if (chance(50)) out.window = std::pair(1 + below(6), 1 + below(6));
  if (out.window && out.window->first > out.window->second) std::swap(out.window->first, out.window->second);
  out.fromEnd = chance(50);
  return out;
}

std::string Driver::Return::windowText() const {
  auto sign = fromEnd ? "-" : "";
  return fmt::format("{}{}:{}{}", sign, window->first, sign, window->second);
}

std::string Driver::Return::text() const {
  std::string out = "RETURN (";
  auto add = [&](bool wanted, const std::string& name) {
    if (wanted) out += (out.back() == '(' ? "" : " ") + name;
  };
  add(min, "MIN");
  add(max, "MAX");
  add(count, "COUNT");
  add(all, "ALL");
  add(save, "SAVE");
  if (window) add(true, "PARTIAL " + windowText());
  return out + ") ";
}

/// RFC 9394 §3.1: ranks from 1, or from the last.
std::vector<std::uint32_t> Driver::Return::inWindow(const std::vector<std::uint32_t>& found) const {
  std::vector<std::uint32_t> out;
  for (std::uint32_t i = 0; i < found.size(); ++i) {
    auto rank = fromEnd ? static_cast<std::uint32_t>(found.size()) - i : i + 1;
    if (rank >= window->first && rank <= window->second) out.push_back(found[i]);
  }
  return out;
}

/// RFC 4731 §3.1, RFC 9394 §3.1.
void Driver::checkExtended(Client& client, const Outcome& outcome, const Return& wanted, const std::vector<std::uint32_t>& found) {
  auto lines = outcome.all("ESEARCH");
  if (wanted.save && !wanted.tells()) {
    if (!lines.empty()) client.fail("SAVE alone says something");
    return;
  }
  if (lines.size() != 1) client.fail("no ESEARCH");
  const auto& said = lines[0]->words;
  auto valueOf = [&](std::string_view name) -> const Value* {
    for (std::size_t i = 0; i + 1 < said.size(); ++i)
      if (said[i].is(name)) return &said[i + 1];
    return nullptr;
  };
  auto expect = [&](std::string_view name, const std::string& expected) {
    const auto* value = valueOf(name);
    if ((value == nullptr ? "" : value->text) != expected) client.fail(fmt::format("ESEARCH: {} should be {}", name, expected));
  };
  bool none = found.empty(), all = wanted.all || !(wanted.tells() || wanted.save);
  expect("COUNT", wanted.count ? std::to_string(found.size()) : "");
  expect("MIN", wanted.min && !none ? std::to_string(found.front()) : "");
  expect("MAX", wanted.max && !none ? std::to_string(found.back()) : "");
  expect("ALL", all ? formatSet(found) : "");
  const auto* partial = valueOf("PARTIAL");
  if ((partial != nullptr) != wanted.window.has_value()) client.fail("ESEARCH: PARTIAL");
  if (partial == nullptr) return;
  auto expected = formatSet(wanted.inWindow(found));
  if (partial->items.size() != 2 || partial->items[0].text != wanted.windowText()) client.fail("PARTIAL of another window");
  if (partial->items[1].text != (expected.empty() ? "NIL" : expected)) client.fail("PARTIAL should be " + expected);
}

/// RFC 5182 §2.4, RFC 9394 §3.2: what `$` is now.
void Driver::checkSaved(Client& client, const Return& wanted, const std::vector<std::uint32_t>& uids) {
  std::set<std::uint32_t> kept;
  bool some = (wanted.min || wanted.max || wanted.window) && !wanted.all && !wanted.count;
  if (!some) kept.insert(uids.begin(), uids.end());
  if (some && wanted.min && !uids.empty()) kept.insert(uids.front());
  if (some && wanted.max && !uids.empty()) kept.insert(uids.back());
  if (some && wanted.window)
    for (auto uid : wanted.inWindow(uids)) kept.insert(uid);
  std::erase_if(kept, [&](std::uint32_t uid) { return client.selected->find(uid) == nullptr; });
  auto got = client.say("UID SEARCH RETURN (ALL) $");
  if (!got.ok()) client.fail("SEARCH $ failed");
  Return all;
  all.all = true;
  checkExtended(client, got, all, {kept.begin(), kept.end()});
  count("SEARCH SAVE", got);
}

}  // namespace mox::test::model
