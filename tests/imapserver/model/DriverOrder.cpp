// SORT and THREAD, RFC 5256, of messages whose Date fields are in the order of their index.
#include <fmt/format.h>

#include <algorithm>

#include "imapserver/model/Driver.h"

namespace mox::test::model {

namespace {

using Found = std::pair<std::uint32_t, const Message*>;

struct Criterion {
  const char* name;
  /// -1, 0, 1.
  std::function<int(const Message&, const Message&)> compare;
};

template <class Value>
int compared(const Value& a, const Value& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

std::vector<Criterion> criteria(const std::string& mark) {
  return {
      {"ARRIVAL", [](const Message& a, const Message& b) { return compared(a.received, b.received); }},
      {"DATE", [](const Message& a, const Message& b) { return compared(a.content, b.content); }},
      {"SIZE", [&mark](const Message& a, const Message& b) { return compared(content(mark, a.content).bytes.size(), content(mark, b.content).bytes.size()); }},
      {"SUBJECT", [&mark](const Message& a, const Message& b) { return compared(content(mark, a.content).subject, content(mark, b.content).subject); }},
      {"FROM", [](const Message& a, const Message& b) { return compared(a.content % 7, b.content % 7); }},
      {"CC", [](const Message&, const Message&) { return 0; }},
  };
}

/// "(1)" for one, "((1)(2))" for siblings whose parent is not there.
std::string siblings(const std::vector<std::string>& threads) {
  if (threads.size() == 1) return "(" + threads.front() + ")";
  std::string out = "(";
  for (const auto& one : threads) out += "(" + one + ")";
  return out + ")";
}

/// §3, ORDEREDSUBJECT: equal subjects are equal contents here; the first is the parent of all others.
std::string bySubject(const std::vector<Found>& found) {
  std::map<std::uint32_t, std::vector<std::string>> groups;
  for (const auto& [number, message] : found) groups[message->content].push_back(std::to_string(number));
  std::string out;
  for (const auto& [index, numbers] : groups) {
    out += "(" + numbers.front();
    if (numbers.size() == 2) out += " " + numbers[1];
    for (std::size_t i = 1; numbers.size() > 2 && i < numbers.size(); ++i) out += (i == 1 ? " (" : "(") + numbers[i] + ")";
    out += ")";
  }
  return out;
}

/// §3, REFERENCES. Only the first of several with one Message-ID has it; those with the same subject stand side by side.
std::string byReferences(const std::vector<Found>& found) {
  struct Group {
    std::vector<std::string> originals, replies;
  };
  std::map<std::uint32_t, Group> groups;  // by the index of the original
  for (const auto& [number, message] : found) {
    bool isReply = message->content >= firstReply;
    auto& group = groups[isReply ? message->content - firstReply : message->content];
    (isReply ? group.replies : group.originals).push_back(std::to_string(number));
  }
  // By date: without an original that is the first reply's.
  std::map<std::uint32_t, std::string> threads;
  for (auto& [index, group] : groups) {
    if (group.originals.empty()) {
      threads[index + firstReply] = siblings(group.replies);
      continue;
    }
    auto& first = group.originals.front();
    if (group.replies.size() == 1) first += " " + group.replies.front();
    for (std::size_t i = 0; group.replies.size() > 1 && i < group.replies.size(); ++i) first += (i == 0 ? " (" : "(") + group.replies[i] + ")";
    threads[index] = siblings(group.originals);
  }
  std::string out;
  for (const auto& [date, thread] : threads) out += thread;
  return out;
}

}  // namespace

Driver::Searched Driver::someSet(Client& client, bool uid) {
  Searched out;
  auto picked = pick(client, true);
  bool all = chance(50);
  out.text = all ? "ALL" : "UID " + picked.set;
  for (std::size_t i = 0; i < client.list.size(); ++i) {
    auto known = client.list[i].uid;
    const auto* message = client.selected->find(known);
    bool meant = all || std::find(picked.uids.begin(), picked.uids.end(), known) != picked.uids.end();
    if (message != nullptr && meant) out.found.emplace_back(uid ? known : static_cast<std::uint32_t>(i + 1), message);
  }
  return out;
}

void Driver::sort(Client& client) {
  bool uid = chance(50);
  auto searched = someSet(client, uid);
  auto known = criteria(client.account.mark);
  std::string text;
  std::vector<std::pair<Criterion, bool>> chosen;
  for (auto left = 1 + below(3); left > 0; --left) {
    chosen.emplace_back(known[below(static_cast<std::uint32_t>(known.size()))], chance(40));
    text += (text.empty() ? "" : " ") + std::string(chosen.back().second ? "REVERSE " : "") + chosen.back().first.name;
  }
  // §2.2: what is equal stays in the order of the mailbox.
  std::stable_sort(searched.found.begin(), searched.found.end(), [&](const Found& a, const Found& b) {
    for (const auto& [criterion, reverse] : chosen)
      if (auto order = criterion.compare(*a.second, *b.second); order != 0) return (order < 0) != reverse;
    return false;
  });
  auto got = client.say(fmt::format("{}SORT ({}) UTF-8 {}", uid ? "UID " : "", text, searched.text));
  if (client.selected->gone && !got.ok()) return;
  if (!got.ok()) client.fail("SORT failed");
  std::vector<std::uint32_t> told, expected;
  for (const auto* line : got.all("SORT"))
    for (std::size_t i = 1; i < line->words.size(); ++i) told.push_back(static_cast<std::uint32_t>(line->words[i].number()));
  for (const auto& [number, message] : searched.found) expected.push_back(number);
  if (told != expected) client.fail("SORT should be " + fmt::format("{}", fmt::join(expected, " ")));
  count("SORT", got);
}

void Driver::thread(Client& client) {
  bool uid = chance(50), references = chance(60);
  auto searched = someSet(client, uid);
  auto got = client.say(fmt::format("{}THREAD {} UTF-8 {}", uid ? "UID " : "", references ? "REFERENCES" : "ORDEREDSUBJECT", searched.text));
  if (client.selected->gone && !got.ok()) return;
  auto lines = got.all("THREAD");
  if (!got.ok() || lines.size() != 1) client.fail("THREAD failed");
  auto expected = references ? byReferences(searched.found) : bySubject(searched.found);
  auto line = "* THREAD" + (expected.empty() ? "" : " " + expected);
  if (lines[0]->line != line) client.fail("THREAD should be " + line);
  count(references ? "THREAD REFERENCES" : "THREAD ORDEREDSUBJECT", got);
}

}  // namespace mox::test::model
