// Packs of a view's entries, and that they are only there while they are true.
#include <random>

#include "store/Db.h"
#include "store/StoreFixture.h"
#include "store/ViewPack.h"

namespace mox::store::test {

namespace {

std::vector<DeltaEntry> someEntries(std::size_t count) {
  std::minstd_rand dice(3);
  auto random = [&] { return static_cast<std::uint32_t>(dice()); };
  std::vector<DeltaEntry> entries;
  std::uint32_t uid = 4'096;
  for (std::size_t i = 0; i < count; ++i) {
    DeltaEntry made;
    made.entry.uid = Uid(uid += 1 + random() % 3);
    made.entry.flags = i % 5 == 0 ? contentMarks | random() % 512 : 0;
    made.entry.size = random();
    made.entry.message = MessageId(random());
    made.entry.content = ContentId(static_cast<std::int64_t>(random()) << 20);
    made.entry.modSeq = ModSeq(random());
    made.entry.received = static_cast<std::int64_t>(random()) - 1'000'000'000;
    made.keywords = i % 7 == 0 ? "a b" : i % 3 == 0 ? "c" : "";
    entries.push_back(made);
  }
  return entries;
}

}  // namespace

struct ViewPackTest : mox::test::Suite<ViewPackTest>, AccountFixture {
  static void list(List& l) {
    l.add("there and back", &ViewPackTest::roundTrip);
    l.add("damaged ones are found out", &ViewPackTest::damaged);
    l.add("made by upkeep, gone with a change", &ViewPackTest::keptTrue);
    l.add("one that cannot be read is not needed", &ViewPackTest::unreadable);
  }

  void roundTrip() {
    auto entries = someEntries(500);
    std::vector<std::string> sets;
    std::vector<ViewEntry> found;
    CHECK(unpackEntries(packEntries(entries), [&](std::string_view text) { return sets.emplace_back(text), static_cast<std::uint32_t>(sets.size() - 1); }, found));
    CHECK_EQ(entries.size(), found.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      CHECK_EQ(entries[i].keywords, sets[found[i].keywords]);
      found[i].keywords = 0;
      CHECK(entries[i].entry == found[i]);
    }
  }

  void damaged() {
    auto pack = packEntries(someEntries(20));
    auto isGood = [](std::string_view octets) {
      std::vector<ViewEntry> found;
      return unpackEntries(octets, [](std::string_view) { return 0u; }, found);
    };
    CHECK(isGood(pack));
    for (std::size_t size = 0; size < pack.size(); ++size) CHECK(!isGood(std::string_view(pack).substr(0, size)));
    CHECK(!isGood(pack + "x"));
    for (std::size_t at = 0; at < pack.size(); ++at)  // must not read beyond, whatever it finds
      for (auto octet : {'\0', '\x7f', '\xff'}) {
        auto other = pack;
        other[at] = octet;
        isGood(other);
      }
  }

  /// With a new account object and so without anything in memory.
  std::string cold() {
    reopen();
    std::string out;
    auto view = account->snapshot(inbox);
    view->forEach([&](const ViewEntry& entry) {
      out += std::to_string(entry.uid.value) + " " + std::to_string(entry.flags) + " " + std::to_string(entry.size) + " " +
             std::to_string(entry.message.value) + " " + std::to_string(entry.content.value) + " " + std::to_string(entry.modSeq.value) + " " +
             std::to_string(entry.received) + " " + joinKeywords(view->keywords(entry)) + "\n";
    });
    return out;
  }
  std::int64_t packs() { return account->reader().db().scalar("SELECT count(*) FROM view_pack"); }
  void withoutPacks() { Db(account->directory() + "/account.db").exec("DELETE FROM view_pack"); }

  void keptTrue() {
    deliverMany(viewPart - 2, inbox);
    account->maintain();
    CHECK_EQ(std::int64_t{0}, packs());  // the next message may still come into it
    deliverMany(2 * viewPart, inbox);
    account->maintain();
    CHECK_EQ(std::int64_t{2}, packs());
    auto packed = cold();
    withoutPacks();
    CHECK_EQ(packed, cold());
    account->maintain();  // that load has missed them
    CHECK_EQ(std::int64_t{2}, packs());

    FlagChange change{FlagChange::Mode::add, flags(bit(Flag::flagged), {"work"}), std::nullopt};
    CHECK(account->setFlags(inbox, uidList({5}), change).has_value());
    CHECK_EQ(std::int64_t{1}, packs());
    checkSound(false);
    auto changed = cold();
    CHECK(changed != packed);
    account->maintain();
    CHECK_EQ(std::int64_t{2}, packs());
    CHECK_EQ(changed, cold());
    CHECK(account->expunge(inbox, uidList({viewPart, viewPart + 1}), false).has_value());
    CHECK_EQ(std::int64_t{1}, packs());
    CHECK(account->move(inbox, uidList({1}), sent).has_value());
    CHECK_EQ(std::int64_t{0}, packs());
    changed = cold();
    account->maintain();
    CHECK_EQ(std::int64_t{2}, packs());
    CHECK_EQ(changed, cold());
    checkSound(false);
  }

  void unreadable() {
    deliverMany(viewPart, inbox);
    account->maintain();
    CHECK_EQ(std::int64_t{1}, packs());
    auto before = cold();
    Db(account->directory() + "/account.db").exec("UPDATE view_pack SET entries=substr(entries, 1, 1000)");
    CHECK_EQ(before, cold());
    auto problems = verify(*account, files);
    CHECK_EQ(std::size_t{1}, problems.size());
    CHECK(problems[0].find("pack of a view") != std::string::npos);
  }
};
SUITE(ViewPackTest);

}  // namespace mox::store::test
