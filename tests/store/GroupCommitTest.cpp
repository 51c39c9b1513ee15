#include "store/GroupCommit.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "store/FaultVfs.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

struct GroupCommitTest : mox::test::Suite<GroupCommitTest> {
  static void list(List& l) {
    l.add("waiting work shares a commit, a failure fails alone", &GroupCommitTest::shared);
    l.add("hooks run in commit order", &GroupCommitTest::hooks);
    l.add("a failed commit fails everybody", &GroupCommitTest::failedCommit);
    l.add("after a failed fsync nothing is written", &GroupCommitTest::failedSync);
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

  void shared() {
    auto group = open();
    Gate gate;
    std::thread leader([&] {
      group->submit([&](WriteTx& tx) {
        insert(tx, 1);
        gate.pass();
      });
    });
    gate.awaitReached();
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
    CHECK(!group->isPoisoned());
    group->submit([](WriteTx& tx) { insert(tx, 3); });
    group.reset();
    CHECK_EQ(std::int64_t{2}, count());
  }

  void failedSync() {
    FaultVfs vfs;
    auto group = open(vfs.name());
    group->submit([](WriteTx& tx) { insert(tx, 1); });
    vfs.failOnce(1, Fault::ioError, FaultVfs::Calls::syncs);
    try {
      group->submit([](WriteTx& tx) { insert(tx, 2); });
      CHECK_MSG("a commit whose fsync fails must fail", false);
    } catch (const DatabaseError& error) {
      CHECK(error.isFailedSync());
    }
    CHECK(group->isPoisoned());
    CHECK_THROWS(DatabaseError, group->submit([](WriteTx& tx) { insert(tx, 3); }));
    CHECK_THROWS(DatabaseError, group->checkpoint());
    group.reset();
    group = open(vfs.name());
    group->submit([](WriteTx& tx) { insert(tx, 4); });
    CHECK(count() >= 2);
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
