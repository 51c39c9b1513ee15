// Backups of an account in use, again into the same place; its removal; history that is forgotten; the quota's sum.
#include "store/Backup.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <atomic>
#include <fstream>
#include <map>
#include <thread>

#include "store/Accounts.h"
#include "store/Db.h"
#include "store/GroupCommit.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

namespace {

constexpr std::size_t large = 300'000;

}  // namespace

struct BackupTest : mox::test::Suite<BackupTest>, AccountFixture {
  static void list(List& l) {
    l.add("a backup opens as the account it was", &BackupTest::restores);
    l.add("a second one copies what changed", &BackupTest::incremental);
    l.add("a database without a change is not copied again, and nothing else is taken for one", &BackupTest::unchanged);
    l.add("a reused file number is not taken for the old file", &BackupTest::reusedNumber);
    l.add("consistent while mail is delivered and expunged", &BackupTest::underLoad);
    l.add("a failed one leaves the last one", &BackupTest::failed);
    l.add("a body that is missing is named, and the rest copied", &BackupTest::missingBody);
    l.add("a full disk is told with the file's path", &BackupTest::fullDisk);
    l.add("removal of an account, and after a crash in it", &BackupTest::removal);
    l.add("tombstones are forgotten by age", &BackupTest::historyByAge);
    l.add("tombstones are forgotten by number", &BackupTest::historyByNumber);
    l.add("the index stands back while the WAL is long", &BackupTest::longWal);
    l.add("the quota's sum against a model", &BackupTest::quotaModel);
  }

  std::unique_ptr<Account> restored(const std::string& from) {
    std::filesystem::remove_all(directory / "restored");
    std::filesystem::copy(directory / from, directory / "restored", std::filesystem::copy_options::recursive);
    return std::make_unique<Account>("alice", directory / "restored", directory / "tmp", environment());
  }
  void checkRestored(const std::string& from, std::size_t messages) {
    auto copy = restored(from);
    CHECK_EQ(std::string(), show(verify(*copy, files)));
    CHECK_EQ(static_cast<std::int64_t>(messages), copy->reader().mailbox("Inbox")->counts.total);
  }

  void restores() {
    deliverMany(3, inbox);
    auto big = deliver(mailOfSize(large), inbox);
    auto counts = account->backup(directory / "b");
    CHECK_EQ(std::uint64_t{1}, counts.databases);
    CHECK_EQ(std::uint64_t{1}, counts.copied);
    deliverMany(2, inbox);  // not in it
    checkRestored("b", 4);
    CHECK(restored("b")->reader().content(big.id).view() == mailOfSize(large).data);
  }

  void incremental() {
    auto first = deliver(mailOfSize(large), inbox);
    deliver(mailOfSize(large + 1), inbox);
    CHECK_EQ(std::uint64_t{2}, account->backup(directory / "b").copied);
    CHECK(account->expunge(inbox, {first.uid}, false).has_value());
    deliver(mailOfSize(large + 2), inbox);
    auto counts = account->backup(directory / "b");
    CHECK_EQ(std::uint64_t{1}, counts.copied);
    CHECK_EQ(std::uint64_t{1}, counts.kept);
    CHECK_EQ(std::uint64_t{1}, counts.removed);
    checkRestored("b", 2);
    // A verifier that had the copy open may have left its WAL.
    std::ofstream(directory / "b/account.db-wal") << "stale";
    account->backup(directory / "b");
    checkRestored("b", 2);
  }

  void unchanged() {
    deliverMany(3, inbox);
    auto backup = [&] {
      auto counts = account->backup(directory / "b");
      CHECK_EQ(std::uint64_t{1}, counts.databases + counts.unchanged);
      checkRestored("b", static_cast<std::size_t>(account->reader().mailbox("Inbox")->counts.total));
      return counts.databases == 1;
    };
    CHECK(backup());
    CHECK(!backup());
    // Whatever is written, it is copied: a flag, a setting, a subscription, a message.
    FlagChange seen{FlagChange::Mode::add, {}, {}};
    seen.flags.set(imap::Flag::seen);
    CHECK(account->setFlags(inbox, {Uid(1)}, seen).has_value());
    CHECK(backup());
    CHECK(account->setFlags(inbox, {Uid(1)}, seen).has_value());  // changes nothing
    CHECK(!backup());
    account->setSetting("x", "y");
    CHECK(backup());
    CHECK(account->subscribe("z").has_value());
    CHECK(backup());
    // What a close or an open still writes is a change, too.
    reopen();
    backup();
    CHECK(!backup());
    reopen();
    CHECK(!backup());
    deliverMany(1, inbox);
    CHECK(backup());
    // A copy that somebody wrote to, that is damaged or gone is made anew.
    { Db(directory / "b/account.db").exec("UPDATE state SET stamp=7"); }
    CHECK(backup());
    std::ofstream(directory / "b/account.db-wal") << "stale";
    CHECK(backup());
    std::filesystem::resize_file(directory / "b/account.db", 512);
    CHECK(backup());
    std::filesystem::remove(directory / "b/account.db");
    CHECK(backup());
    CHECK(!backup());
    // Two lives with as many commits each: what one has copied is not what the other has.
    std::filesystem::copy(directory / "b", directory / "c", std::filesystem::copy_options::recursive);
    deliverMany(1, inbox);
    CHECK(backup());
    Account other("alice", directory / "c", directory / "tmp", environment());
    CHECK(other.subscribe("elsewhere").has_value());
    CHECK_EQ(std::uint64_t{1}, other.backup(directory / "b").databases);
  }

  void reusedNumber() {
    auto first = deliver(mailOfSize(large), inbox);
    account->backup(directory / "b");
    CHECK(account->expunge(inbox, {first.uid}, false).has_value());
    account->maintain();
    reopen();
    auto other = mailOfSize(large);
    other.data[large - 1] = '!';
    auto second = deliver(other, inbox);
    account->backup(directory / "b");
    CHECK(restored("b")->reader().content(second.id).view() == other.data);
  }

  void underLoad() {
    std::atomic<bool> stop{false};
    std::thread writer([&] {
      while (!stop) {
        auto big = deliver(mailOfSize(large), inbox);
        deliverMany(2, sent);
        if (big.uid.value % 2 == 0) static_cast<void>(account->expunge(inbox, {big.uid}, false));
        account->maintain();
      }
    });
    for (int i = 0; i < 10; ++i) {
      account->backup(directory / "b");
      CHECK_EQ(std::string(), show(verify(*restored("b"), files)));
    }
    stop = true;
    writer.join();
    checkSound(false);
  }

  void failed() {
    deliver(mailOfSize(large), inbox);
    account->backup(directory / "b");
    deliver(mailOfSize(large), inbox);
    std::filesystem::create_directory(directory / "b/bodies/0/2");  // in the way
    CHECK_THROWS(FileError, account->backup(directory / "b"));
    std::filesystem::remove(directory / "b/bodies/0/2");
    checkRestored("b", 1);
  }

  void missingBody() {
    for (int i = 0; i < 3; ++i) deliver(mailOfSize(large), inbox);
    std::filesystem::remove(account->directory() + "/bodies/0/2");
    auto counts = account->backup(directory / "b");
    CHECK_EQ("message body " + account->directory() + "/bodies/0/2 is missing (of Inbox UID 2)", show(counts.lacking));
    CHECK_EQ(std::uint64_t{1}, counts.databases);
    CHECK_EQ(std::uint64_t{2}, counts.copied);
    // An earlier backup may be all there is of it.
    std::filesystem::remove(account->directory() + "/bodies/0/3");
    counts = account->backup(directory / "b");
    CHECK_EQ(std::size_t{2}, counts.lacking.size());
    CHECK(counts.lacking[1].ends_with("; its copy of an earlier backup stays"));
    CHECK_EQ(static_cast<std::int64_t>(large), files.size(directory / "b/bodies/0/3"));
  }

  void fullDisk() {
    Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    try {
      files.write(full.get(), "octets");
      CPPUNIT_FAIL("wrote to a full disk");
    } catch (const FileError& error) {
      CHECK(error.isDiskFull());
      CHECK_MSG(error.what(), std::string(error.what()).starts_with("writing /dev/full: "));
    }
  }

  void removal() {
    account.reset();
    std::filesystem::remove_all(directory / "alice");
    auto data = directory / "data";
    {
      Accounts accounts(data, environment());
      auto held = *accounts.open("bob");
      held->ensureMailboxes({{"Inbox", 0}});
      CHECK(!accounts.remove("bob") && accounts.remove("bob").error().code == Errc::conflict);
      held.reset();
      CHECK(accounts.remove("bob").has_value());
      CHECK(!accounts.exists("bob") && accounts.list().empty());
      CHECK(accounts.remove("bob").error().code == Errc::notFound);
      CHECK(accounts.remove("..").error().code == Errc::notFound);
      // The name is free.
      CHECK(accounts.open("bob").has_value());
    }
    // A crash behind the rename.
    std::filesystem::create_directories(data + "/accounts/.removed-carol/bodies/0");
    std::ofstream(data + "/accounts/.removed-carol/bodies/0/1") << "x";
    std::filesystem::create_directory_symlink(data + "/accounts/bob", data + "/accounts/.removed-carol/link");
    Accounts accounts(data, environment());
    CHECK(!std::filesystem::exists(data + "/accounts/.removed-carol"));
    CHECK(accounts.exists("bob"));
  }

  void historyByAge() {
    deliverMany(4, inbox);
    CHECK(account->expunge(inbox, uidList({1}), false).has_value());
    auto old = account->reader().modSeq();
    account->pruneOldHistory();  // notes the time
    CHECK_EQ(std::string("1"), show(*account->reader().expungedSince(inbox, ModSeq(1))));
    clock.advance(historyAge / 2);
    CHECK(account->expunge(inbox, uidList({2}), false).has_value());
    account->pruneOldHistory();
    CHECK_EQ(std::string("1 2"), show(*account->reader().expungedSince(inbox, ModSeq(1))));
    auto highest = row(inbox).modSeq;
    clock.advance(historyAge / 2 + std::chrono::seconds(1));
    account->pruneOldHistory();
    // Who knows the account since then hears of what came after; who knows it longer gets all that is gone.
    CHECK(!account->reader().expungedSince(inbox, ModSeq(1)).has_value());
    CHECK_EQ(std::string("2"), show(*account->reader().expungedSince(inbox, old)));
    CHECK(row(inbox).modSeq == highest);
    checkSound();
  }

  void historyByNumber() {
    deliverMany(10, inbox);
    for (std::uint32_t uid = 1; uid <= 6; ++uid) CHECK(account->expunge(inbox, uidList({uid}), false).has_value());
    auto last = account->reader().modSeq();
    account->pruneOldHistory(4);
    CHECK(!account->reader().expungedSince(inbox, ModSeq(last.value - 5)).has_value());
    CHECK_EQ(std::string("3 4 5 6"), show(*account->reader().expungedSince(inbox, ModSeq(last.value - 4))));
    account->pruneOldHistory(4);
    CHECK_EQ(std::string("3 4 5 6"), show(*account->reader().expungedSince(inbox, ModSeq(last.value - 4))));
    // Upkeep does it once a day, when there was something to do.
    account->maintain();
    CHECK_EQ(std::int64_t{1}, account->reader().db().scalar("SELECT count(*) FROM history"));
    clock.advance(historyInterval + std::chrono::seconds(1));
    deliverMany(1, inbox);
    account->maintain();
    CHECK_EQ(std::int64_t{2}, account->reader().db().scalar("SELECT count(*) FROM history"));
    checkSound();
  }

  void longWal() {
    auto mail = mailOfSize(250'000);
    for (int i = 0; i < 150; ++i) deliver(mail, inbox);  // 9,000 pages
    CHECK(account->writer().isWalLong());
    CHECK(!account->updateSearch());
    CHECK(account->searchProgress().done <= 0);
    account->maintain();
    deliver(mail, inbox);
    CHECK(!account->writer().isWalLong());
    account->updateSearch();
    CHECK(account->searchProgress().done > 0);
    CHECK(std::filesystem::file_size(account->directory() + "/account.db-wal") < std::uintmax_t{50} << 20);
  }

  void quotaModel() {
    std::map<MailboxId, std::map<std::uint32_t, std::int64_t>> model{{inbox, {}}, {sent, {}}};
    std::int64_t limit = 400'000, used = 0;
    auto any = [&](MailboxId mailbox) {
      std::vector<Uid> uids;
      for (auto [uid, size] : model[mailbox])
        if (random.below(4) == 0) uids.emplace_back(uid);
      return uids;
    };
    for (int step = 0; step < 600; ++step) {
      auto from = random.below(2) == 0 ? inbox : sent, to = from == inbox ? sent : inbox;
      auto uids = any(from);
      std::int64_t chosen = 0;
      for (auto uid : uids) chosen += model[from][uid.value];
      switch (random.below(5)) {
        case 0:
        case 1: {
          auto size = static_cast<std::int64_t>(20 + random.below(random.below(20) == 0 ? large : 20'000));
          auto mail = mailOfSize(static_cast<std::size_t>(size));
          DeliverOptions options;
          options.quota = limit;
          if (random.below(2) == 0) options.imported = {{from, "digest" + std::to_string(step), 1, 1, 1}};  // as an import does it
          auto done = account->deliver({mail.in(from)}, options);
          CHECK_EQ(used + size <= limit, done.has_value());
          if (!done) break;
          model[from][done->front().uid.value] = size;
          used += size;
          break;
        }
        case 2: {
          auto done = account->copy(from, uids, to, {limit});
          CHECK_EQ(chosen == 0 || used + chosen <= limit, done.has_value());
          if (!done) break;
          for (std::size_t i = 0; i < done->from.size(); ++i) model[to][done->to[i].value] = model[from][done->from[i].value];
          used += chosen;
          break;
        }
        case 3: {
          auto done = account->move(from, uids, to, {1});  // takes no room
          CHECK(done.has_value());
          for (std::size_t i = 0; i < done->from.size(); ++i) {
            model[to][done->to[i].value] = model[from][done->from[i].value];
            model[from].erase(done->from[i].value);
          }
          break;
        }
        case 4:
          CHECK(account->expunge(from, uids, false).has_value());
          for (auto uid : uids) model[from].erase(uid.value);
          used -= chosen;
          break;
      }
      CHECK_EQ(used, account->reader().messageBytes());
      CHECK_EQ(static_cast<std::int64_t>(model[inbox].size() + model[sent].size()), account->reader().messageCount());
      if (step % 200 == 0) reopen();
    }
    checkSound();
  }
};
SUITE(BackupTest);

}  // namespace mox::store::test
