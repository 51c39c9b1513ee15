// Every call to the file system fails once: what was acknowledged is there, what was not is not half there, and the
// account works again.
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <set>

#include "support/FaultVfs.h"
#include "store/Db.h"
#include "store/GroupCommit.h"
#include "store/Spool.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

namespace {

/// Files whose n-th call fails with a given errno.
class FaultyFiles final : public Files {
 public:
  int left = 0;
  int error = ENOSPC;
  bool hit = false;

  Fd create(const std::string& path) override { return may("create"), Files::create(path); }
  Fd openRead(const std::string& path) override { return may("open"), Files::openRead(path); }
  void write(int fd, std::string_view bytes) override {
    if (left == 1 && bytes.size() > 1) Files::write(fd, bytes.substr(0, bytes.size() / 2));
    may("write");
    Files::write(fd, bytes);
  }
  void sync(int fd) override { may("sync"), Files::sync(fd); }
  void syncDirectory(const std::string& path) override { may("syncDirectory"), Files::syncDirectory(path); }
  void link(const std::string& from, const std::string& to) override { may("link"), Files::link(from, to); }
  void rename(const std::string& from, const std::string& to) override { may("rename"), Files::rename(from, to); }
  bool remove(const std::string& path) override { return may("remove"), Files::remove(path); }
  void makeDirectory(const std::string& path) override { may("makeDirectory"), Files::makeDirectory(path); }
  std::vector<std::string> list(const std::string& path) override { return may("list"), Files::list(path); }
  std::int64_t size(const std::string& path) override { return may("size"), Files::size(path); }

 private:
  void may(const char* call) {
    if (left == 0 || --left > 0) return;
    hit = true;
    throw FileError(error, std::generic_category(), call);
  }
};

}  // namespace

struct FaultTest : mox::test::Suite<FaultTest> {
  static void list(List& l) {
    l.add("files", &FaultTest::files);
    l.add("database: disk full", &FaultTest::databaseFull);
    l.add("database: I/O errors", &FaultTest::databaseErrors);
    l.add("an account that is held goes on after each fault", &FaultTest::held);
    l.add("an account that is held goes on after a failed checkpoint", &FaultTest::heldCheckpoint);
    l.add("killed at any moment", &FaultTest::killed);
  }

  TempDirectory directory;
  FakeClock clock;
  FakeRandom random;
  FaultyFiles faulty;
  SystemFiles sound;
  std::set<std::string> acknowledged;  ///< Message-IDs

  std::unique_ptr<Account> open(Files& with, const char* vfs = nullptr) {
    Environment environment;
    environment.files = &with;
    environment.clock = &clock;
    environment.random = &random;
    environment.vfs = vfs;
    return std::make_unique<Account>("alice", directory / "alice", directory / "tmp", environment);
  }

  void prepare() {
    sound.makeDirectory(directory / "tmp");
    open(sound)->ensureMailboxes({{"Inbox", 0}, {"Sent", 0}});
  }

  /// A session with a bit of everything; what returns is noted.
  void scenario(Files& with, const char* vfs, const std::string& prefix) {
    auto account = open(with, vfs);
    auto inbox = account->reader().mailbox("Inbox")->id, sent = account->reader().mailbox("Sent")->id;
    auto deliver = [&](const std::string& id, const Mail& text, MailboxId mailbox) {
      Mail mail = text;
      mail.id(id);
      auto done = account->deliver({mail.in(mailbox)});
      if (!done) throw std::runtime_error(done.error().text);
      acknowledged.insert(id);
      return done->front().uid;
    };
    auto small = deliver(prefix + "-small", Mail(), inbox);
    deliver(prefix + "-large", mailOfSize(bodyInlineLimit + 9), inbox);
    auto gone = deliver(prefix + "-gone", mailOfSize(bodyInlineLimit + 9), inbox);
    if (!account->copy(inbox, {small}, sent)) throw std::runtime_error("copy");
    acknowledged.erase(prefix + "-gone");  // from here on it may be there or not
    if (!account->expunge(inbox, {gone}, false)) throw std::runtime_error("expunge");
    account->maintain();
    deliver(prefix + "-last", Mail(), sent);
  }

  /// After any fault: all acknowledged messages whole, nothing wrong, and UIDs go on.
  void check(const std::string& when) {
    auto account = open(sound);
    auto problems = verify(*account, sound);
    CHECK_EQ(when + ": ", when + ": " + show(problems));
    auto reader = account->reader();
    for (const auto& id : acknowledged) {
      auto rows = reader.withMessageId(id);
      CHECK_MSG(when + ": lost " + id, !rows.empty());
      for (const auto& row : rows) CHECK_EQ(row.size, reader.content(row.id).size());
    }
  }

  void files() {
    prepare();
    for (int error : {ENOSPC, EIO, EMFILE}) {
      bool hit = true;
      for (int n = 1; hit; ++n) {
        faulty.left = n;
        faulty.error = error;
        faulty.hit = false;
        auto when = std::to_string(error) + "-" + std::to_string(n);
        try {
          scenario(faulty, nullptr, when);
        } catch (const FileError& caught) {
          CHECK_EQ(error, caught.code().value());
          CHECK_EQ(error == ENOSPC, caught.isDiskFull());
        }
        hit = faulty.hit;
        faulty.left = 0;
        check(when);
        CHECK_MSG("the scenario ends", n < 1'000);
      }
    }
  }

  void database(Fault fault) {
    FaultVfs vfs;
    prepare();
    bool hit = true;
    int faults = 0;
    for (int n = 1; hit; ++n) {
      vfs.failOnce(n, fault, FaultVfs::Calls::all);
      auto when = "vfs-" + std::to_string(n);
      try {
        scenario(sound, vfs.name(), when);
      } catch (const DatabaseError& caught) {
        CHECK(caught.isDiskFull() || caught.isIo() || caught.code() != 0);
        ++faults;
      }
      hit = vfs.hit();
      vfs.heal();
      check(when);
      CHECK_MSG("the scenario ends", n < 2'000);
    }
    CHECK(faults > 10);
  }
  void databaseFull() { database(Fault::diskFull); }
  void databaseErrors() { database(Fault::ioError); }

  /// A session holds the account and listens all along, as an IDLE client does.
  struct Holder {
    explicit Holder(std::unique_ptr<Account> opened) : account(std::move(opened)) {
      inbox = account->reader().mailbox("Inbox")->id;
      subscription = account->feed().subscribe(inbox, [this](const Changes&) { ++told; });
      view = account->snapshot(inbox);
    }
    std::unique_ptr<Account> account;
    MailboxId inbox;
    View view;
    int told = 0;
    ChangeFeed::Subscription subscription;

    void deliver(const std::string& id, bool large) {
      Mail mail = large ? mailOfSize(bodyInlineLimit + 9) : Mail();
      mail.id(id);
      auto before = account->snapshot(inbox)->size();
      auto toldBefore = told;
      try {
        if (auto done = account->deliver({mail.in(inbox)}); !done) throw std::runtime_error(done.error().text);
      } catch (const DatabaseError&) {
        CHECK_EQ(before, account->snapshot(inbox)->size());
        CHECK_EQ(toldBefore, told);
        throw;
      }
      CHECK_EQ(before + 1, account->snapshot(inbox)->size());
      CHECK_EQ(toldBefore + 1, told);
    }
  };

  void held() {
    FaultVfs vfs;
    prepare();
    for (bool large : {false, true}) {
      Holder holder(open(sound, vfs.name()));
      bool hit = true;
      int faults = 0;
      for (int n = 1; hit; ++n) {
        vfs.failOnce(n, Fault::ioError, FaultVfs::Calls::all);
        auto id = "held-" + std::to_string(large) + "-" + std::to_string(n);
        try {
          holder.deliver(id, large);
          acknowledged.insert(id);
        } catch (const DatabaseError&) {
          ++faults;
        }
        hit = vfs.hit();
        vfs.heal();
        holder.deliver(id + "-after", large);  // at the first try
        acknowledged.insert(id + "-after");
        CHECK_MSG("the delivery ends", n < 500);
      }
      CHECK(faults > 5);
      holder.account->maintain();  // unlinks the bodies of what failed
      CHECK_EQ(std::string(), show(verify(*holder.account, sound)));
    }
    vfs.losePower();
    check("after the power went");
  }

  void heldCheckpoint() {
    FaultVfs vfs;
    prepare();
    {
      Holder holder(open(sound, vfs.name()));
      holder.deliver("first", false);
      acknowledged.insert("first");
      vfs.failOnce(2, Fault::ioError, FaultVfs::Calls::syncs);  // of the database file; the first is the WAL's
      CHECK_THROWS(DatabaseError, holder.account->maintain());
      vfs.heal();
      CHECK(holder.account->writer().needsReopening());
      holder.deliver("second", true);
      acknowledged.insert("second");
      {
        auto reader = holder.account->reader();
        holder.account->maintain();  // not while somebody reads
        CHECK(holder.account->writer().needsReopening());
        CHECK_EQ(std::size_t{1}, reader.withMessageId("second").size());
      }
      holder.account->maintain();
      CHECK(!holder.account->writer().needsReopening());
      holder.deliver("third", false);
      acknowledged.insert("third");
      CHECK_EQ(std::size_t{0}, holder.view->size());
    }
    vfs.losePower();
    check("after the power went");
  }

  /// The child delivers, and writes each acknowledged Message-ID to the log before the next; it is killed at a moment
  /// that differs from round to round.
  [[noreturn]] void child(int round, int log) {
    for (int i = 0;; ++i) {
      acknowledged.clear();
      scenario(sound, nullptr, "k" + std::to_string(round) + "-" + std::to_string(i));
      for (const auto& id : acknowledged)
        if (::write(log, (id + "\n").c_str(), id.size() + 1) < 0) ::_exit(1);
    }
  }

  void killed() {
    prepare();
    constexpr int rounds = 50;
    std::set<std::string> all;
    for (int round = 0; round < rounds; ++round) {
      int ends[2];
      CHECK(::pipe2(ends, O_CLOEXEC) == 0);
      auto pid = ::fork();
      if (pid == 0) child(round, ends[1]);
      ::close(ends[1]);
      std::string log;
      char buffer[256];
      // Killed after a number of bytes of log: the moment follows the work, not the clock.
      while (log.size() < static_cast<std::size_t>(round) * 7 % 200) {
        // A child of a process with threads may find a lock that nobody will ever open: it is killed early then.
        pollfd ready{ends[0], POLLIN, 0};
        if (::poll(&ready, 1, 5'000) <= 0) break;
        auto got = ::read(ends[0], buffer, 1);
        if (got <= 0) break;
        log.append(buffer, static_cast<std::size_t>(got));
      }
      ::usleep(static_cast<useconds_t>(round * 397 % 9'000));
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      for (ssize_t got; (got = ::read(ends[0], buffer, sizeof buffer)) > 0;) log.append(buffer, static_cast<std::size_t>(got));
      ::close(ends[0]);
      for (std::size_t at = 0, end; (end = log.find('\n', at)) != std::string::npos; at = end + 1) all.insert(log.substr(at, end - at));
      acknowledged = all;
      check("round " + std::to_string(round));
    }
    CHECK_MSG("some deliveries were acknowledged", all.size() > 20);
  }
};
SUITE(FaultTest);

}  // namespace mox::store::test
