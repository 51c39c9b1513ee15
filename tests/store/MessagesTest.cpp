// Flags, copy, move, expunge, and what views and listeners see of them.
#include <algorithm>
#include <array>
#include <map>
#include <random>

#include "store/Db.h"
#include "store/Reputation.h"
#include "store/Spool.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

namespace {

const FlagBits seen = bit(Flag::seen), deletedFlag = bit(Flag::deleted), junk = bit(Flag::junk);

FlagChange change(FlagChange::Mode mode, Flags flags, std::optional<ModSeq> unchangedSince = std::nullopt) {
  return {mode, std::move(flags), unchangedSince};
}

}  // namespace

struct MessagesTest : mox::test::Suite<MessagesTest>, AccountFixture {
  static void list(List& l) {
    l.add("flags", &MessagesTest::setFlags);
    l.add("flags of many, at random", &MessagesTest::manyFlags);
    l.add("unchangedSince", &MessagesTest::unchangedSince);
    l.add("keyword limits", &MessagesTest::keywordLimits);
    l.add("copy shares the body", &MessagesTest::copy);
    l.add("move keeps the message", &MessagesTest::move);
    l.add("rejects moved out", &MessagesTest::rejects);
    l.add("expunge", &MessagesTest::expunge);
    l.add("history", &MessagesTest::history);
    l.add("uids never repeat", &MessagesTest::uidsNeverRepeat);
    l.add("recipients of sent mail", &MessagesTest::recipients);
    l.add("outgoing limits", &MessagesTest::outgoing);
    l.add("room for outgoing messages is taken in one step", &MessagesTest::outgoingRoom);
    l.add("changes are told after the commit", &MessagesTest::feed);
    l.add("rows in order", &MessagesTest::forEach);
  }

  using Mode = FlagChange::Mode;

  void setFlags() {
    deliverMany(3, inbox);
    auto before = account->reader().modSeq();
    auto set = account->setFlags(inbox, uidList({1, 3, 9, 3}), change(Mode::add, flags(seen, {"work", "b"})));
    CHECK(set.has_value());
    CHECK_EQ(std::string("1 3"), show(set->changed));
    CHECK(set->modSeq == before.next());
    auto again = account->setFlags(inbox, uidList({1, 3}), change(Mode::add, flags(seen, {"b"})));
    CHECK(again->changed.empty() && !again->modSeq);
    CHECK(account->reader().modSeq() == before.next());
    CHECK_EQ(std::int64_t{1}, row(inbox).counts.unseen);
    CHECK(row(inbox).keywords == (Keywords{"b", "work"}));
    CHECK(account->setFlags(inbox, uidList({1}), change(Mode::remove, flags(0, {"work"}))).has_value());
    CHECK(account->reader().message(inbox, Uid(1))->flags == flags(seen, {"b"}));
    CHECK(account->setFlags(inbox, uidList({1}), change(Mode::replace, flags(deletedFlag))).has_value());
    auto view = account->snapshot(inbox);
    CHECK_EQ(deletedFlag, view->at(0).flags);
    CHECK(view->keywords(view->at(0)).empty());
    CHECK(view->keywords(view->at(2)) == (Keywords{"b", "work"}));
    CHECK(row(inbox).keywords == (Keywords{"b", "work"}));  // never shrinks
    CHECK_EQ(std::int64_t{1}, row(inbox).counts.deleted);
    CHECK_EQ(std::int64_t{2}, row(inbox).counts.unseen);
    CHECK_EQ(std::int64_t{1}, row(inbox).counts.unread);
    CHECK(account->setFlags(MailboxId(77), uidList({1}), change(Mode::add, flags(seen))).error().code == Errc::notFound);
    checkSound();
  }

  /// One statement changes a range of neighbours: never one between that was not asked for, nor the modseq of one that was
  /// so already.
  void manyFlags() {
    struct Known {
      Flags flags;
      ModSeq modSeq;
    };
    std::map<Uid, Known> model;
    for (auto uid : deliverMany(60, inbox)) model[uid] = {Flags(), account->reader().message(inbox, uid)->modSeq};
    std::minstd_rand dice(7);
    auto below = [&](unsigned limit) { return static_cast<unsigned>(dice() % limit); };
    for (int round = 0; round < 400; ++round) {
      if (round % 100 == 99) {
        Uid gone(1 + below(60));
        if (model.erase(gone) != 0) CHECK(account->expunge(inbox, {gone}, false).has_value());
      }
      std::vector<Uid> uids;
      for (auto first = 1 + below(60), uid = first; uid < first + below(60); ++uid)
        if (below(8) != 0) uids.emplace_back(uid);
      Flags given;
      for (auto flag : {Flag::seen, Flag::flagged, Flag::deleted, Flag::junk})
        if (below(3) == 0) given.bits |= bit(flag);
      for (const auto* word : {"a", "b"})
        if (below(4) == 0) given.keywords.emplace_back(word);
      auto wanted = change(std::array{Mode::add, Mode::remove, Mode::replace}[below(3)], given);
      auto highest = account->reader().modSeq();
      if (below(4) == 0) wanted.unchangedSince = ModSeq(highest.value - below(5));
      auto set = account->setFlags(inbox, uids, wanted);
      CHECK(set.has_value());
      std::vector<Uid> changed, modified;
      for (auto uid : uids) {
        auto found = model.find(uid);
        if (found == model.end()) continue;
        auto& known = found->second;
        if (wanted.unchangedSince && known.modSeq > *wanted.unchangedSince) {
          modified.push_back(uid);
          continue;
        }
        auto to = wanted.mode == Mode::add      ? imap::unite(known.flags, given)
                  : wanted.mode == Mode::remove ? imap::subtract(known.flags, given)
                                                : given;
        if (to == known.flags) continue;
        known = {to, set->modSeq};
        changed.push_back(uid);
      }
      CHECK_EQ(show(changed), show(set->changed));
      CHECK_EQ(show(modified), show(set->modified));
    }
    auto isTrue = [&](const View& view) {
      CHECK_EQ(model.size(), view->size());
      view->forEach([&](const ViewEntry& entry) {
        const auto& known = model.at(entry.uid);
        CHECK_EQ(known.flags.bits, entry.flags);
        CHECK(known.flags.keywords == view->keywords(entry));
        CHECK_EQ(known.modSeq.value, entry.modSeq.value);
      });
    };
    isTrue(account->snapshot(inbox));
    checkSound();
    reopen();
    isTrue(account->snapshot(inbox));
  }

  void unchangedSince() {
    deliverMany(2, inbox);
    auto old = account->reader().modSeq();
    CHECK(account->setFlags(inbox, uidList({1}), change(Mode::add, flags(seen))).has_value());
    auto set = account->setFlags(inbox, uidList({1, 2}), change(Mode::add, flags(deletedFlag), old));
    CHECK_EQ(std::string("2"), show(set->changed));
    CHECK_EQ(std::string("1"), show(set->modified));
  }

  void keywordLimits() {
    deliverMany(1, inbox);
    Keywords many;
    for (std::int64_t i = 0; i <= messageKeywords.value; ++i) many.push_back("k" + std::to_string(i));
    CHECK(account->setFlags(inbox, uidList({1}), change(Mode::add, flags(0, many))).error().code == Errc::tooMany);
    std::size_t refused = 0;
    for (std::int64_t i = 0; i <= mailboxKeywords.value / 50; ++i) {
      Keywords fifty;
      for (std::int64_t k = 0; k < 50; ++k) fifty.push_back("x" + std::to_string(i * 50 + k));
      std::sort(fifty.begin(), fifty.end());
      if (!account->setFlags(inbox, uidList({1}), change(Mode::replace, flags(0, fifty)))) ++refused;
    }
    CHECK_EQ(std::size_t{1}, refused);
    CHECK_EQ(static_cast<std::size_t>(mailboxKeywords.value), row(inbox).keywords.size());
    checkSound();
  }

  void copy() {
    auto large = mailOfSize(bodyInlineLimit + 1);
    deliver(Mail(), inbox, flags(seen, {"work"}));
    deliver(large, inbox);
    auto copied = account->copy(inbox, uidList({2, 1, 7}), sent);
    CHECK(copied.has_value());
    CHECK_EQ(std::string("1 2"), show(copied->from));
    CHECK_EQ(std::string("1 2"), show(copied->to));
    CHECK(copied->uidValidity == row(sent).uidValidity);
    auto reader = account->reader();
    auto first = reader.message(sent, Uid(1)), original = reader.message(inbox, Uid(1));
    CHECK(first->flags == flags(seen, {"work"}) && first->id != original->id && first->content == original->content);
    CHECK(first->received == original->received);
    CHECK(row(sent).keywords == Keywords{"work"});
    CHECK_EQ(static_cast<std::int64_t>(2 * (large.data.size() + Mail().data.size())), reader.messageBytes());
    CHECK(account->copy(inbox, uidList({1}), inbox).error().code == Errc::conflict);
    CHECK(account->copy(inbox, uidList({1}), MailboxId(99)).error().code == Errc::notFound);
    CHECK(account->copy(inbox, uidList({50}), sent)->from.empty());
    CHECK(account->expunge(inbox, uidList({1, 2}), false).has_value());
    account->maintain();
    CHECK_EQ(large.data, std::string(account->reader().content(account->reader().message(sent, Uid(2))->id).view()));
    checkSound();
  }

  void move() {
    auto uids3 = deliverMany(3, inbox);
    auto id = account->reader().message(inbox, Uid(2))->id;
    auto before = account->reader().messageBytes();
    CopyOptions asJunk;
    asJunk.setFlags = junk;
    auto moved = account->move(inbox, uidList({2, 3}), sent, asJunk);
    CHECK_EQ(std::string("2 3"), show(moved->from));
    CHECK_EQ(std::string("1 2"), show(moved->to));
    auto reader = account->reader();
    CHECK(reader.message(sent, Uid(1))->id == id);
    CHECK(reader.message(sent, Uid(1))->flags.has(Flag::junk));
    CHECK_EQ(before, reader.messageBytes());
    CHECK_EQ(std::string("2 3"), show(*reader.expungedSince(inbox, ModSeq(1))));
    CHECK_EQ(std::string("1"), show(uids(inbox)));
    CHECK(row(inbox).modSeq == row(sent).modSeq);
    checkSound();
  }

  void rejects() {
    auto rejects = account->createMailbox("Rejects")->created.front().id;
    auto message = Mail().in(rejects, flags(seen));
    message.origin.isReject = true;
    message.origin.destined = inbox;
    Mail mail;
    message.data = mail.data;
    message.parsed = &mail.parsed;
    CHECK(account->deliver({message}).has_value());
    CHECK(account->reader().message(rejects, Uid(1))->originalMailbox == rejects);
    CHECK(account->move(rejects, uidList({1}), inbox).has_value());
    auto moved = account->reader().message(inbox, Uid(1));
    CHECK(!moved->flags.has(Flag::seen) && !moved->origin.isReject && !moved->origin.destined);
    CHECK(moved->originalMailbox == inbox);
    checkSound();
  }

  void expunge() {
    deliverMany(4, inbox);
    CHECK(account->setFlags(inbox, uidList({2, 4}), change(Mode::add, flags(deletedFlag))).has_value());
    auto marked = account->expunge(inbox, uidList({1, 2, 3}), true);
    CHECK_EQ(std::string("2"), show(marked->uids));
    auto nothing = account->expunge(inbox, uidList({2}), true);
    CHECK(nothing->uids.empty() && !nothing->modSeq);
    CHECK_EQ(std::string("1 3 4"), show(uids(inbox)));
    CHECK_EQ(std::int64_t{3}, row(inbox).counts.total);
    checkSound();
  }

  void history() {
    deliverMany(5, inbox);
    auto first = account->expunge(inbox, uidList({4}), false)->modSeq;
    account->expunge(inbox, uidList({1, 2}), false);
    CHECK_EQ(std::string("1 2 4"), show(*account->reader().expungedSince(inbox, ModSeq(1))));
    CHECK_EQ(std::string("1 2"), show(*account->reader().expungedSince(inbox, first)));
    account->pruneHistory(first);
    CHECK(!account->reader().expungedSince(inbox, ModSeq(1)));
    CHECK_EQ(std::string("1 2"), show(*account->reader().expungedSince(inbox, first)));
    checkSound();
  }

  void uidsNeverRepeat() {
    deliverMany(3, inbox);
    account->expunge(inbox, uidList({1, 2, 3}), false);
    reopen();
    CHECK_EQ(std::uint32_t{4}, deliver(Mail(), inbox).uid.value);
    auto validity = row(sent).uidValidity;
    CHECK(account->deleteMailbox("Sent").has_value());
    CHECK(account->createMailbox("Sent").has_value());
    CHECK(row(id("Sent")).uidValidity > validity);
    CHECK(id("Sent") != sent);
    checkSound();
  }

  void recipients() {
    auto mail = Mail().to("bob", "Example.ORG").to("no address", "").to("carol", "sub.example.net");
    deliver(mail, inbox);
    auto since = Time(std::chrono::seconds(0));
    auto bob = *Address::parse("bob@example.org");
    {
      auto reader = account->reader();
      CHECK(!Reputation(reader, inbox).sentTo(bob, since));
    }
    CHECK(account->move(inbox, uidList({1}), sent).has_value());
    auto reader = account->reader();
    Reputation reputation(reader, inbox);
    CHECK(reputation.sentTo(bob, since));
    CHECK(!reputation.sentTo(*Address::parse("bobby@example.org"), since));
    CHECK(reputation.sentToDomain("sub.example.net", since) && !reputation.sentToDomain("example.net", since));
    CHECK(reputation.sentToOrgDomain("example.org", since));
    CHECK(!reputation.sentTo(bob, clock.now() + std::chrono::hours(1)));
  }

  void outgoing() {
    auto now = clock.now();
    auto bob = mailboxOf("bob@example.org"), carol = mailboxOf("carol@example.org"), dave = mailboxOf("dave@example.net");
    account->addOutgoing({bob, carol}, now - std::chrono::hours(30));
    account->addOutgoing({bob, dave}, now - std::chrono::hours(1));
    auto day = now - std::chrono::hours(24);
    auto use = account->outgoingUse(day, {});
    CHECK_EQ(std::int64_t{2}, use.messages);
    CHECK_EQ(std::int64_t{1}, use.firstTimeRecipients);  // dave
    use = account->outgoingUse(day, {carol, mailboxOf("new@example.net"), mailboxOf("new@example.net")});
    CHECK_EQ(std::int64_t{5}, use.messages);
    CHECK_EQ(std::int64_t{2}, use.firstTimeRecipients);
    account->pruneOutgoing(day);
    CHECK_EQ(std::int64_t{1}, account->outgoingUse(day, {bob, carol}).firstTimeRecipients);  // still known
    // Counted as it happens, the same as counted anew.
    auto fresh = mailboxOf("fresh@example.net");
    account->addOutgoing({fresh, fresh, bob}, now);
    auto counted = account->outgoingUse(day, {});
    CHECK_EQ(std::int64_t{5}, counted.messages);
    CHECK_EQ(std::int64_t{2}, counted.firstTimeRecipients);
    CHECK_EQ(std::int64_t{3}, account->outgoingUse(now - std::chrono::minutes(1), {}).messages);
    CHECK_EQ(std::int64_t{5}, account->outgoingUse(day, {}).messages);  // an earlier time asks the table again
    CHECK_EQ(std::int64_t{2}, account->reader().db().scalar("SELECT count(*) FROM outgoing"));  // the rest waits
    account->maintain();
    CHECK_EQ(std::int64_t{5}, account->reader().db().scalar("SELECT count(*) FROM outgoing"));
    CHECK_EQ(counted.messages, account->outgoingUse(day, {}).messages);
    account->addOutgoing({bob}, now);
    counted.messages++;
    reopen();
    CHECK_EQ(counted.messages, account->outgoingUse(day, {}).messages);
    CHECK_EQ(counted.firstTimeRecipients, account->outgoingUse(day, {}).firstTimeRecipients);
  }

  /// In one step, or sessions at once would all find the same room free.
  void outgoingRoom() {
    auto now = clock.now(), day = now - std::chrono::hours(24);
    auto bob = mailboxOf("bob@example.org"), carol = mailboxOf("carol@example.org"), dave = mailboxOf("dave@example.net");
    using Limit = Account::OutgoingLimit;
    {
      auto room = account->reserveOutgoing({bob, carol}, now, day, {3, 2});
      CHECK(room.has_value());
      CHECK(account->reserveOutgoing({bob, bob}, now, day, {3, 2}).error() == Limit::messages);
      CHECK(account->reserveOutgoing({dave}, now, day, {3, 2}).error() == Limit::firstTimeRecipients);
      CHECK(account->reserveOutgoing({bob}, now, day, {3, 2}).has_value());  // given back at once
      CHECK_EQ(std::int64_t{2}, account->outgoingUse(day, {}).messages);
      account->maintain();
      CHECK_EQ(std::int64_t{0}, account->reader().db().scalar("SELECT count(*) FROM outgoing"));  // not sent yet
    }
    CHECK_EQ(std::int64_t{0}, account->outgoingUse(day, {}).messages);
    auto room = account->reserveOutgoing({bob, carol, {*Localpart::make("x"), *IpAddress::parse("192.0.2.1")}}, now, day, {3, 3});
    room.value().keep();
    CHECK_EQ(std::int64_t{0}, account->reader().db().scalar("SELECT count(*) FROM outgoing"));  // no commit of its own
    account->maintain();
    CHECK_EQ(std::int64_t{3}, account->reader().db().scalar("SELECT count(*) FROM outgoing"));
    CHECK_EQ(std::int64_t{3}, account->outgoingUse(day, {}).firstTimeRecipients);
    CHECK_EQ(std::int64_t{4}, account->outgoingUse(day, {{*Localpart::make("x"), *IpAddress::parse("192.0.2.2")}}).firstTimeRecipients);
  }

  static Mailbox mailboxOf(const char* text) {
    auto address = *Address::parse(text);
    return {address.localpart, address.domain};
  }

  void feed() {
    std::vector<Change> heard;
    std::vector<std::size_t> sizes;
    auto subscription = account->feed().subscribe(inbox, [&](const Changes& changes) {
      heard.insert(heard.end(), changes->begin(), changes->end());
      sizes.push_back(account->snapshot(inbox)->size());  // sees the change it is told of
    });
    deliverMany(2, inbox);
    deliver(Mail(), sent);
    account->setFlags(inbox, uidList({2}), change(Mode::add, flags(seen)));
    account->move(inbox, uidList({1}), sent);
    account->createMailbox("a/b");
    using Kind = Change::Kind;
    std::vector<Kind> kinds;
    for (const auto& one : heard) kinds.push_back(one.kind);
    CHECK((kinds == std::vector<Kind>{Kind::messagesAdded, Kind::messageFlags, Kind::messagesExpunged, Kind::messagesAdded,
                                      Kind::mailboxAdded, Kind::subscribed, Kind::mailboxAdded, Kind::subscribed}));
    CHECK_EQ(std::string("1 2"), show(heard[0].uids));
    CHECK(heard[0].modSeq < heard[1].modSeq);
    CHECK_EQ(std::string("a/b"), heard[6].name);
    CHECK((sizes == std::vector<std::size_t>{2, 2, 1, 1}));
    auto failed = account->deliver({Mail().in(MailboxId(9))});
    CHECK(!failed);
    CHECK_EQ(std::size_t{4}, sizes.size());
    subscription = {};
    deliver(Mail(), inbox);
    CHECK_EQ(std::size_t{4}, sizes.size());
  }

  void forEach() {
    deliverMany(5, inbox);
    account->expunge(inbox, uidList({3}), false);
    std::vector<Uid> got;
    account->reader().forEach(inbox, Uid(2), [&](const MessageRow& message) {
      got.push_back(message.uid);
      return got.size() < 2;
    });
    CHECK_EQ(std::string("2 4"), show(got));
  }
};
SUITE(MessagesTest);

}  // namespace mox::store::test
