// Steps about mailboxes: RFC 9051 §6.3.
#include <fmt/format.h>

#include <algorithm>

#include "base/Text.h"
#include "imapserver/model/Driver.h"

namespace mox::test::model {

namespace {

std::string parent(const std::string& name) {
  auto at = name.rfind('/');
  return at == std::string::npos ? "" : name.substr(0, at);
}

/// Makes the mailbox and missing parents, subscribed.
void make(Account& account, const std::string& name) {
  if (account.mailboxes.contains(name)) return;
  if (auto above = parent(name); !above.empty()) make(account, above);
  account.mailboxes[name] = std::make_shared<Mailbox>();
  account.subscribed.insert(name);
}

std::int64_t total(const Account& account, const Mailbox& mailbox) {
  std::int64_t sum = 0;
  for (const auto& message : mailbox.messages) sum += static_cast<std::int64_t>(content(account.mark, message.content).bytes.size());
  return sum;
}

}  // namespace

void Driver::select(Client& client) {
  if (chance(5)) {
    auto got = client.say("SELECT nowhere", [&](const Outcome&) { client.leave(); });
    if (got.status != "NO") client.fail("a mailbox that is not there was selected");
    return;
  }
  auto got = client.select(existingName(client.account), chance(20));
  if (!got.ok()) client.fail("SELECT failed");
  count("SELECT", got);
  client.checkSynced();
}

void Driver::closeOrUnselect(Client& client) {
  bool close = chance(50);
  auto got = client.say(close ? "CLOSE" : "UNSELECT", [&](const Outcome&) {
    auto mailbox = client.selected;
    std::vector<std::uint32_t> deleted;
    if (close && !client.readOnly)
      for (const auto& known : client.list)
        if (auto* message = mailbox->find(known.uid); message != nullptr && message->flags.contains("\\Deleted")) deleted.push_back(known.uid);
    for (auto uid : deleted) mailbox->erase(uid);
    if (!deleted.empty()) newModSeq(client.account);
    client.leave();
  });
  if (!got.ok()) client.fail("CLOSE failed");
  if (!got.all("EXPUNGE").empty()) client.fail("CLOSE tells of expunged messages");
  count("CLOSE", got);
}

/// Comes back with what it had, RFC 7162 §3.2.5: afterwards it must know everything.
void Driver::reconnect(Client& client) {
  auto cache = client.cache();
  client.connect();
  client.rev2 = chance(30);
  if (client.rev2 && !client.say("ENABLE IMAP4rev2").ok()) client.fail("ENABLE failed");
  if (chance(60)) {
    client.condstore = true;
    client.qresync = world_.announces("QRESYNC") && chance(80);
    if (!client.say(client.qresync ? "ENABLE QRESYNC" : "ENABLE CONDSTORE").ok()) client.fail("ENABLE failed");
  }
  ++done_["reconnect"];
  if (!cache || !client.qresync || !client.account.mailboxes.contains(cache->mailbox)) return;
  cache->tellUids = chance(50);
  auto got = client.select(cache->mailbox, false, &*cache);
  if (!got.ok()) client.fail("SELECT with QRESYNC failed");
  client.checkSynced();
  if (cache->uidValidity != client.selected->uidValidity) return;
  // RFC 7162 §3.2.5.1: with a list of known UIDs only their changes are told.
  bool onlyKnown = cache->tellUids && !cache->list.empty();
  for (const auto& known : client.list)
    if (!known.flags && !onlyKnown) client.fail(fmt::format("QRESYNC told nothing of UID {}", known.uid));
  count("QRESYNC", got);
}

void Driver::status(Client& client) {
  auto name = existingName(client.account);
  const auto& mailbox = *client.account.mailboxes.at(name);
  auto got = client.say("STATUS " + wireName(name, client.rev2) + " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE)");
  synced(client, got);
  auto lines = got.all("STATUS");
  if (!got.ok() || lines.size() != 1) client.fail("STATUS failed");
  auto without = [&](const char* flag) {
    return std::count_if(mailbox.messages.begin(), mailbox.messages.end(), [flag](const Message& m) { return !m.flags.contains(flag); });
  };
  auto size = static_cast<std::int64_t>(mailbox.messages.size());
  const std::pair<const char*, std::int64_t> expected[] = {{"MESSAGES", size}, {"UIDNEXT", mailbox.uidNext}, {"UNSEEN", without("\\Seen")},
                                                           {"DELETED", size - without("\\Deleted")}, {"SIZE", total(client.account, mailbox)}};
  const auto& items = lines[0]->words.at(2).items;
  for (std::size_t i = 0; i + 1 < items.size(); i += 2) {
    for (const auto& [item, value] : expected)
      if (items[i].is(item) && static_cast<std::int64_t>(items[i + 1].number()) != value)
        client.fail(fmt::format("STATUS of {}: {} is {}", name, item, value));
    if (items[i].is("UIDVALIDITY") && mailbox.uidValidity != 0 && items[i + 1].number() != mailbox.uidValidity) client.fail("STATUS: other UIDVALIDITY");
  }
  count("STATUS", got);
}

void Driver::listAll(Client& client) {
  auto got = client.say(chance(50) ? "LIST \"\" *" : "LIST \"\" * RETURN (SUBSCRIBED CHILDREN)");
  synced(client, got);
  std::set<std::string> expected, told;
  for (const auto& [name, mailbox] : client.account.mailboxes) expected.insert(client.rev2 ? name : wireName(name, false).substr(1, wireName(name, false).size() - 2));
  for (const auto* line : got.all("LIST")) told.insert(line->words.at(3).text);
  if (told != expected) client.fail("LIST tells of other mailboxes than there are");
  count("LIST", got);
}

void Driver::create(Client& client) {
  auto name = someName();
  bool there = client.account.mailboxes.contains(name);
  auto got = client.say("CREATE " + wireName(name, client.rev2), [&](const Outcome& out) {
    if (out.ok()) make(client.account, name);
    lastModSeq_[client.account.mark] = modSeqNow(client.account);
  });
  if (got.ok() == there) client.fail("CREATE of " + name + (there ? ": it was there" : ": it was not there"));
  synced(client, got);
  count("CREATE", got);
}

void Driver::remove(Client& client) {
  auto name = someName();
  bool may = client.account.mailboxes.contains(name) && !client.account.hasChildren(name);
  auto got = client.say("DELETE " + wireName(name, client.rev2), [&](const Outcome& out) {
    lastModSeq_[client.account.mark] = modSeqNow(client.account);
    if (!out.ok() || !may) return;
    auto gone = client.account.mailboxes.at(name);
    client.account.mailboxes.erase(name);
    gone->messages.clear();
    gone->gone = true;
  });
  if (got.ok() != may) client.fail("DELETE of " + name + (may ? " failed" : " should fail"));
  synced(client, got);
  count("DELETE", got);
}

void Driver::renameInbox(Account& account, const std::string& to) {
  make(account, to);
  auto& inbox = *account.mailboxes.at("Inbox");
  auto& target = *account.mailboxes.at(to);
  auto modSeq = modSeqNow(account);
  for (auto& message : inbox.messages) {
    message.modSeq = modSeq;
    target.add(message);
  }
  inbox.messages.clear();
  target.metadata = inbox.metadata;  // RFC 5464 §4.1: Inbox keeps its own, too
}

void Driver::rename(Client& client) {
  auto& account = client.account;
  auto from = chance(10) ? std::string("Inbox") : someName(), to = someName();
  bool below = to.starts_with(from + "/");
  bool may = account.mailboxes.contains(from) && !account.mailboxes.contains(to) && from != to;
  // What is renamed below itself stands for its own children's sake: too odd to model, never done by clients.
  if (below) return;
  auto got = client.say(fmt::format("RENAME {} {}", wireName(from, client.rev2), wireName(to, client.rev2)), [&](const Outcome& out) {
    lastModSeq_[account.mark] = modSeqNow(account);
    if (!out.ok() || !may) return;
    if (from == "Inbox") return renameInbox(account, to);
    if (auto above = parent(to); !above.empty()) make(account, above);
    std::map<std::string, std::shared_ptr<Mailbox>> moved;
    for (const auto& [name, mailbox] : account.mailboxes)
      if (name == from || name.starts_with(from + "/")) moved[name] = mailbox;
    for (const auto& [name, mailbox] : moved) account.mailboxes.erase(name);
    for (const auto& [name, mailbox] : moved) account.mailboxes[to + name.substr(from.size())] = mailbox;
  });
  if (got.ok() && !may) client.fail("RENAME should fail");
  bool clash = false;  // a child's new name may be taken
  for (const auto& [name, mailbox] : account.mailboxes) clash = clash || name.starts_with(to + "/");
  if (!got.ok() && may && !clash) client.fail("RENAME failed");
  synced(client, got);
  count("RENAME", got);
}

void Driver::subscribe(Client& client) {
  auto name = someName();
  auto& subscribed = client.account.subscribed;
  bool add = chance(50);
  auto got = client.say((add ? "SUBSCRIBE " : "UNSUBSCRIBE ") + wireName(name, client.rev2), [&](const Outcome&) {
    lastModSeq_[client.account.mark] = modSeqNow(client.account);
  });
  bool may = add || subscribed.contains(name) || client.account.mailboxes.contains(name);
  if (got.ok() != may) client.fail("SUBSCRIBE or UNSUBSCRIBE of " + name);
  if (add) subscribed.insert(name);
  else subscribed.erase(name);
  synced(client, got);
  auto lines = client.say("LIST (SUBSCRIBED) \"\" *").all("LIST");
  if (lines.size() != subscribed.size()) client.fail("LIST (SUBSCRIBED) tells of other names than were subscribed");
  count("SUBSCRIBE", got);
}

}  // namespace mox::test::model
