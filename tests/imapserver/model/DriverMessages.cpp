// Steps about messages: RFC 9051 §6.3.12, §6.4.3, §6.4.5–§6.4.9.
#include <fmt/format.h>

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "imapserver/model/Driver.h"

namespace mox::test::model {

namespace {

bool change(FlagSet& have, const FlagSet& given, char action) {
  auto before = have;
  if (action == '=') have = given;
  if (action == '+') have.insert(given.begin(), given.end());
  if (action == '-')
    for (const auto& flag : given) have.erase(flag);
  return have != before;
}

}  // namespace

void Driver::append(Client& client) {
  auto name = chance(10) ? someName() : existingName(client.account);
  auto found = client.account.mailboxes.find(name);
  bool there = found != client.account.mailboxes.end();
  std::vector<Message> messages;
  auto command = "APPEND " + wireName(name, client.rev2);
  for (auto count = chance(25) ? 2 + below(3) : 1u; count > 0; --count) {
    Message message{0, someFlags(), below(contentCount), 0, 1'500'000'000 + below(100'000'000)};
    const auto& bytes = content(client.account.mark, message.content).bytes;
    command += fmt::format(" {} \"{}\" {{{}+}}\r\n{}", flagText(message.flags), imapDateTime(fromUnixSeconds(message.received)), bytes.size(), bytes);
    messages.push_back(message);
  }
  auto got = client.say(command, [&](const Outcome& out) {
    if (!out.ok()) return;
    if (!there) client.fail("APPEND to a mailbox that is not there");
    auto modSeq = newModSeq(client.account);
    auto code = out.codeWords("APPENDUID");
    std::vector<std::uint32_t> uids;
    for (auto& message : messages) {
      message.modSeq = modSeq;
      uids.push_back(found->second->uidNext);
      found->second->add(message);
    }
    if (code.size() != 2 || parseSet(code[1]) != uids) client.fail("APPENDUID is not " + formatSet(uids));
  });
  if (!got.ok() && there && got.code != "OVERQUOTA") client.fail("APPEND failed");
  if (!there && got.code != "TRYCREATE") client.fail("APPEND without TRYCREATE");
  synced(client, got);
  count("APPEND", got);
}

void Driver::checkFetched(Client& client, const Outcome& outcome, const Picked& picked, const std::function<void(const Message&, const Value&)>& check) {
  std::set<std::uint32_t> told;
  bool allThere = true;
  for (const auto* line : outcome.all("FETCH")) {
    // Numbers may have moved since: EXPUNGE follows the answer of a UID command.
    const auto& items = line->words.at(2).items;
    if (items.size() < 2 || !items[0].is("UID")) client.fail("FETCH without UID");
    auto uid = static_cast<std::uint32_t>(items[1].number());
    const auto* message = client.selected->find(uid);
    bool asked = std::find(picked.uids.begin(), picked.uids.end(), uid) != picked.uids.end();
    // The first line is the answer; a second one tells what another session has changed.
    if (message == nullptr || !asked || !told.insert(uid).second) continue;
    check(*message, line->words.at(2));
  }
  for (auto uid : picked.uids) {
    bool there = client.selected->find(uid) != nullptr;
    allThere = allThere && there;
    if (there && !told.contains(uid)) client.fail(fmt::format("nothing fetched of UID {}", uid));
  }
  if (allThere && !outcome.ok()) client.fail("FETCH failed");
}

void Driver::fetch(Client& client) {
  bool uid = chance(50);
  auto picked = pick(client, uid);
  bool withModSeq = client.condstore || chance(10);
  auto items = std::string("(FLAGS INTERNALDATE RFC822.SIZE ENVELOPE") + (withModSeq ? " MODSEQ)" : ")");
  auto got = client.say(fmt::format("{}FETCH {} {}", uid ? "UID " : "", picked.set, items));
  if (!picked.valid) {
    if (got.status != "BAD") client.fail("a number beyond the end is not BAD");
    return;
  }
  if (withModSeq) client.condstore = true;
  if (!uid && !got.all("EXPUNGE").empty()) client.fail("EXPUNGE while FETCH is answered");
  checkFetched(client, got, picked, [&](const Message& message, const Value& said) {
    const auto& made = content(client.account.mark, message.content);
    int seen = 0;
    for (std::size_t i = 0; i + 1 < said.items.size(); i += 2) {
      const auto &item = said.items[i], &value = said.items[i + 1];
      if (item.is("RFC822.SIZE") && ++seen && value.number() != made.bytes.size()) client.fail("RFC822.SIZE is not the size");
      if (item.is("INTERNALDATE") && ++seen && value.text != imapDateTime(fromUnixSeconds(message.received))) client.fail("INTERNALDATE is not the date");
      if (item.is("ENVELOPE") && ++seen && value.items.at(1).text != made.subject) client.fail("ENVELOPE of another message");
    }
    if (seen != 3) client.fail("an item was not told");
  });
  count("FETCH", got);
}

void Driver::fetchBody(Client& client) {
  bool uid = chance(50), peek = chance(50);
  auto picked = pick(client, uid);
  auto got = client.say(fmt::format("{}FETCH {} BODY{}[]", uid ? "UID " : "", picked.set, peek ? ".PEEK" : ""), [&](const Outcome& out) {
    if (peek || client.readOnly || out.status == "BAD") return;
    std::vector<Message*> unseen;
    for (auto one : picked.uids)
      if (auto* message = client.selected->find(one); message != nullptr && !message->flags.contains("\\Seen")) unseen.push_back(message);
    if (unseen.empty()) return;
    auto modSeq = newModSeq(client.account);
    for (auto* message : unseen) {
      message->flags.insert("\\Seen");
      message->modSeq = modSeq;
    }
  });
  if (!picked.valid) return;
  checkFetched(client, got, picked, [&](const Message& message, const Value& said) {
    for (std::size_t i = 0; i + 1 < said.items.size(); i += 2)
      if (said.items[i].is("BODY[]") && said.items[i + 1].text != content(client.account.mark, message.content).bytes) client.fail("BODY[] is not the message");
  });
  count("FETCH BODY", got);
}

void Driver::store(Client& client) {
  bool uid = chance(50), silent = chance(40);
  auto picked = pick(client, uid);
  auto flags = someFlags();
  char action = "=+-"[below(3)];
  std::optional<std::uint64_t> since;
  if (client.condstore && chance(30)) since = modSeqNow(client.account) - std::min<std::uint64_t>(modSeqNow(client.account), below(6));
  std::vector<std::uint32_t> failed, present;
  bool isMissing = false;
  auto verb = std::string(action == '=' ? "" : std::string(1, action)) + "FLAGS" + (silent ? ".SILENT" : "");
  auto condition = since ? fmt::format(" (UNCHANGEDSINCE {})", *since) : "";
  auto got = client.say(fmt::format("{}STORE {}{} {} {}", uid ? "UID " : "", picked.set, condition, verb, flagText(flags)), [&](const Outcome& out) {
    if (!picked.valid || out.status == "BAD") return;
    if (client.readOnly || client.selected->gone) return;
    std::vector<Message*> changed;
    for (auto one : picked.uids) {
      auto* message = client.selected->find(one);
      isMissing = isMissing || message == nullptr;
      if (message == nullptr) continue;
      if (since && message->modSeq > *since) {
        failed.push_back(one);
        continue;
      }
      present.push_back(one);
      if (change(message->flags, flags, action)) changed.push_back(message);
    }
    if (changed.empty()) return;
    auto modSeq = newModSeq(client.account);
    for (auto* message : changed) message->modSeq = modSeq;
  });
  if (client.readOnly || client.selected->gone) {
    if (got.ok() && client.readOnly) client.fail("STORE in a mailbox that was EXAMINEd");
    return;
  }
  if (!picked.valid) {
    if (got.status != "BAD") client.fail("a number beyond the end is not BAD");
    return;
  }
  if (!uid && !got.all("EXPUNGE").empty()) client.fail("EXPUNGE while STORE is answered");
  if (got.status == "BAD") client.fail("STORE is BAD");
  auto code = got.codeWords("MODIFIED");
  if (code.size() > 1 || (code.empty() != failed.empty())) client.fail("MODIFIED is not " + formatSet(failed));
  if (!failed.empty()) {
    auto told = parseSet(code[0]);
    if (!uid)
      for (auto& number : told) number = client.list.at(number - 1).uid;
    if (told != failed) client.fail("MODIFIED is not " + formatSet(failed));
  }
  bool mustFail = isMissing && !uid && !silent;
  if (mustFail && (got.status != "NO" || (failed.empty() && got.code != "EXPUNGEISSUED"))) client.fail("STORE of messages that are gone");
  if (silent)
    for (auto one : present) client.assume(one, flags, action);
  else
    checkFetched(client, got, {picked.set, mustFail ? picked.uids : present, true}, [](const Message&, const Value&) {});
  count(since ? "STORE UNCHANGEDSINCE" : "STORE", got);
}

void Driver::copyOrMove(Client& client, bool move) {
  bool uid = chance(50);
  auto picked = pick(client, uid);
  auto name = chance(10) ? someName() : existingName(client.account);
  auto found = client.account.mailboxes.find(name);
  auto target = found == client.account.mailboxes.end() ? nullptr : found->second;
  bool same = target == client.selected;
  auto source = client.selected;
  auto got = client.say(fmt::format("{}{} {} {}", uid ? "UID " : "", move ? "MOVE" : "COPY", picked.set, wireName(name, client.rev2)), [&](const Outcome& out) {
    std::vector<std::uint32_t> from, to;
    if (!out.ok() || target == nullptr || same) return;
    for (auto one : picked.uids)
      if (source->find(one) != nullptr) from.push_back(one);
    if (from.empty()) return;
    auto modSeq = newModSeq(client.account);
    for (auto one : from) {
      auto copy = *source->find(one);
      copy.modSeq = modSeq;
      to.push_back(target->uidNext);
      target->add(copy);
      if (move) source->erase(one);
    }
    std::vector<std::string> code = out.codeWords("COPYUID");
    for (const auto* line : out.all("OK"))
      if (auto in = words(line->code); in.size() == 4 && in[0] == "COPYUID") code = {in[1], in[2], in[3]};
    if (code.size() != 3 || parseSet(code[1]) != from || parseSet(code[2]) != to) client.fail("COPYUID is not " + formatSet(from) + " " + formatSet(to));
    if (target->uidValidity != 0 && code[0] != std::to_string(target->uidValidity)) client.fail("COPYUID with another UIDVALIDITY");
  });
  if (!picked.valid) {
    if (got.ok()) client.fail("a number beyond the end is accepted");
    return;
  }
  if (target == nullptr && got.ok() && !picked.uids.empty()) client.fail("COPY to a mailbox that is not there");
  if (move && client.readOnly && got.ok() && !picked.uids.empty()) client.fail("MOVE out of a mailbox that was EXAMINEd");
  synced(client, got);
  count(move ? "MOVE" : "COPY", got);
}

void Driver::expunge(Client& client) {
  bool byUid = chance(40);
  auto picked = pick(client, true);
  auto got = client.say(byUid ? "UID EXPUNGE " + picked.set : "EXPUNGE", [&](const Outcome& out) {
    if (!out.ok() || client.readOnly) return;
    std::vector<std::uint32_t> gone;
    for (const auto& known : client.list) {
      if (byUid && std::find(picked.uids.begin(), picked.uids.end(), known.uid) == picked.uids.end()) continue;
      if (auto* message = client.selected->find(known.uid); message != nullptr && message->flags.contains("\\Deleted")) gone.push_back(known.uid);
    }
    for (auto uid : gone) client.selected->erase(uid);
    if (!gone.empty()) newModSeq(client.account);
  });
  if (client.readOnly && got.ok()) client.fail("EXPUNGE in a mailbox that was EXAMINEd");
  if (!client.readOnly && !client.selected->gone && !got.ok()) client.fail("EXPUNGE failed");
  synced(client, got);
  count("EXPUNGE", got);
}

}  // namespace mox::test::model
