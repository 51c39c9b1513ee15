#include "imapserver/model/Driver.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/Text.h"

namespace mox::test::model {

namespace {

constexpr const char* systemFlags[] = {"\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$Junk", "$NotJunk", "$Forwarded"};
constexpr const char* keywords[] = {"alpha", "beta", "gamma"};
constexpr const char* names[] = {"a", "a/b", "a/b/c", "d", "Gr\xc3\xbc\xc3\x9f" "e", "x y"};

}  // namespace

Driver::Driver(std::uint64_t seed) : random_(seed) {
  const std::pair<const char*, const char*> known[] = {{"mjl", "zebra"}, {"other", "walrus"}};
  for (std::size_t i = 0; i < 2; ++i) {
    accounts_[i].mark = known[i].second;
    for (const char* name : {"Inbox", "Sent", "Archive", "Trash", "Drafts", "Junk"}) {
      accounts_[i].mailboxes[name] = std::make_shared<Mailbox>();
      accounts_[i].subscribed.insert(name);
    }
    for (int session = 0; session < 2; ++session)
      clients_.push_back(std::make_unique<Client>(world_, accounts_[i], fmt::format("{}@mox.example", known[i].first), fmt::format("{}-{}", known[i].first, session)));
  }
}

void Driver::step() {
  struct Weighted {
    Step step;
    std::uint32_t weight;
    bool selected;  ///< needs a mailbox
  };
  static constexpr Weighted steps[] = {
      {&Driver::select, 6, false},  {&Driver::closeOrUnselect, 1, true}, {&Driver::noop, 8, false},    {&Driver::idle, 3, false},
      {&Driver::reconnect, 1, false}, {&Driver::status, 4, false},       {&Driver::listAll, 2, false}, {&Driver::create, 2, false},
      {&Driver::remove, 1, false},  {&Driver::rename, 1, false},         {&Driver::subscribe, 1, false}, {&Driver::append, 8, false},
      {&Driver::fetch, 14, true},   {&Driver::fetchBody, 6, true},       {&Driver::store, 14, true},   {&Driver::copy, 5, true},
      {&Driver::move, 4, true},     {&Driver::expunge, 5, true},         {&Driver::search, 14, true},
      {&Driver::notify, 1, false},   {&Driver::sort, 5, true},          {&Driver::thread, 4, true},    {&Driver::setMetadata, 3, false},
      {&Driver::getMetadata, 2, false},
  };
  if (chance(4)) return deliver(accounts_[below(2)]);
  auto& client = *clients_[below(static_cast<std::uint32_t>(clients_.size()))];
  if (client.idling) return idle(client);
  if (client.notified) {
    client.listen();
    if (!client.delayed) client.checkSynced();
  }
  std::uint32_t total = 0;
  for (const auto& one : steps) total += one.weight;
  for (;;) {
    auto at = below(total);
    const auto* chosen = steps;
    for (; at >= chosen->weight; ++chosen) at -= chosen->weight;
    if (chosen->selected && !client.selected) continue;
    return (this->*chosen->step)(client);
  }
}

void Driver::finish() {
  for (auto& client : clients_) {
    if (client->idling) idle(*client);
    client->connect();
  }
  for (auto& client : clients_)
    for (const auto& [name, mailbox] : client->account.mailboxes) {
      client->select(name, true);
      client->checkSynced();
      if (mailbox->messages.empty()) continue;
      auto got = client->say("FETCH 1:* (UID FLAGS MODSEQ)");
      if (!got.ok() || got.all("FETCH").size() != mailbox->messages.size()) client->fail("not every message can be fetched");
    }
}

void Driver::count(const std::string& what, const Outcome& outcome) {
  if (outcome.ok()) ++done_[what];
}

void Driver::synced(Client& client, const Outcome& outcome) {
  if (outcome.status != "BAD") client.checkSynced();
}

FlagSet Driver::someFlags(bool withKeywords) {
  FlagSet out;
  for (auto left = below(3); left > 0; --left) {
    if (withKeywords && chance(25)) out.insert(keywords[below(3)]);
    else out.insert(systemFlags[below(8)]);
  }
  return out;
}

std::string Driver::someName() { return names[below(6)]; }

std::string Driver::existingName(Account& account) {
  if (chance(50)) return "Inbox";
  auto at = account.mailboxes.begin();
  std::advance(at, below(static_cast<std::uint32_t>(account.mailboxes.size())));
  return at->first;
}

Driver::Picked Driver::pick(const Client& client, bool uid) {
  Picked out;
  auto size = static_cast<std::uint32_t>(client.list.size());
  std::set<std::uint32_t> chosen;
  auto last = size == 0 ? 0 : client.list.back().uid;
  auto highest = uid ? last : size;
  for (auto ranges = 1 + below(3); ranges > 0; --ranges) {
    auto bound = uid ? last + 3 : std::max(size, 1u);
    auto from = 1 + below(bound), to = 1 + below(bound);
    if (!chance(40)) to = from;
    bool star = chance(15);
    if (star) to = highest;
    out.set += (out.set.empty() ? "" : ",") + std::to_string(from) + (star ? ":*" : from == to ? "" : ":" + std::to_string(to));
    auto [low, high] = std::minmax(from, to);
    if (!uid && (high > size || low == 0)) out.valid = false;
    for (auto i = 0u; i < size; ++i) {
      auto number = uid ? client.list[i].uid : i + 1;
      if (number >= low && number <= high) chosen.insert(client.list[i].uid);
    }
  }
  out.uids.assign(chosen.begin(), chosen.end());
  return out;
}

std::uint64_t Driver::modSeqNow(const Account& account) {
  auto name = &account == &accounts_[0] ? "mjl" : "other";
  return static_cast<std::uint64_t>(world_.open(name)->reader().modSeq().value);
}

std::uint64_t Driver::newModSeq(Account& account) {
  auto now = modSeqNow(account);
  auto& last = lastModSeq_[account.mark];
  if (now <= last) throw std::runtime_error("a change did not move the modseq");
  return last = now;
}

Message Driver::makeMessage(Account& account, std::uint32_t index, FlagSet flags, std::int64_t received) {
  return {0, std::move(flags), index, newModSeq(account), received};
}

void Driver::deliver(Account& account) {
  auto index = below(contentCount);
  auto name = &account == &accounts_[0] ? "mjl" : "other";
  world_.deliverTo(name, "Inbox", content(account.mark, index).bytes);
  account.mailboxes.at("Inbox")->add(makeMessage(account, index, {}, unixSeconds(world_.clock().now())));
  ++done_["delivery"];
}

void Driver::noop(Client& client) {
  auto got = client.say(client.selected && chance(20) ? "CHECK" : "NOOP");
  if (got.status == "NO" && client.selected && client.selected->gone) return;  // CHECK of a mailbox that was deleted
  if (!got.ok()) client.fail("NOOP failed");
  count("NOOP", got);
  synced(client, got);
}

void Driver::idle(Client& client) {
  if (!client.idling) {
    auto said = client.sendRaw("idle IDLE\r\n");
    auto at = said.rfind("+ ");
    if (at == std::string::npos) client.fail("IDLE is not begun");
    client.idling = true;
    client.hearAll(said.substr(0, at));
    return client.checkSynced();
  }
  client.listen();
  client.checkSynced();
  auto said = client.sendRaw("DONE\r\n");
  if (!said.ends_with("\r\n") || said.find("idle OK") == std::string::npos) client.fail("IDLE is not ended");
  client.hearAll(said.substr(0, said.find("idle OK")));
  client.checkSynced();
  client.idling = false;
  ++done_["IDLE"];
}

/// RFC 5465: from here on the client hears of the selected mailbox without asking, until it connects anew.
void Driver::notify(Client& client) {
  client.delayed = chance(50);
  auto got = client.say(fmt::format("NOTIFY SET ({} (MessageNew{} MessageExpunge FlagChange))", client.delayed ? "SELECTED-DELAYED" : "SELECTED",
                                    chance(50) ? " (FLAGS)" : ""));
  if (!got.ok()) client.fail("NOTIFY failed");
  client.notified = true;
  count("NOTIFY", got);
  synced(client, got);
}

}  // namespace mox::test::model
