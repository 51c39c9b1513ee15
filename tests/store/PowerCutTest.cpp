// Power cuts: what was acknowledged as durable is there, flag changes that rode may be lost, and no modseq that was told ever
// means something else afterwards.
#include <random>

#include "store/GroupCommit.h"
#include "store/StoreFixture.h"
#include "support/FaultVfs.h"

namespace mox::store::test {

struct PowerCutTest : mox::test::Suite<PowerCutTest> {
  static void list(List& l) {
    l.add("flag changes ride", &PowerCutTest::riding);
    l.add("a delivery after flag changes is there, and they are", &PowerCutTest::deliveryForcesAll);
    l.add("a lost flag change is noticed", &PowerCutTest::lostChange);
    l.add("a client that knows a lost modseq may not overwrite", &PowerCutTest::unchangedSince);
    l.add("upkeep forces", &PowerCutTest::upkeep);
    l.add("nobody has to ask anew after a clean end", &PowerCutTest::cleanEnd);
    l.add("any writes survive", &PowerCutTest::anySurvive);
  }

  TempDirectory directory;
  FakeClock clock;
  FakeRandom random;
  SystemFiles files;
  FaultVfs vfs;
  std::unique_ptr<Account> account;
  MailboxId inbox;
  int cuts = 0;

  std::unique_ptr<Account> open(const std::string& where, const char* with) {
    Environment environment;
    environment.files = &files;
    environment.clock = &clock;
    environment.random = &random;
    environment.vfs = with;
    files.makeDirectory(directory / "tmp");
    return std::make_unique<Account>("alice", where, directory / "tmp", environment);
  }

  void begin() {
    account = open(directory / "alice", vfs.name());
    account->ensureMailboxes({{"Inbox", 0}, {"Sent", 0}});
    inbox = account->reader().mailbox("Inbox")->id;
  }

  Uid deliver(const std::string& id = {}) {
    Mail mail;
    if (!id.empty()) mail.id(id);
    auto done = account->deliver({mail.in(inbox)});
    CHECK(done.has_value());
    return done->front().uid;
  }

  ModSeq flag(Uid uid, Flag which) {
    auto done = account->setFlags(inbox, {uid}, {FlagChange::Mode::add, flags(bit(which)), std::nullopt});
    CHECK(done && done->modSeq);
    return done->modSeq;
  }

  /// The account as a power cut now would leave it, opened elsewhere and found sound.
  std::unique_ptr<Account> cut(const std::function<bool()>& survives = [] { return false; }) {
    auto where = directory / ("cut" + std::to_string(++cuts));
    vfs.cutPower(directory / "alice", where, survives);
    auto after = open(where, nullptr);
    CHECK_EQ(std::string(), show(verify(*after, files)));
    return after;
  }

  static FlagBits flagsOf(Account& in, MailboxId mailbox, Uid uid) { return in.reader().message(mailbox, uid)->flags.bits; }

  void riding() {
    begin();
    auto uid = deliver();
    flag(uid, Flag::seen);  // sets modseqs aside
    auto syncs = vfs.syncs();
    auto forced = account->writer().counts().forced;
    for (auto which : {Flag::flagged, Flag::answered, Flag::draft}) flag(uid, which);
    CHECK_EQ(syncs, vfs.syncs());
    CHECK_EQ(forced, account->writer().counts().forced);
    CHECK(account->writer().hasRiders());
    deliver();
    CHECK_EQ(syncs + 1, vfs.syncs());
    CHECK(!account->writer().hasRiders());
  }

  void deliveryForcesAll() {
    begin();
    auto uid = deliver();
    flag(uid, Flag::seen);
    flag(uid, Flag::flagged);
    auto last = deliver("acknowledged");
    auto after = cut();
    CHECK_EQ(std::size_t{1}, after->reader().withMessageId("acknowledged").size());
    CHECK_EQ(bit(Flag::seen) | bit(Flag::flagged), flagsOf(*after, inbox, uid));
    CHECK(after->reader().mailbox(inbox)->uidNext == last.next());
  }

  void lostChange() {
    begin();
    auto uid = deliver(), other = deliver();
    flag(uid, Flag::seen);
    auto told = flag(uid, Flag::flagged);
    auto after = cut();
    CHECK_EQ(bit(Flag::seen), flagsOf(*after, inbox, uid));
    // Who synchronises from the modseq it was told gets the message again, with the flags it has now.
    auto view = after->snapshot(inbox);
    CHECK(view->at(*view->indexOf(uid)).modSeq > told);
    CHECK(view->highestModSeq() > told);
    CHECK(after->reader().mailbox(inbox)->modSeq > told);
    CHECK(after->reader().message(inbox, uid)->modSeq > told);
    // The same modseq is not given to another change.
    auto done = after->setFlags(inbox, {other}, {FlagChange::Mode::add, flags(bit(Flag::answered)), std::nullopt});
    CHECK(done->modSeq > told && done->modSeq > view->highestModSeq());
  }

  void unchangedSince() {
    begin();
    auto uid = deliver();
    flag(uid, Flag::seen);
    auto told = flag(uid, Flag::flagged);
    auto after = cut();
    auto done = after->setFlags(inbox, {uid}, {FlagChange::Mode::remove, flags(bit(Flag::seen)), told});
    CHECK_EQ(show({uid}), show(done->modified));
    CHECK(done->changed.empty());
  }

  void upkeep() {
    begin();
    auto uid = deliver();
    flag(uid, Flag::seen);
    flag(uid, Flag::flagged);
    auto reader = account->reader();  // a checkpoint cannot do it all: forcing is not left to it
    reader.modSeq();
    account->maintain();
    CHECK(!account->writer().hasRiders());
    CHECK_EQ(bit(Flag::seen) | bit(Flag::flagged), flagsOf(*cut(), inbox, uid));
  }

  void cleanEnd() {
    begin();
    auto uid = deliver();
    flag(uid, Flag::seen);
    auto told = flag(uid, Flag::flagged);
    account.reset();
    account = open(directory / "alice", vfs.name());
    CHECK(account->reader().mailbox(inbox)->modSeq == told);
    CHECK(account->reader().message(inbox, uid)->modSeq == told);
    CHECK(flag(uid, Flag::answered) == told.next());
  }

  /// The disk may have written any of what was not forced, in any order.
  void anySurvive() {
    begin();
    std::mt19937 generator(11);
    std::vector<std::string> acknowledged;
    ModSeq told;
    for (int round = 0; round < 60; ++round) {
      auto id = "m" + std::to_string(round);
      auto uid = deliver(id);
      acknowledged.push_back(id);
      for (auto which : {Flag::seen, Flag::flagged, Flag::answered, Flag::draft})
        if (bit(which) <= static_cast<FlagBits>(round)) told = flag(uid, which);
      if (round % 7 == 0) account->maintain();
      auto after = cut([&] { return generator() % 2 == 0; });
      for (const auto& one : acknowledged) CHECK_MSG(id + ": " + one + " is lost", after->reader().withMessageId(one).size() == 1);
      auto done = after->setFlags(inbox, {uid}, {FlagChange::Mode::add, flags(bit(Flag::junk)), std::nullopt});
      CHECK(done->modSeq > told);
    }
  }
};
SUITE(PowerCutTest);

}  // namespace mox::store::test
