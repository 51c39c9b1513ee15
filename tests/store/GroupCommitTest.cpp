#include "store/GroupCommit.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "support/FaultVfs.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

struct GroupCommitTest : mox::test::Suite<GroupCommitTest> {
  static void list(List& l) {
    l.add("waiting work shares a commit, a failure fails alone", &GroupCommitTest::shared);
    l.add("work on many rows has a transaction of its own", &GroupCommitTest::own);
    l.add("hooks run in commit order", &GroupCommitTest::hooks);
    l.add("a failed commit fails everybody", &GroupCommitTest::failedCommit);
    l.add("after a failed fsync the next commit works", &GroupCommitTest::failedSync);
    l.add("a failed commit does not come back", &GroupCommitTest::doubt);
    l.add("after a failed checkpoint the database is opened again", &GroupCommitTest::failedCheckpoint);
    l.add("failed fsyncs, then the power goes", &GroupCommitTest::power);
    l.add("many threads", &GroupCommitTest::manyThreads);
    l.add("checkpoint", &GroupCommitTest::checkpoint);
  }

  TempDirectory directory;

  std::unique_ptr<GroupCommit> open(const char* vfs = nullptr) {
    DbOptions options;
    options.vfs = vfs;
    auto db = std::make_unique<Db>(directory / "a.db", options);
    db->exec("CREATE TABLE IF NOT EXISTS t(id INTEGER PRIMARY KEY, writer INTEGER)");
    return std::make_unique<GroupCommit>(std::move(db), options);
  }
  static void insert(WriteTx& tx, std::int64_t id, std::int64_t writer = 0) {
    tx.db().prepare("INSERT INTO t VALUES(?,?)").bind(id).bind(writer).run();
  }
  std::int64_t count() { return Db(directory / "a.db").scalar("SELECT count(*) FROM t"); }

  /// Holds the leader in its transaction until `followers` others have had time to queue up behind it.
  struct Gate {
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false, reached = false;
    void pass() {
      std::unique_lock lock(mutex);
      reached = true;
      changed.notify_all();
      changed.wait(lock, [&] { return open; });
    }
    void awaitReached() {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return reached; });
    }
    void release() {
      std::lock_guard lock(mutex);
      open = true;
      changed.notify_all();
    }
  };

  /// Inserts 1 and waits in its work for the gate, so that others come together behind it.
  static std::thread leading(GroupCommit& group, Gate& gate) {
    std::thread leader([&] {
      group.submit([&](WriteTx& tx) {
        insert(tx, 1);
        gate.pass();
      });
    });
    gate.awaitReached();
    return leader;
  }

  void shared() {
    auto group = open();
    Gate gate;
    auto leader = leading(*group, gate);
    std::atomic<int> failures{0};
    std::vector<std::thread> followers;
    for (int i = 2; i < 8; ++i)
      followers.emplace_back([&, i] {
        try {
          group->submit([&](WriteTx& tx) {
            insert(tx, i);
            if (i == 4) throw std::runtime_error("only this one");
          });
        } catch (const std::runtime_error& error) {
          CHECK_EQ(std::string("only this one"), std::string(error.what()));
          ++failures;
        }
      });
    while (group->waiting() < 6) std::this_thread::yield();
    gate.release();
    leader.join();
    for (auto& follower : followers) follower.join();
    CHECK_EQ(1, failures.load());
    CHECK_EQ(std::int64_t{6}, count());
    CHECK_EQ(std::uint64_t{2}, group->counts().commits);
  }

  /// Waiting before and after it, others share; it does not.
  void own() {
    auto group = open();
    Gate gate;
    auto leader = leading(*group, gate);
    std::vector<std::thread> followers;
    for (int i = 2; i < 7; ++i) {
      followers.emplace_back([&, i] {
        group->submit([&](WriteTx& tx) {
          insert(tx, i);
          if (i != 4) return;
          // No savepoint is around it.
          CHECK_THROWS(DatabaseError, tx.db().exec("RELEASE work"));
        }, Durability::forced, i == 4 ? Transaction::own : Transaction::shared);
      });
      while (group->waiting() < followers.size()) std::this_thread::yield();
    }
    gate.release();
    leader.join();
    for (auto& follower : followers) follower.join();
    CHECK_EQ(std::int64_t{6}, count());
    CHECK_EQ(std::uint64_t{4}, group->counts().commits);
  }

  void hooks() {
    auto group = open();
    std::vector<std::int64_t> order;
    std::vector<std::thread> threads;
    for (int i = 1; i <= 8; ++i)
      threads.emplace_back([&, i] {
        group->submit([&, i](WriteTx& tx) {
          insert(tx, tx.db().scalar("SELECT count(*) FROM t") + 1, i);
          auto id = tx.db().lastInsertId();
          // Only the leader runs hooks, one after the other: no lock is needed.
          tx.afterCommit([&, id] { order.push_back(id); });
        });
      });
    for (auto& thread : threads) thread.join();
    CHECK_EQ(std::size_t{8}, order.size());
    for (std::size_t i = 0; i < order.size(); ++i) CHECK_EQ(static_cast<std::int64_t>(i + 1), order[i]);
    bool ran = false;
    CHECK_THROWS(std::runtime_error, group->submit([&](WriteTx& tx) {
      tx.afterCommit([&] { ran = true; });
      throw std::runtime_error("undone");
    }));
    CHECK(!ran);
  }

  void failedCommit() {
    FaultVfs vfs;
    auto group = open(vfs.name());
    group->submit([](WriteTx& tx) { insert(tx, 1); });
    vfs.failFrom(1, Fault::diskFull, FaultVfs::Calls::writes);
    try {
      group->submit([](WriteTx& tx) { insert(tx, 2); });
      CHECK_MSG("a commit without room must fail", false);
    } catch (const DatabaseError& error) {
      CHECK(error.isDiskFull());
    }
    vfs.heal();
    CHECK(!group->isInDoubt());
    group->submit([](WriteTx& tx) { insert(tx, 3); });
    group.reset();
    CHECK_EQ(std::int64_t{2}, count());
  }

  /// A commit whose fsync fails.
  void failOne(GroupCommit& group, FaultVfs& vfs, std::int64_t id) {
    vfs.failOnce(1, Fault::ioError, FaultVfs::Calls::syncs);
    try {
      group.submit([&](WriteTx& tx) { insert(tx, id); });
      CHECK_MSG("a commit whose fsync fails must fail", false);
    } catch (const DatabaseError& error) {
      CHECK(error.isFailedSync());
    }
    vfs.heal();
  }

  void failedSync() {
    FaultVfs vfs;
    auto group = open(vfs.name());
    group->submit([](WriteTx& tx) { insert(tx, 1); });
    failOne(*group, vfs, 2);
    CHECK(group->isInDoubt());
    CHECK_EQ(std::int64_t{1}, count());
    vfs.failOnce(1, Fault::ioError, FaultVfs::Calls::syncs);  // of the WAL, written again
    CHECK_THROWS(DatabaseError, group->submit([](WriteTx& tx) { insert(tx, 3); }));
    CHECK_THROWS(std::runtime_error, group->submit([](WriteTx&) { throw std::runtime_error("undone"); }));
    CHECK(group->isInDoubt());  // nothing was committed
    group->submit([](WriteTx& tx) { insert(tx, 4); });
    CHECK(!group->isInDoubt());
    CHECK(!group->needsReopening());
    group.reset();
    vfs.losePower();
    CHECK_EQ(std::int64_t{2}, count());
  }

  void doubt() {
    FaultVfs vfs;
    auto group = open(vfs.name());
    group->submit([](WriteTx& tx) { insert(tx, 1); });
    failOne(*group, vfs, 2);
    group->submit([](WriteTx&) {});  // changes nothing, and yet something is written over the commit that failed
    CHECK(!group->isInDoubt());
    group.reset();
    vfs.losePower();
    CHECK_EQ(std::int64_t{1}, count());

    group = open(vfs.name());
    group->submit([](WriteTx& tx) { insert(tx, 3); });
    failOne(*group, vfs, 4);
    group.reset();  // in doubt: the WAL stays, and has the commit
    group = open(vfs.name());
    CHECK_EQ(std::int64_t{3}, count());
    group.reset();
    vfs.losePower();  // what was seen once stays
    CHECK_EQ(std::int64_t{3}, count());
  }

  void failedCheckpoint() {
    FaultVfs vfs;
    auto group = open(vfs.name());
    group->submit([](WriteTx& tx) { insert(tx, 1); });
    vfs.failOnce(2, Fault::ioError, FaultVfs::Calls::syncs);  // the first is the WAL's
    CHECK_THROWS(DatabaseError, group->checkpoint());
    vfs.heal();
    CHECK(group->needsReopening());
    group->submit([](WriteTx& tx) { insert(tx, 2); });
    auto syncs = vfs.syncs();
    group->checkpoint();
    CHECK_EQ(syncs, vfs.syncs());  // nothing is moved
    CHECK(!group->reopen([](const auto&) { return false; }));
    CHECK(group->needsReopening());
    CHECK(group->reopen([](const auto& reopen) { return reopen(), true; }));
    CHECK(!group->needsReopening());
    group->submit([](WriteTx& tx) { insert(tx, 3); });
    group->checkpoint();
    CHECK(vfs.syncs() > syncs);
    group.reset();
    vfs.losePower();
    CHECK_EQ(std::int64_t{3}, count());
  }

  /// Commits, commits without an fsync of their own, checkpoints and readers, with fsyncs that fail here and there.
  struct Storm {
    Storm(GroupCommitTest& t, unsigned seed) : test(t), chance(seed) {}
    GroupCommitTest& test;
    std::minstd_rand chance;
    FaultVfs vfs;
    std::unique_ptr<GroupCommit> group;
    std::unique_ptr<Db> side;  ///< reads, and writes without fsync
    std::optional<Tx> reading;
    std::set<std::int64_t> visible, acknowledged;
    std::int64_t next = 1;

    unsigned below(unsigned n) { return static_cast<unsigned>(chance() >> 8) % n; }
    void openSide() {
      DbOptions options;
      options.vfs = vfs.name();
      side = std::make_unique<Db>(test.directory / "a.db", options);
      side->exec("PRAGMA synchronous=NORMAL");
      side->stopCheckpoints();
    }
    void step() {
      auto id = next++;
      switch (below(7)) {
        case 0: return vfs.failOnce(1 + static_cast<int>(below(4)), Fault::ioError, FaultVfs::Calls::syncs);
        case 1: return group->checkpoint();
        case 2:
          if (reading) return reading.reset();
          reading.emplace(*side, Tx::Kind::read);
          side->scalar("SELECT count(*) FROM t");
          return;
        case 3:
          group->reopen([&](const auto& reopen) {
            if (reading) return false;
            side.reset();
            reopen();
            openSide();
            return true;
          });
          return;
        case 4:
          if (reading) return;
          side->prepare("INSERT INTO t VALUES(?,0)").bind(id).run();
          visible.insert(id);
          return;
        default:
          group->submit([&](WriteTx& tx) {
            insert(tx, id);
            tx.db().prepare("UPDATE t SET writer=writer+1 WHERE id%5=?").bind(id % 5).run();
          });
          visible.insert(id);
          acknowledged = visible;  // the fsync was for all before it, too
      }
    }
    static std::set<std::int64_t> ids(Db& db) {
      std::set<std::int64_t> found;
      auto row = db.prepare("SELECT id FROM t");
      while (row.step()) found.insert(row.int64(0));
      return found;
    }
    void run() {
      group = test.open(vfs.name());
      openSide();
      for (int i = 0; i < 80; ++i) {
        try {
          step();
        } catch (const DatabaseError& error) {
          CHECK_MSG(error.what(), error.isFailedSync());
        }
        if (!side) openSide();
        if (!reading) CHECK(ids(*side) == visible);
      }
      reading.reset();
      side.reset();
      group.reset();
      vfs.losePower();
      Db left(test.directory / "a.db");
      CHECK_EQ(std::string("ok"), [&] { auto row = left.prepare("PRAGMA integrity_check"); row.step(); return row.text(0); }());
      auto found = ids(left);
      CHECK(std::includes(found.begin(), found.end(), acknowledged.begin(), acknowledged.end()));
      left.exec("DROP TABLE t");
    }
  };

  void power() {
    for (unsigned seed = 1; seed <= 100; ++seed) Storm(*this, seed).run();
  }

  void manyThreads() {
    auto group = open();
    constexpr int threads = 8, each = 50;
    std::vector<std::thread> writers;
    for (int w = 0; w < threads; ++w)
      writers.emplace_back([&, w] {
        for (int i = 0; i < each; ++i) group->submit([&](WriteTx& tx) { insert(tx, w * each + i + 1, w); });
      });
    for (auto& writer : writers) writer.join();
    CHECK_EQ(std::int64_t{threads * each}, count());
    CHECK_EQ(std::uint64_t{threads * each}, group->counts().works);
    CHECK(group->counts().commits <= group->counts().works);
  }

  void checkpoint() {
    auto group = open();
    for (int i = 0; i < 20; ++i) group->submit([&](WriteTx& tx) { insert(tx, i + 1); });
    group->checkpoint();
    SystemFiles files;
    // All is in the database file now: the WAL is not needed to read it.
    auto fd = files.openRead(directory / "a.db");
    CHECK(files.size(directory / "a.db") > 0);
    auto wal = files.size(directory / "a.db-wal");
    for (int i = 20; i < 22; ++i) group->submit([&](WriteTx& tx) { insert(tx, i + 1); });
    CHECK_EQ(wal, files.size(directory / "a.db-wal"));  // started over instead of growing
  }
};
SUITE(GroupCommitTest);

}  // namespace mox::store::test
