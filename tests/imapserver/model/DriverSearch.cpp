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
  bool uid = chance(50), extended = chance(50);
  std::vector<std::uint32_t> expected;
  for (std::size_t i = 0; i < client.list.size(); ++i) {
    const auto* message = client.selected->find(client.list[i].uid);
    if (message != nullptr && key.test(*message)) expected.push_back(uid ? message->uid : static_cast<std::uint32_t>(i + 1));
  }
  auto got = client.say(fmt::format("{}SEARCH {}{}", uid ? "UID " : "", extended ? "RETURN (MIN MAX COUNT ALL) " : "", key.text));
  if (client.selected->gone && !got.ok()) return;
  if (!got.ok()) client.fail("SEARCH failed");
  if (!uid && !got.all("EXPUNGE").empty()) client.fail("EXPUNGE while SEARCH is answered");
  std::vector<std::uint32_t> told;
  if (extended || client.rev2) {
    auto lines = got.all("ESEARCH");
    if (lines.size() != 1) client.fail("no ESEARCH");
    const auto& said = lines[0]->words;
    auto numberOf = [&](std::string_view name) {
      for (std::size_t i = 0; i + 1 < said.size(); ++i)
        if (said[i].is(name)) return said[i + 1].text;
      return std::string();
    };
    if (auto all = numberOf("ALL"); !all.empty()) told = parseSet(all);
    auto expectedNumber = [&](std::string_view name, std::optional<std::uint32_t> number) {
      if (extended && numberOf(name) != (number ? std::to_string(*number) : "")) client.fail("ESEARCH: wrong " + std::string(name));
    };
    bool none = expected.empty();
    expectedNumber("COUNT", static_cast<std::uint32_t>(expected.size()));
    expectedNumber("MIN", none ? std::nullopt : std::optional(expected.front()));
    expectedNumber("MAX", none ? std::nullopt : std::optional(expected.back()));
  } else {
    for (const auto* line : got.all("SEARCH"))
      for (std::size_t i = 1; i < line->words.size(); ++i) told.push_back(static_cast<std::uint32_t>(line->words[i].number()));
  }
  if (told != expected) client.fail("SEARCH found " + formatSet(told) + ", not " + formatSet(expected));
  count("SEARCH", got);
}

}  // namespace mox::test::model
