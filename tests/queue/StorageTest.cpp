// The queue on disk: what add() has acknowledged is there after any crash, what it has not is not half there.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <set>

#include "base/Text.h"
#include "queue/Backoff.h"
#include "queue/FreshBodies.h"
#include "queue/QueueFixture.h"
#include "store/Db.h"
#include "store/Spool.h"
#include "support/FaultVfs.h"
#include "support/SpawnSelf.h"

namespace mox::queue::test {

namespace {

using std::chrono::seconds;

constexpr const char* childVariable = "MOX_QUEUE_TEST_CHILD";

/// It finds its orders in the environment (see childOrders below).
pid_t spawnChild(const std::string& orders, int out = -1) { return mox::test::spawnSelf(childVariable, orders, out); }

/// Files whose n-th call fails.
class FaultyFiles final : public store::Files {
 public:
  int left = 0;
  bool hit = false;
  store::Fd create(const std::string& path) override { return may(), Files::create(path); }
  void write(int fd, std::string_view bytes) override { may(), Files::write(fd, bytes); }
  void sync(int fd) override { may(), Files::sync(fd); }
  void syncDirectory(const std::string& path) override { may(), Files::syncDirectory(path); }
  void link(const std::string& from, const std::string& to) override { may(), Files::link(from, to); }

 private:
  void may() {
    if (left == 0 || --left > 0) return;
    hit = true;
    throw store::FileError(ENOSPC, std::generic_category(), "ordered");
  }
};

struct Shelf {
  explicit Shelf(std::string path) : at(std::move(path)) {}

  std::string at;
  store::SystemFiles sound;
  std::unique_ptr<Storage> storage;
  Time now{seconds(1'800'000'000)};
  std::string big = "Subject: big\r\n\r\n" + std::string(300'000, 'x') + "\r\n";

  void open(store::Files* files = nullptr, const char* vfs = nullptr) {
    storage.reset();
    storage = std::make_unique<Storage>(StorageOptions{at, vfs, 8}, files != nullptr ? *files : sound, Log());
  }
  Claimed claim(const std::string& lane, std::size_t most = 100) {
    return storage->claim({{lane, most}}, now, [](QueueId) { return false; }, [](int n) { return backoff(n); });
  }
  std::string text(QueueId message) {
    auto body = storage->body(message);
    std::string out;
    if (body) body->read(0, body->size, out);
    return out;
  }
  static Record record(Claim claim, Verdict verdict) {
    Record r{std::move(claim), verdict, {}, "", {}};
    r.attempt = {Time(seconds(5)), seconds(2), verdict == Verdict::delivered, 450, "4.1.2", "say", "mx (192.0.2.1)"};
    r.dialled = {{"mx", IpAddress::parse("192.0.2.1").value()}};
    return r;
  }
};

struct StorageTest : mox::test::Suite<StorageTest>, TempDirectory, Shelf {
  StorageTest() : Shelf(TempDirectory::path() + "/queue") {}

  static void list(List& l) {
    l.add("a message and all about it comes back", &StorageTest::roundTrip);
    l.add("claims are on disk before anybody dials", &StorageTest::claimDurable);
    l.add("released claims count no attempt", &StorageTest::released);
    l.add("results and the end of a message", &StorageTest::results);
    l.add("recipients are claimed together", &StorageTest::together);
    l.add("the pause after a long attempt begins at its end, unless somebody set a time", &StorageTest::longAttempt);
    l.add("what goes out at once is not read back, nor sent after a drop", &StorageTest::fresh);
    l.add("bodies kept in memory are few", &StorageTest::fewFresh);
    l.add("ids are never used again", &StorageTest::idsOnce);
    l.add("orphaned files are swept after a crash, and kept apart without one", &StorageTest::orphans);
    l.add("a queue without its database is refused, and what is left of it stays", &StorageTest::lostDatabase);
    l.add("a file system that fails acknowledges nothing", &StorageTest::fileFaults);
    l.add("a full disk acknowledges nothing", &StorageTest::fullDisk);
    l.add("after a failed fsync the next message is taken", &StorageTest::failedSync);
    l.add("after a failed checkpoint the database is opened again", &StorageTest::failedCheckpoint);
    l.add("killed at any moment", &StorageTest::killed);
    l.add("a newer database is refused", &StorageTest::newer);
  }

  void roundTrip() {
    open();
    auto m = message({"\"odd one\"@example.net", "b@[IPv6:2001:db8::1]"}, "\"f r\"@b\xc3\xbc" "cher.example");
    m.has8bit = m.smtpUtf8 = true;
    m.requireTls = false;
    m.transport = "smart";
    m.notBefore = now + seconds(60);
    m.futureReleaseRequest = "for;60";
    auto ids = storage->add(m, now);
    open();
    auto all = storage->list({});
    CHECK_EQ(std::size_t{2}, all.size());
    const auto& e = all[0];
    CHECK(e.id == ids[0] && e.base == ids[0] && all[1].base == ids[0]);
    CHECK_EQ(std::string("\"odd one\"@example.net"), e.recipient.text());
    CHECK_EQ(std::string("b@[IPv6:2001:db8::1]"), all[1].recipient.text());
    CHECK_EQ(std::string("\"f r\"@b\xc3\xbc" "cher.example"), e.mailFrom->text());
    CHECK(e.queued == now && e.nextAttempt == now + seconds(60) && !e.lastAttempt && !e.hold);
    CHECK(e.has8bit && e.smtpUtf8 && e.requireTls == false);
    CHECK_EQ(std::string("user smart for;60 1@example.org a test"),
             e.senderAccount + " " + e.transport + " " + e.futureReleaseRequest + " " + e.messageId + " " + e.subject);
    CHECK_EQ(8, e.maxAttempts);
    CHECK_EQ(m.prefix + std::string(m.data), text(ids[0]));
    CHECK_EQ(static_cast<std::uint64_t>(m.prefix.size() + m.data.size()), e.size);
    auto n = message({"c@example.net"});
    n.data = big;
    auto id = storage->add(n, now)[0];
    CHECK(text(id) == n.prefix + big);
  }

  void claimDurable() {
    open();
    auto id = storage->add(message({"a@example.net"}), now)[0];
    CHECK(claim("example.com").claims.empty());
    auto claimed = claim("example.net");
    CHECK(claimed.claims.at(0).id == id);
    CHECK_EQ(1, claimed.claims[0].attempts);
    CHECK(claimed.next.at("example.net") == now + seconds(450));
    open();  // as after a crash
    CHECK(claim("example.net").claims.empty());
    auto e = storage->list({}).at(0);
    CHECK(e.attempts == 1 && e.nextAttempt == now + seconds(450));
    now += seconds(450);
    CHECK_EQ(2, claim("example.net").claims.at(0).attempts);
    // One that is still under way is not taken twice.
    now += std::chrono::hours(1);
    auto none = storage->claim({{"example.net", 10}}, now, [](QueueId) { return true; }, [](int n) { return backoff(n); });
    CHECK(none.claims.empty());
    CHECK(none.next.empty());
    CHECK_EQ(2, storage->list({}).at(0).attempts);
  }

  void released() {
    open();
    storage->add(message({"a@example.net"}), now);
    auto claimed = claim("example.net").claims;
    storage->release(claimed, now);
    claimed = claim("example.net").claims;
    CHECK_EQ(1, claimed.at(0).attempts);
    storage->schedule({claimed[0].id}, seconds(10), now);
    storage->release(claimed, now);
    auto entry = storage->list({}).at(0);
    CHECK(entry.attempts == 0 && entry.nextAttempt == now + seconds(10));
  }

  void results() {
    open();
    auto m = message({"a@example.net", "b@example.net"});
    m.data = big;
    storage->add(m, now);
    auto claims = claim("example.net").claims;
    storage->record({record(claims[0], Verdict::delivered), record(claims[1], Verdict::retry)});
    open();
    auto left = storage->list({});
    CHECK_EQ(std::size_t{1}, left.size());
    CHECK(left[0].id == claims[1].id && left[0].lastAttempt == Time(seconds(5)));
    const auto& a = left[0].results.at(0);
    CHECK(a.duration == seconds(2) && a.code == 450 && a.enhanced == "4.1.2" && a.text == "say" && a.remote == "mx (192.0.2.1)");
    now += seconds(451);
    auto again = claim("example.net").claims;
    CHECK_EQ(std::string("mx"), again.at(0).dialled.at(0).host);
    storage->record({record(again[0], Verdict::failed)});
    CHECK_EQ(std::size_t{0}, storage->size());
    CHECK(sound.list(at + "/bodies").empty());
    store::Db db(at + "/queue.db");
    for (const auto* table : {"message", "entry", "attempt", "dialled"})
      CHECK_EQ(std::int64_t{0}, db.scalar(std::string("SELECT count(*) FROM ") + table));
    // What was dropped meanwhile leaves nothing behind.
    storage->record({record(again[0], Verdict::retry), record(again[0], Verdict::delivered)});
    CHECK_EQ(std::int64_t{0}, db.scalar("SELECT count(*) FROM attempt"));
  }

  void longAttempt() {
    open();
    storage->add(message({"a@example.net"}), now);
    auto tried = record(claim("example.net").claims.at(0), Verdict::retry);
    tried.attempt.start = now;
    tried.attempt.duration = seconds(1000);
    auto next = storage->record({tried});
    CHECK(next.at(tried.claim.id) == now + seconds(1450));
    CHECK(storage->list({})[0].nextAttempt == now + seconds(1450));
    now += seconds(1450);
    tried.claim = claim("example.net").claims.at(0);
    CHECK_EQ(2, tried.claim.attempts);
    storage->schedule({tried.claim.id}, Duration::zero(), now + seconds(5));
    CHECK(storage->record({tried}).at(tried.claim.id) == now + seconds(5));
    // Passed over while it is under way, and not put off.
    auto passed = storage->claim({{"example.net", 10}}, now + seconds(6), [](QueueId) { return true; }, [](int n) { return backoff(n); });
    CHECK(passed.claims.empty() && passed.next.empty());
    CHECK(storage->list({})[0].nextAttempt == now + seconds(5));
  }

  void fresh() {
    open();
    auto ids = storage->reserve(2);
    for (auto id : ids) storage->add(message({"a@example.net"}), now, {id}, now + seconds(450));
    auto all = text(ids[0]);
    CHECK(!all.empty());
    CHECK_EQ(all, text(ids[0]));  // the second time from the database
    storage->drop({ids[1]});
    CHECK(storage->body(ids[1]) == nullptr);
  }

  void fewFresh() {
    FreshBodies few(10);
    auto body = [](const char* text) { return std::make_shared<const Body>(Body{text, {}, 4}); };
    few.put(QueueId(1), body("1234"));
    few.put(QueueId(2), body("1234"));
    few.put(QueueId(3), body("12345678901"));
    CHECK(few.take(QueueId(3)) == nullptr);
    few.put(QueueId(4), body("1234"));
    CHECK(few.take(QueueId(1)) == nullptr);
    CHECK(few.take(QueueId(2)) != nullptr);
    CHECK(few.take(QueueId(2)) == nullptr);
    few.put(QueueId(5), body("123456"));
    CHECK(few.take(QueueId(4)) != nullptr);
    few.put(QueueId(5), body("1234567890"));
    CHECK_EQ(std::size_t(10), few.take(QueueId(5))->head.size());
  }

  void together() {
    open();
    std::vector<std::string> to;
    for (int i = 0; i < 30; ++i) to.push_back("n" + std::to_string(i) + "@example.net");
    storage->add(message(to), now);
    storage->add(message({"other@example.net"}), now);
    auto claimed = claim("example.net", 10);
    CHECK_EQ(std::size_t{30}, claimed.claims.size());
    for (const auto& c : claimed.claims) CHECK(c.nextAttempt == claimed.claims[0].nextAttempt && c.message == claimed.claims[0].message);
    CHECK(claimed.next.at("example.net") == now);
  }

  void idsOnce() {
    open();
    auto first = storage->add(message({"a@example.net", "b@example.net"}), now);
    storage->drop(first);
    open();
    CHECK(storage->add(message({"a@example.net"}), now)[0].value > first[1].value);
  }

  void orphans() {
    open();
    auto m = message({"a@example.net"});
    m.data = big;
    auto id = storage->add(m, now)[0];
    auto orphan = [&] {
      storage.reset();
      for (const auto* file : {"/bodies/4711", "/bodies/junk", "/tmp/left"}) sound.create(at + file);
    };
    orphan();
    sound.create(at + "/queue.db-wal");  // as a crash leaves it
    open();
    CHECK(sound.list(at + "/bodies") == std::vector<std::string>{std::to_string(id.value)});
    CHECK(sound.list(at + "/moved").empty());
    for (int i = 0; i < 2; ++i) {
      orphan();
      open();
    }
    CHECK(sound.list(at + "/bodies") == std::vector<std::string>{std::to_string(id.value)});
    CHECK_EQ(std::size_t{4}, sound.list(at + "/moved").size());
    CHECK(sound.list(at + "/tmp").empty());
    CHECK(text(id) == m.prefix + big);
  }

  void lostDatabase() {
    open();
    auto m = message({"a@example.net"});
    m.data = big;
    storage->add(m, now);
    storage.reset();
    sound.remove(at + "/queue.db");
    CHECK_THROWS(std::runtime_error, open());
    CHECK_THROWS(std::runtime_error, open());  // nor does the empty database that SQLite made count as one
    CHECK_EQ(std::size_t{1}, sound.list(at + "/bodies").size());
  }

  void fileFaults() {
    FaultyFiles files;
    open(&files);
    auto m = message({"a@example.net"});
    m.data = big;
    int faults = 0;
    for (int n = 1;; ++n) {
      files.left = n;
      files.hit = false;
      try {
        storage->add(m, now);
      } catch (const store::FileError&) {
        ++faults;
      }
      if (!files.hit) break;
      CHECK_EQ(std::size_t{0}, storage->size());
      CHECK(sound.list(at + "/bodies").empty());
    }
    CHECK(faults >= 4);
    CHECK_EQ(std::size_t{1}, storage->size());
    open();
    CHECK_EQ(std::size_t{1}, storage->size());
  }

  void failedSync() {
    store::test::FaultVfs vfs;
    open(nullptr, vfs.name());
    auto m = message({"a@example.net"});
    m.data = big;
    vfs.failOnce(1, store::test::Fault::ioError, store::test::FaultVfs::Calls::syncs);
    CHECK_THROWS(store::DatabaseError, storage->add(m, now));
    CHECK_EQ(std::size_t{0}, storage->size());
    CHECK_EQ(std::size_t{1}, sound.list(at + "/bodies").size());  // if we die now, the message may be found queued
    auto id = storage->add(m, now)[0];
    CHECK_EQ(std::size_t{1}, storage->size());
    storage->maintain();
    CHECK(sound.list(at + "/bodies") == std::vector<std::string>{std::to_string(id.value)});
    vfs.failOnce(1, store::test::Fault::ioError, store::test::FaultVfs::Calls::syncs);
    CHECK_THROWS(store::DatabaseError, claim("example.net"));
    CHECK_EQ(1, claim("example.net").claims.at(0).attempts);
    storage.reset();
    vfs.losePower();
    open();
    CHECK_EQ(std::size_t{1}, storage->size());
    CHECK(text(id) == m.prefix + big);
  }

  void failedCheckpoint() {
    store::test::FaultVfs vfs;
    open(nullptr, vfs.name());
    storage->add(message({"a@example.net"}), now);
    vfs.failOnce(2, store::test::Fault::ioError, store::test::FaultVfs::Calls::syncs);  // the first is the WAL's
    CHECK_THROWS(store::DatabaseError, storage->maintain());
    storage->add(message({"b@example.net"}), now);
    storage->maintain();
    storage->add(message({"c@example.net"}), now);
    CHECK_EQ(std::size_t{3}, storage->size());
    storage.reset();
    vfs.losePower();
    open();
    CHECK_EQ(std::size_t{3}, storage->size());
  }

  /// In a child whose files may not grow.
  void fullDisk() {
    open();
    storage->add(message({"first@example.net"}), now);
    storage.reset();
    auto child = spawnChild("full " + at);
    int status = 0;
    CHECK(::waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status));
    auto acknowledged = static_cast<std::size_t>(WEXITSTATUS(status));
    CHECK(acknowledged < 200);
    open();
    CHECK_EQ(acknowledged + 1, storage->size());
    storage->add(message({"again@example.net"}), now);
    CHECK_EQ(acknowledged + 2, storage->size());
  }

  void killed() {
    std::set<std::int64_t> must, may;
    for (unsigned round = 1; round <= 12; ++round) {
      int ends[2];
      CHECK(::pipe2(ends, O_CLOEXEC) == 0);
      auto child = spawnChild("write " + at, ends[1]);
      ::close(ends[1]);
      std::string said;
      char piece[256];
      for (ssize_t got = 0; said.size() < 40 + 37 * round && (got = ::read(ends[0], piece, sizeof piece)) > 0;)
        said.append(piece, static_cast<std::size_t>(got));
      ::kill(child, SIGKILL);
      for (ssize_t got = 0; (got = ::read(ends[0], piece, sizeof piece)) > 0;) said.append(piece, static_cast<std::size_t>(got));
      ::close(ends[0]);
      int status = 0;
      ::waitpid(child, &status, 0);
      CHECK(WIFSIGNALED(status));
      for (auto line : split(said, '\n')) {
        auto id = line.size() > 1 ? parseUnsigned(line.substr(1)) : std::nullopt;
        if (!id) continue;
        auto value = static_cast<std::int64_t>(*id);
        if (line[0] == '+') must.insert(value);
        else must.erase(value), may.insert(value);
      }
      open();
      std::set<std::int64_t> have;
      for (const auto& e : storage->list({})) {
        have.insert(e.id.value);
        CHECK_EQ(e.size, static_cast<std::uint64_t>(text(e.base).size()));
      }
      for (auto id : must) CHECK_MSG("acknowledged and lost: " + std::to_string(id), have.contains(id));
      storage.reset();
    }
  }

  void newer() {
    open();
    storage.reset();
    store::Db(at + "/queue.db").exec("PRAGMA user_version=99");
    CHECK_THROWS(std::runtime_error, open());
  }
};
SUITE(StorageTest);

int fillDisk(Shelf& shelf) {
  ::signal(SIGXFSZ, SIG_IGN);
  shelf.open();
  rlimit limit{80'000, 80'000};
  ::setrlimit(RLIMIT_FSIZE, &limit);
  int acknowledged = 0;
  try {
    for (; acknowledged < 200; ++acknowledged) shelf.storage->add(message({"n@example.net"}), shelf.now);
  } catch (const store::DatabaseError&) {
  }
  return acknowledged;
}

/// Says what it is about to remove before it does, and what it has added after.
[[noreturn]] void writeUntilKilled(Shelf& shelf, int out) {
  shelf.open();
  SystemRandom random;
  auto say = [&](const std::string& line) {
    if (::write(out, line.data(), line.size()) < 0) ::_exit(1);
  };
  for (;;) {
    auto m = message({"a@example.net", "b@example.net"});
    if (random.below(4) == 0) m.data = shelf.big;
    auto ids = shelf.storage->add(m, shelf.now);
    say("+" + std::to_string(ids[0].value) + "\n+" + std::to_string(ids[1].value) + "\n");
    if (random.below(3) != 0) continue;
    std::vector<Record> records;
    for (auto& claim : shelf.claim("example.net", 3).claims) {
      say("-" + std::to_string(claim.id.value) + "\n");
      records.push_back(Shelf::record(std::move(claim), Verdict::delivered));
    }
    shelf.storage->record(records);
  }
}

/// Before main(): a child of spawnChild() does what it was made for and ends here.
[[maybe_unused]] const bool childOrders = [] {
  const char* orders = std::getenv(childVariable);
  if (orders == nullptr) return false;
  auto [verb, path] = cut(orders, ' ').value();
  Shelf shelf{std::string(path)};
  if (verb == "full") ::_exit(fillDisk(shelf));
  writeUntilKilled(shelf, 3);
}();

}  // namespace

}  // namespace mox::queue::test
