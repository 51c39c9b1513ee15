// Many threads on one account: nothing lost, order kept, what a listener is told can be seen.
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>

#include "store/Accounts.h"
#include "store/GroupCommit.h"
#include "store/Spool.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

struct ConcurrencyTest : mox::test::Suite<ConcurrencyTest>, AccountFixture {
  static void list(List& l) {
    l.add("writers, readers and viewers", &ConcurrencyTest::all);
    l.add("opening and closing accounts", &ConcurrencyTest::opening);
  }

  static constexpr int writers = 4, each = 40;

  /// Watches the mailbox as an IMAP session would: each told change must be in the snapshot, views only grow newer.
  struct Watcher {
    explicit Watcher(Account& a, MailboxId mailbox) : account(a) {
      subscription = account.feed().subscribe(mailbox, [this](const Changes& changes) {
        std::lock_guard lock(mutex);
        for (const auto& change : *changes)
          if (change.kind == Change::Kind::messagesAdded) told = std::max(told, change.uids.back());
      });
    }
    void look(MailboxId mailbox) {
      Uid expected;
      {
        std::lock_guard lock(mutex);
        expected = told;
      }
      auto view = account.snapshot(mailbox);
      if (view->uidNext() <= expected) problems = true;
      if (last && view->highestModSeq() < last->highestModSeq()) problems = true;
      last = view;
    }
    Account& account;
    std::mutex mutex;
    Uid told;
    View last;
    std::atomic<bool> problems{false};
    ChangeFeed::Subscription subscription;
  };

  void write(int writer) {
    auto large = mailOfSize(bodyInlineLimit + 1);
    for (int i = 0; i < each; ++i) {
      Mail mail;
      mail.id("m" + std::to_string(writer) + "-" + std::to_string(i) + "@x");
      auto delivered = account->deliver({mail.in(inbox), (i % 10 == 0 ? large : mail).in(sent)});
      if (!delivered) throw std::runtime_error(delivered.error().text);
      auto uid = delivered->front().uid;
      if (i % 3 == 0) (void)account->setFlags(inbox, {uid}, {FlagChange::Mode::add, flags(bit(Flag::seen), {"k"}), std::nullopt});
      if (i % 5 == 0) (void)account->expunge(inbox, {uid}, false);
      if (i % 7 == 0) (void)account->copy(sent, {(*delivered)[1].uid}, inbox);
    }
  }

  void all() {
    std::atomic<bool> done{false};
    Watcher watcher(*account, inbox);
    std::vector<std::thread> threads;
    for (int w = 0; w < writers; ++w) threads.emplace_back([this, w] { write(w); });
    std::thread viewer([&] {
      while (!done) watcher.look(inbox);
    });
    std::thread reader([&] {
      while (!done) {
        auto look = account->reader();
        std::int64_t total = 0;
        look.forEach(sent, Uid(1), [&](const MessageRow& row) { return ++total, look.content(row.id).size() == row.size; });
        if (look.mailbox(sent)->counts.total != total) watcher.problems = true;  // one consistent look
      }
    });
    std::thread upkeep([&] {
      while (!done) account->maintain();
    });
    for (auto& thread : threads) thread.join();
    done = true;
    viewer.join();
    reader.join();
    upkeep.join();
    CHECK(!watcher.problems);
    CHECK_EQ(std::int64_t{writers * each}, row(sent).counts.total);
    auto counts = account->writer().counts();
    CHECK(counts.commits <= counts.works);
    account->maintain();
    checkSound();
  }

  void opening() {
    account.reset();
    FakeClock still;
    auto env = environment();
    env.clock = &still;
    Accounts accounts(directory.path(), env);
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 10; ++i) {
          auto mine = *accounts.open("user" + std::to_string((t + i) % 3));
          mine->ensureMailboxes({{"Inbox", 0}});
          auto mailbox = mine->reader().mailbox("Inbox")->id;
          Mail mail;
          if (!mine->deliver({mail.in(mailbox)})) throw std::runtime_error("delivery failed");
          mine.reset();
          accounts.tick();
        }
      });
    for (auto& thread : threads) thread.join();
    std::int64_t total = 0;
    for (int u = 0; u < 3; ++u) total += (*accounts.open("user" + std::to_string(u)))->reader().mailbox("Inbox")->counts.total;
    CHECK_EQ(std::int64_t{40}, total);
  }
};
SUITE(ConcurrencyTest);

struct AccountsTest : mox::test::Suite<AccountsTest>, AccountFixture {
  static void list(List& l) {
    l.add("names", &AccountsTest::names);
    l.add("idle accounts close", &AccountsTest::idle);
    l.add("spools", &AccountsTest::spools);
  }
  AccountsTest() : AccountFixture(false) {}

  void names() {
    Accounts accounts(directory.path(), environment());
    for (const std::string& bad : {std::string(), std::string(".."), std::string("a/b"), std::string("a\0", 2), std::string(".x"),
                                   std::string("a b"), std::string(200, 'x')})
      CHECK_MSG(bad, !accounts.open(bad).has_value());
    CHECK(accounts.open("j\xc3\xbcrgen@example.org").has_value());
    CHECK(!accounts.exists("bob") && !accounts.exists("../accounts/bob"));
    auto bob = *accounts.open("bob");
    CHECK(bob == *accounts.open("bob"));
    CHECK(accounts.exists("bob"));
    CHECK_EQ(std::size_t{2}, accounts.list().size());
    CHECK_THROWS(FileError, Accounts(directory.path(), environment()));  // one at a time
  }

  void idle() {
    Accounts accounts(directory.path(), environment());
    for (std::size_t i = 0; i < maxIdleAccounts + 5; ++i) (void)accounts.open("u" + std::to_string(i));
    auto kept = *accounts.open("u0");
    // An account that upkeep or the indexer has in hand at this moment is not idle: a later round closes it.
    auto open = [&](std::size_t wanted) {
      for (int i = 0; i < 1'000; ++i) {
        accounts.tick();
        if (accounts.openCount() == wanted) break;
        ::usleep(5'000);
      }
      return accounts.openCount();
    };
    CHECK_EQ(maxIdleAccounts + 1, open(maxIdleAccounts + 1));
    clock.advance(accountIdleTime + std::chrono::seconds(1));
    CHECK_EQ(std::size_t{1}, open(1));
    CHECK(kept == *accounts.open("u0"));
  }

  void spools() {
    files.makeDirectory(directory / "tmp");
    files.create(directory / "tmp/leftover");
    Accounts accounts(directory.path(), environment());
    CHECK_EQ(std::int64_t{-1}, files.size(directory / "tmp/leftover"));
    auto spool = accounts.spool();
    std::string all;
    for (int i = 0; i < 100; ++i) {
      std::string piece(5'003, static_cast<char>('a' + i % 26));
      spool->append(piece);
      all += piece;
    }
    spool->finish();
    CHECK(spool->isFile() && spool->size() == all.size() && spool->data() == all);
    CHECK_EQ(std::size_t{1}, files.list(accounts.spoolDirectory()).size());
    spool = accounts.spool();
    CHECK_EQ(std::size_t{0}, files.list(accounts.spoolDirectory()).size());
    spool->finish();
    CHECK(spool->data().empty());
    spool = accounts.spool();
    spool->append(std::string(bodyInlineLimit, 'x'));
    spool->finish();
    CHECK(!spool->isFile() && spool->data().size() == bodyInlineLimit);
  }
};
SUITE(AccountsTest);

}  // namespace mox::store::test
