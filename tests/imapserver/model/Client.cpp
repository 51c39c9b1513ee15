#include "imapserver/model/Client.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/Text.h"
#include "imap/MailboxName.h"

namespace mox::test::model {

namespace {
constexpr std::size_t transcriptLines = 60;
}

std::vector<std::string> Outcome::codeWords(std::string_view name) const {
  auto all = words(code);
  if (all.empty() || !equalsNoCase(all.front(), name)) return {};
  all.erase(all.begin());
  return all;
}

std::vector<const Response*> Outcome::all(std::string_view name) const {
  std::vector<const Response*> out;
  for (const auto& response : untagged) {
    auto word = [&](std::size_t i) { return response.words.size() > i && response.words[i].is(name); };
    if (word(0) || word(1)) out.push_back(&response);
  }
  return out;
}

FlagSet flagsOf(const Value& value) {
  FlagSet out;
  for (const auto& item : value.items)
    if (!item.is("\\Recent")) out.insert(item.text);
  return out;
}

std::string flagText(const FlagSet& flags) {
  std::string out = "(";
  for (const auto& flag : flags) out += (out.size() > 1 ? " " : "") + flag;
  return out + ")";
}

std::string wireName(const std::string& name, bool utf8) { return "\"" + (utf8 ? name : imap::encodeModifiedUtf7(name)) + "\""; }

Client::Client(ImapWorld& world, Account& of, std::string login, std::string called)
    : account(of), name(std::move(called)), world_(world), login_(std::move(login)) {
  connect();
}

void Client::log(const std::string& line) {
  transcript_.push_back(printable(line, 300));
  if (transcript_.size() > transcriptLines) transcript_.pop_front();
}

void Client::fail(const std::string& why) const {
  std::string text = name + ": " + why + "\n";
  for (const auto& line : transcript_) text += "  " + line + "\n";
  throw std::runtime_error(text);
}

void Client::connect() {
  leave();
  condstore = qresync = rev2 = idling = notified = delayed = false;
  channel_.reset();
  session_ = world_.connect();
  channel_ = std::make_unique<FakeChannel>(*session_, world_.clock());
  channel_->openTls();
  channel_->take();
  log("-- connected");
  if (!say("LOGIN " + login_ + " test1234").ok()) fail("cannot log in");
}

void Client::leave() {
  selected.reset();
  selectedName.clear();
  list.clear();
  highestUid_ = 0;
  highestModSeq_ = cachedModSeq_ = 0;
}

std::vector<Response> Client::read() {
  auto said = channel_->take();
  for (auto line : split(said, '\n'))
    if (!line.empty()) log("S: " + std::string(line));
  try {
    return parseResponses(said);
  } catch (const std::exception& error) {
    fail(error.what());
  }
}

std::string Client::sendRaw(const std::string& bytes) {
  log("C: " + bytes);
  channel_->feed(bytes);
  auto said = channel_->take();
  log("S: " + said);
  return said;
}

Outcome Client::say(const std::string& command, const std::function<void(const Outcome&)>& effect) {
  auto tag = "t" + std::to_string(++tags_);
  log("C: " + tag + " " + command);
  channel_->feed(tag + " " + command + "\r\n");
  auto responses = read();
  auto end = std::find_if(responses.begin(), responses.end(), [&](const Response& one) { return one.tag == tag; });
  if (end == responses.end()) fail("no tagged answer");
  Outcome out;
  out.status = upper(end->words.at(0).text);
  out.code = end->code;
  std::vector<Response> after(end + 1, responses.end());
  if (!after.empty() && !notified) fail("something came after the tagged answer");
  responses.erase(end, responses.end());
  out.untagged = std::move(responses);
  if (effect) effect(out);
  for (const auto& response : out.untagged) hear(response);
  for (const auto& response : after) hear(response);
  return out;
}

void Client::listen() {
  channel_->settle();
  for (const auto& response : read()) hear(response);
}

void Client::hearAll(std::string_view bytes) {
  for (const auto& response : parseResponses(bytes)) hear(response);
}

void Client::hear(const Response& response) {
  if (response.tag != "*") fail("unexpected: " + response.line);
  const auto& said = response.words;
  if (said.at(0).is("BYE")) fail("the server said BYE");
  auto code = words(response.code);
  if (code.size() == 2 && code[0] == "HIGHESTMODSEQ") highestModSeq_ = std::max(highestModSeq_, parseUnsigned(code[1]).value());
  if (said[0].is("VANISHED")) return hearVanished(response);
  if (said.size() < 2 || !selected) return;
  if (said[1].is("EXISTS")) hearExists(said[0].number());
  if (said[1].is("FETCH")) hearFetch(said[0].number(), said.at(2));
  if (said[1].is("EXPUNGE")) {
    auto number = said[0].number();
    if (qresync) fail("EXPUNGE after ENABLE QRESYNC");
    if (number == 0 || number > list.size()) fail("EXPUNGE of no message");
    forget(number - 1);
  }
}

void Client::forget(std::size_t index) {
  if (selected->find(list[index].uid) != nullptr) fail(fmt::format("told that UID {} is gone, but it is there", list[index].uid));
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
}

void Client::hearVanished(const Response& response) {
  if (!selected) fail("VANISHED without a mailbox");
  bool earlier = response.words.size() == 3;
  for (auto uid : parseSet(response.words.back().text)) {
    if (selected->find(uid) != nullptr) fail(fmt::format("told that UID {} vanished, but it is there", uid));
    auto at = std::find_if(list.begin(), list.end(), [uid](const Known& known) { return known.uid == uid; });
    if (at != list.end()) list.erase(at);
    else if (!earlier) fail(fmt::format("VANISHED of UID {} that was not told of", uid));
  }
}

void Client::hearExists(std::uint64_t count) {
  if (count < list.size()) fail("EXISTS shrinks");
  auto next = std::find_if(selected->messages.begin(), selected->messages.end(), [this](const Message& m) { return m.uid > highestUid_; });
  for (auto more = count - list.size(); more > 0; --more, ++next) {
    if (next == selected->messages.end()) fail("EXISTS tells of more than there is");
    list.push_back({next->uid, std::nullopt});
    highestUid_ = next->uid;
  }
}

void Client::hearFetch(std::uint64_t number, const Value& items) {
  if (number == 0 || number > list.size()) fail("FETCH of no message");
  auto& known = list[number - 1];
  for (std::size_t i = 0; i + 1 < items.items.size(); i += 2) {
    const auto& item = items.items[i];
    const auto& value = items.items[i + 1];
    const auto* truth = selected->find(known.uid);
    if (item.is("UID") && value.number() != known.uid) fail(fmt::format("message {} has UID {}, told {}", number, known.uid, value.text));
    if (truth == nullptr) continue;  // a message that another session has expunged is told of as it was
    if (item.is("FLAGS")) {
      known.flags = flagsOf(value);
      if (*known.flags != truth->flags) fail(fmt::format("UID {}: flags told {}, are {}", known.uid, flagText(*known.flags), flagText(truth->flags)));
    }
    if (item.is("MODSEQ")) {
      auto modSeq = value.items.at(0).number();
      highestModSeq_ = std::max(highestModSeq_, modSeq);
      if (modSeq != truth->modSeq) fail(fmt::format("UID {}: modseq told {}, is {}", known.uid, modSeq, truth->modSeq));
    }
  }
}

Outcome Client::select(const std::string& mailbox, bool examine, const Cache* cached) {
  auto command = std::string(examine ? "EXAMINE " : "SELECT ") + wireName(mailbox, rev2);
  if (cached != nullptr) {
    std::vector<std::uint32_t> uids;
    for (const auto& known : cached->list) uids.push_back(known.uid);
    command += fmt::format(" (QRESYNC ({} {}{}))", cached->uidValidity, cached->modSeq, uids.empty() || !cached->tellUids ? "" : " " + formatSet(uids));
  }
  return say(command, [&](const Outcome& out) {
    leave();
    if (!out.ok()) return;
    selected = account.mailboxes.at(mailbox);
    selectedName = mailbox;
    readOnly = examine;
    for (const auto* status : out.all("OK")) {
      auto code = words(status->code);
      if (code.size() != 2 || code[0] != "UIDVALIDITY") continue;
      auto told = static_cast<std::uint32_t>(parseUnsigned(code[1]).value());
      if (selected->uidValidity == 0 && !account.uidValidities.insert(told).second) fail("a UIDVALIDITY is told a second time");
      if (selected->uidValidity != 0 && selected->uidValidity != told) fail("UIDVALIDITY changed");
      selected->uidValidity = told;
    }
    if (cached == nullptr || cached->uidValidity != selected->uidValidity) return;
    list = cached->list;
    highestUid_ = list.empty() ? 0 : list.back().uid;
    // What the cache still has in the mailbox; what is gone must be told by VANISHED, before or after EXISTS.
    std::vector<std::uint32_t> gone;
    for (const auto& response : out.untagged)
      if (!response.words.empty() && response.words[0].is("VANISHED"))
        for (auto uid : parseSet(response.words.back().text)) gone.push_back(uid);
    std::erase_if(list, [&](const Known& known) {
      bool there = selected->find(known.uid) != nullptr;
      if (!there && std::find(gone.begin(), gone.end(), known.uid) == gone.end()) fail(fmt::format("UID {} vanished untold", known.uid));
      return !there;
    });
  });
}

std::optional<Cache> Client::cache() const {
  if (!selected || selected->gone || !condstore) return std::nullopt;
  for (const auto& known : list)
    if (!known.flags) return std::nullopt;
  return Cache{selectedName, selected->uidValidity, cachedModSeq_, list};
}

void Client::checkSynced() {
  if (!selected) return;
  cachedModSeq_ = highestModSeq_;
  if (list.size() != selected->messages.size()) fail(fmt::format("{} messages are known, {} are there", list.size(), selected->messages.size()));
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& truth = selected->messages[i];
    if (list[i].uid != truth.uid) fail(fmt::format("message {} is UID {}, not {}", i + 1, truth.uid, list[i].uid));
    if (list[i].flags && *list[i].flags != truth.flags)
      fail(fmt::format("UID {}: flags known {}, are {}", truth.uid, flagText(*list[i].flags), flagText(truth.flags)));
  }
}

void Client::assume(std::uint32_t uid, const FlagSet& flags, char action) {
  auto at = std::find_if(list.begin(), list.end(), [uid](const Known& known) { return known.uid == uid; });
  if (at == list.end() || (!at->flags && action != '=')) return;
  if (action == '=') at->flags = flags;
  if (action == '+') at->flags->insert(flags.begin(), flags.end());
  if (action == '-')
    for (const auto& flag : flags) at->flags->erase(flag);
}

}  // namespace mox::test::model
