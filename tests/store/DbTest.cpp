#include "store/Db.h"

#include "store/StoreFixture.h"

namespace mox::store::test {

struct DbTest : mox::test::Suite<DbTest> {
  static void list(List& l) {
    l.add("bytes survive", &DbTest::bytesSurvive);
    l.add("a statement that failed can be used again", &DbTest::failedStatement);
    l.add("nested use of a statement", &DbTest::nested);
    l.add("transactions roll back", &DbTest::rollback);
    l.add("settings", &DbTest::settings);
    l.add("a newer format is refused", &DbTest::newerFormat);
    l.add("backup", &DbTest::backup);
    l.add("unreadable files", &DbTest::unreadable);
  }

  TempDirectory directory;

  void bytesSurvive() {
    Db db(directory / "a.db");
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY, text TEXT, blob BLOB NOT NULL)");
    std::string nul("a\0b\r\n\xff", 6);
    db.prepare("INSERT INTO t VALUES(1,?,?)").bind(nul).bindBlob(nul).run();
    db.prepare("INSERT INTO t VALUES(2,?,?)").bind(std::string_view()).bindBlob({}).run();
    db.prepare("INSERT INTO t VALUES(?,?,?)").bind(std::int64_t{5'000'000'000}).bindNull().bindBlob("x").run();
    auto row = db.prepare("SELECT id, text, blob FROM t ORDER BY id");
    CHECK(row.step());
    CHECK_EQ(nul, row.text(1));
    CHECK_EQ(nul, row.text(2));
    CHECK(row.step());
    CHECK(!row.isNull(1) && !row.isNull(2));
    CHECK_EQ(std::string(), row.text(2));
    CHECK(row.step());
    CHECK_EQ(std::int64_t{5'000'000'000}, row.int64(0));
    CHECK(row.isNull(1));
    CHECK(!row.step());
  }

  void failedStatement() {
    Db db(directory / "a.db");
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    auto insert = [&](std::int64_t id) { db.prepare("INSERT INTO t VALUES(?)").bind(id).run(); };
    insert(1);
    try {
      insert(1);
      CHECK_MSG("a repeated key must throw", false);
    } catch (const DatabaseError& error) {
      CHECK(error.isConstraint());
      CHECK(!error.isDiskFull() && !error.isIo());
      CHECK_EQ(1555, error.code());  // SQLITE_CONSTRAINT_PRIMARYKEY
    }
    insert(2);
    CHECK_EQ(std::int64_t{2}, db.scalar("SELECT count(*) FROM t"));
    CHECK_THROWS(DatabaseError, db.prepare("SELECT nonsense"));
  }

  void nested() {
    Db db(directory / "a.db");
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(1),(2),(3)");
    std::int64_t pairs = 0;
    auto outer = db.prepare("SELECT id FROM t");
    while (outer.step()) {
      auto inner = db.prepare("SELECT id FROM t");
      while (inner.step()) ++pairs;
    }
    CHECK_EQ(std::int64_t{9}, pairs);
  }

  void rollback() {
    Db db(directory / "a.db");
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    {
      Tx tx(db);
      db.exec("INSERT INTO t VALUES(1)");
    }
    CHECK_EQ(std::int64_t{0}, db.scalar("SELECT count(*) FROM t"));
    {
      Tx tx(db);
      db.exec("INSERT INTO t VALUES(1)");
      tx.commit();
    }
    CHECK_EQ(std::int64_t{1}, db.scalar("SELECT count(*) FROM t"));
  }

  void settings() {
    Db db(directory / "a.db");
    CHECK_EQ(std::int64_t{2}, db.scalar("PRAGMA synchronous"));
    CHECK_EQ(std::int64_t{1}, db.scalar("PRAGMA foreign_keys"));
    CHECK_EQ(std::int64_t{2}, db.scalar("PRAGMA secure_delete"));
    CHECK_EQ(std::string("wal"), [&] {
      auto row = db.prepare("PRAGMA journal_mode");
      row.step();
      return row.text(0);
    }());
  }

  void newerFormat() {
    int upgrades = 0;
    auto create = [&](Db& db, int from) {
      ++upgrades;
      if (from < 1) db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY)");
    };
    {
      Db db(directory / "a.db");
      db.migrate(1, create);
      db.migrate(1, create);
      CHECK_EQ(1, upgrades);
      db.migrate(3, create);
      CHECK_EQ(std::int64_t{3}, db.scalar("PRAGMA user_version"));
    }
    Db db(directory / "a.db");
    try {
      db.migrate(2, create);
      CHECK_MSG("a newer format must be refused", false);
    } catch (const std::runtime_error& error) {
      CHECK(std::string(error.what()).find("newer version") != std::string::npos);
    }
    CHECK_EQ(std::int64_t{3}, db.scalar("PRAGMA user_version"));
  }

  void backup() {
    Db db(directory / "a.db");
    db.exec("CREATE TABLE t(id INTEGER PRIMARY KEY); INSERT INTO t VALUES(7)");
    db.backup(directory / "b.db");
    db.exec("INSERT INTO t VALUES(8)");
    Db copy(directory / "b.db");
    CHECK_EQ(std::int64_t{7}, copy.scalar("SELECT sum(id) FROM t"));
  }

  void unreadable() {
    CHECK_THROWS(DatabaseError, Db(directory / "no/such/directory.db"));
    SystemFiles files;
    auto fd = files.create(directory / "noise.db");
    files.write(fd.get(), std::string(5000, 'x'));
    CHECK_THROWS(DatabaseError, Db(directory / "noise.db"));
  }
};
SUITE(DbTest);

}  // namespace mox::store::test
