// Accounts whose database or bodies were lost: what is left of them stays, and the others go on.
#include "store/Damage.h"

#include <filesystem>
#include <fstream>

#include "store/Accounts.h"
#include "store/Db.h"
#include "store/Repair.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

namespace {

constexpr std::size_t large = 300'000;

}  // namespace

struct DamageTest : mox::test::Suite<DamageTest>, AccountFixture {
  static void list(List& l) {
    l.add("without its database an account is refused, and its bodies stay", &DamageTest::databaseLost);
    l.add("an empty database beside an index is refused, beside nothing it is new", &DamageTest::databaseEmpty);
    l.add("what is no database is called damaged", &DamageTest::noDatabase);
    l.add("bodies that an older database does not know are moved, not removed", &DamageTest::olderDatabase);
    l.add("what was expunged right before the end is removed, not moved", &DamageTest::expungedAtTheEnd);
    l.add("a start that is killed while it moves bodies away removes none at the next", &DamageTest::killedWhileMoving);
    l.add("a body moved away never replaces another", &DamageTest::movedTwice);
    l.add("one damaged account leaves the others alone, and is well again once it was restored", &DamageTest::othersGoOn);
    l.add("messages without their body file are found and removed", &DamageTest::lostMessages);
  }

  std::string database = directory / "alice/account.db";

  void close() { account.reset(); }
  void removeDatabase() {
    close();
    for (const char* tail : {"", "-wal", "-shm"}) std::filesystem::remove(database + tail);
  }
  std::string refusal() {
    try {
      reopen();
    } catch (const AccountDamaged& damaged) {
      return damaged.what();
    }
    return "opened";
  }
  void checkRefused(const std::string& words) {
    auto said = refusal();
    CHECK_MSG(said, said.find(words) != std::string::npos);
  }

  void databaseLost() {
    for (int i = 0; i < 3; ++i) deliver(mailOfSize(large), inbox);
    removeDatabase();
    std::filesystem::remove(directory / "alice/search.db");
    checkRefused("account.db: the database is missing, but the folder has what is left of an account");
    std::ofstream(database).flush();
    checkRefused("the database is empty");
    // As SQLite leaves it when it has opened a file and made no table.
    { Db made(database); }
    checkRefused("the database is empty or damaged");
    { Db(database).exec("CREATE TABLE other(x)"); }
    checkRefused("the database is empty or damaged");
    CHECK_EQ(std::size_t{3}, files.list(directory / "alice/bodies/0").size());
  }

  void databaseEmpty() {
    deliverMany(1, inbox);
    account->updateSearch(true);
    CHECK(files.size(directory / "alice/search.db") >= 0);
    removeDatabase();
    checkRefused("the database is missing");
    std::filesystem::remove_all(directory / "alice");
    std::filesystem::create_directory(directory / "alice");
    std::ofstream(database).flush();
    CHECK_EQ(std::string("opened"), refusal());
  }

  void noDatabase() {
    close();
    std::ofstream(database) << std::string(8'192, 'q');
    checkRefused("damaged: this is not a database");
    std::ofstream(database) << "short";
    checkRefused("damaged: this is not a database");
    // The header is right and nothing else.
    { std::ofstream out(database); out << std::string("SQLite format 3\0", 16) << std::string(8'176, 'q'); }
    CHECK_THROWS(std::runtime_error, reopen());
  }

  void olderDatabase() {
    deliver(mailOfSize(large), inbox);
    close();
    std::filesystem::copy_file(database, directory / "older.db");
    reopen();
    auto lost = mailOfSize(large + 1);
    deliver(lost, inbox);
    close();
    std::filesystem::copy_file(directory / "older.db", database, std::filesystem::copy_options::overwrite_existing);
    reopen();
    checkSound();
    CHECK_EQ(static_cast<std::int64_t>(lost.data.size()), files.size(directory / "alice/moved/0-2"));
  }

  void expungedAtTheEnd() {
    deliver(mailOfSize(large), inbox);
    CHECK(account->expunge(inbox, uidList({1}), false).has_value());
    close();
    reopen();
    checkSound();
    CHECK(files.list(directory / "alice/bodies/0").empty());
    CHECK(files.list(directory / "alice/moved").empty());
  }

  void killedWhileMoving() {
    deliver(mailOfSize(large), inbox);
    close();
    std::ofstream(directory / "alice/bodies/0/7") << "somebody's";
    beginMovingAway(files, database);
    std::ofstream(database + "-wal").flush();  // of the start that was killed
    reopen();
    checkSound();
    CHECK_EQ(std::size_t{1}, files.list(directory / "alice/moved").size());
    CHECK_EQ(std::int64_t{-1}, files.size(database + "-moving"));
    close();
    std::ofstream(directory / "alice/bodies/0/8") << "of nobody";
    std::ofstream(database + "-wal").flush();
    reopen();
    CHECK_EQ(std::size_t{1}, files.list(directory / "alice/moved").size());
    CHECK_EQ(std::size_t{1}, files.list(directory / "alice/bodies/0").size());
  }

  void movedTwice() {
    std::filesystem::create_directories(directory / "alice/bodies/0");
    for (const char* text : {"one", "two"}) {
      std::ofstream(directory / "alice/bodies/0/7") << text;
      moveBodyAway(files, directory / "alice", "0", "7");
    }
    CHECK_EQ(std::size_t{2}, files.list(directory / "alice/moved").size());
  }

  void othersGoOn() {
    auto data = directory / "data";
    for (const char* name : {"bob", "carol"}) {
      Accounts accounts(data, environment());
      (*accounts.open(name))->ensureMailboxes({{"Inbox", 0}});
    }
    auto bobs = data + "/accounts/bob/account.db";
    std::filesystem::copy_file(bobs, directory / "whole.db");
    std::ofstream(bobs) << std::string(8'192, 'q');
    std::filesystem::create_directory(data + "/tmp/folder");
    Accounts accounts(data, environment());
    CHECK(accounts.exists("bob") && accounts.open("carol").has_value());
    CHECK_THROWS(AccountDamaged, accounts.open("bob"));
    CHECK(std::filesystem::is_directory(data + "/tmp/folder"));
    auto damaged = accounts.damaged();
    CHECK(damaged.size() == 1 && damaged["bob"].find("not a database") != std::string::npos);
    std::filesystem::copy_file(directory / "whole.db", bobs, std::filesystem::copy_options::overwrite_existing);
    CHECK(accounts.damaged().empty());
    CHECK((*accounts.open("bob"))->reader().mailbox("Inbox").has_value());
  }

  void lostMessages() {
    deliver(mailOfSize(large), inbox);
    auto lost = deliver(mailOfSize(large), sent);
    std::filesystem::remove(directory / "alice/bodies/0/2");
    VerifyOptions quick;
    quick.sizes = quick.structures = false;
    {
      auto look = account->reader();
      CHECK_EQ(std::string("body file 0/2 is missing; mox lostmessages names its messages"), show(verifyAccount(look.db(), files, account->directory(), quick)));
    }
    Repair repair(*account);
    auto found = repair.lost();
    CHECK(found.size() == 1 && found[0].name == "Sent" && found[0].uid == lost.uid);
    repair.remove(found);
    CHECK(repair.lost().empty() && uids(sent).empty());
    CHECK_EQ(std::size_t{1}, uids(inbox).size());
    account->maintain();
    checkSound();
  }
};
SUITE(DamageTest);

}  // namespace mox::store::test
