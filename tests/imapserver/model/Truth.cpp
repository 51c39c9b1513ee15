#include "imapserver/model/Truth.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"

namespace mox::test::model {

namespace {

constexpr const char* nouns[] = {"apple", "bridge", "candle", "dragon", "ember"};

Content make(const std::string& mark, std::uint32_t i) {
  Content out;
  auto sent = fromUnixSeconds(1'600'000'000 + static_cast<std::int64_t>(i) * 40'000);
  out.sentDay = static_cast<int>(unixSeconds(sent) / 86'400);
  out.from = fmt::format("writer{} <w{}@remote.example>", i % 7, i % 7);
  out.subject = fmt::format("{} number {}", nouns[i % 5], i);
  out.body = fmt::format("{} {} {}", mark, nouns[(i / 5) % 5], nouns[(i * 3) % 5]);
  auto references = i < firstReply ? "" : fmt::format("References: <{}.{}@remote.example>\r\n", i - firstReply, mark);
  auto filler = std::string(i * 13, 'x');
  out.bytes = fmt::format("From: Writer{} <w{}@remote.example>\r\nSubject: {}\r\nDate: {}\r\nMessage-ID: <{}.{}@remote.example>\r\n{}\r\n{}\r\n{}\r\n", i % 7,
                          i % 7, out.subject, rfc5322Date(sent), i, mark, references, out.body, filler);
  return out;
}

}  // namespace

const Content& content(const std::string& mark, std::uint32_t index) {
  static std::map<std::pair<std::string, std::uint32_t>, Content> made;
  auto& slot = made[{mark, index}];
  if (slot.bytes.empty()) slot = make(mark, index);
  return slot;
}

Message* Mailbox::find(std::uint32_t uid) {
  auto at = std::lower_bound(messages.begin(), messages.end(), uid, [](const Message& m, std::uint32_t wanted) { return m.uid < wanted; });
  return at != messages.end() && at->uid == uid ? &*at : nullptr;
}

void Mailbox::add(Message message) {
  message.uid = uidNext++;
  messages.push_back(std::move(message));
}

void Mailbox::erase(std::uint32_t uid) {
  std::erase_if(messages, [uid](const Message& m) { return m.uid == uid; });
}

bool Account::hasChildren(const std::string& name) const {
  auto next = mailboxes.upper_bound(name + "/");
  return next != mailboxes.end() && next->first.starts_with(name + "/");
}

}  // namespace mox::test::model
