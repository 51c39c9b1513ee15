// What sessions are told first (RFC 3501 §2.3.2), and EXPUNGE by what a session knows.
#include "StoreFixture.h"
#include "store/GroupCommit.h"

using namespace mox;
using namespace mox::store;
using namespace mox::store::test;

struct RecentTest : mox::test::Suite<RecentTest> {
  static void list(List& l) {
    l.add("messages are told once, and reading forces nothing to disk", &RecentTest::once);
    l.add("the mark is written with the next commit, with upkeep, and at the end", &RecentTest::kept);
    l.add("EXPUNGE up to a UID leaves what the session does not know", &RecentTest::expungeDeleted);
    l.add("setFlags() tells what had changed beyond what was known", &RecentTest::overtaken);
  }

  AccountFixture fixture;
  Account& account() { return *fixture.account; }
  std::int64_t written() {
    auto look = account().reader();
    return look.mailbox(fixture.inbox) ? account().recentFrom(fixture.inbox).value : 0;
  }

  void once() {
    fixture.deliverMany(3, fixture.inbox);
    auto commits = account().writer().counts().commits;
    CHECK_EQ(std::int64_t{3}, account().reader().countFrom(fixture.inbox, account().recentFrom(fixture.inbox)));
    CHECK(account().takeRecent(fixture.inbox, Uid(4)) == Uid(1));
    CHECK(account().takeRecent(fixture.inbox, Uid(4)) == Uid(4));
    CHECK(account().takeRecent(fixture.inbox, Uid(2)) == Uid(4));  // never back
    CHECK(account().recentFrom(fixture.inbox) == Uid(4));
    CHECK_EQ(std::int64_t{0}, account().reader().countFrom(fixture.inbox, Uid(4)));
    CHECK_EQ(commits, account().writer().counts().commits);
    fixture.deliverMany(2, fixture.inbox);
    CHECK(account().takeRecent(fixture.inbox, Uid(6)) == Uid(4));
  }

  void kept() {
    fixture.deliverMany(3, fixture.inbox);
    account().maintain();
    account().takeRecent(fixture.inbox, Uid(3));
    fixture.deliverMany(1, fixture.sent);  // another mailbox's commit carries it
    auto commits = account().writer().counts().commits;
    account().maintain();
    CHECK_EQ(commits, account().writer().counts().commits);
    account().takeRecent(fixture.inbox, Uid(4));
    account().maintain();
    CHECK_EQ(commits + 1, account().writer().counts().commits);
    fixture.reopen();
    CHECK_EQ(std::int64_t{4}, written());
    fixture.deliverMany(1, fixture.inbox);
    account().takeRecent(fixture.inbox, Uid(5));
    fixture.reopen();
    CHECK_EQ(std::int64_t{5}, written());
  }

  void expungeDeleted() {
    fixture.deliverMany(5, fixture.inbox);
    CHECK(account().expungeDeleted(fixture.inbox, Uid(6)).value().uids.empty());
    FlagChange change{FlagChange::Mode::add, flags(bit(Flag::deleted)), {}};
    CHECK(account().setFlags(fixture.inbox, uidList({1, 3, 5}), change).has_value());
    auto done = account().expungeDeleted(fixture.inbox, Uid(4)).value();
    CHECK_EQ(show(uidList({1, 3})), show(done.uids));
    CHECK(done.modSeq == account().reader().modSeq());
    CHECK_EQ(show(uidList({2, 4, 5})), show(fixture.uids(fixture.inbox)));
    CHECK(account().expungeDeleted(MailboxId(99), Uid(4)).error().code == Errc::notFound);
    fixture.checkSound();
  }

  void overtaken() {
    fixture.deliverMany(3, fixture.inbox);
    auto known = account().snapshot(fixture.inbox)->highestModSeq();
    FlagChange other{FlagChange::Mode::add, flags(bit(Flag::flagged)), {}};
    auto theirs = account().setFlags(fixture.inbox, uidList({2}), other).value();
    FlagChange mine{FlagChange::Mode::add, flags(bit(Flag::seen)), {}};
    mine.known = known;
    auto done = account().setFlags(fixture.inbox, uidList({1, 2, 3}), mine).value();
    CHECK_EQ(std::size_t{1}, done.overtaken.size());
    CHECK(done.overtaken[0] == std::pair(Uid(2), theirs.modSeq));
  }
};
SUITE(RecentTest);
