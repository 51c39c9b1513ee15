#include <algorithm>
#include <random>

#include "store/GroupCommit.h"
#include "store/StoreFixture.h"
#include "store/ViewBuilder.h"

namespace mox::store::test {

struct ViewTest : mox::test::Suite<ViewTest>, AccountFixture {
  static void list(List& l) {
    l.add("positions", &ViewTest::positions);
    l.add("a held view does not move", &ViewTest::held);
    l.add("shared until changed", &ViewTest::shared);
    l.add("versions equal what is loaded anew", &ViewTest::randomChanges);
  }

  void positions() {
    CHECK_EQ(std::size_t{0}, account->snapshot(inbox)->size());
    CHECK(!account->snapshot(inbox)->indexOf(Uid(1)));
    deliverMany(3 * viewChunk, inbox);
    std::vector<Uid> gone;
    for (std::uint32_t uid = 2; uid <= 2 * viewChunk; uid += 2) gone.emplace_back(uid);
    account->expunge(inbox, gone, false);
    auto view = account->snapshot(inbox);
    CHECK_EQ(2 * viewChunk, view->size());
    for (std::size_t i : {std::size_t{0}, std::size_t{1}, viewChunk - 1, viewChunk, view->size() - 1})
      CHECK_EQ(i, *view->indexOf(view->at(i).uid));
    CHECK(!view->indexOf(Uid(2)) && !view->indexOf(Uid(0)) && !view->indexOf(Uid(4'000'000'000)));
    CHECK_EQ(std::size_t{1}, view->lowerBound(Uid(2)));
    CHECK_EQ(view->size(), view->lowerBound(Uid(3 * viewChunk + 1)));
    CHECK_EQ(static_cast<std::uint32_t>(3 * viewChunk + 1), view->uidNext().value);
    CHECK(account->snapshot(MailboxId(99)) == nullptr);
  }

  void held() {
    deliverMany(3, inbox);
    auto old = account->snapshot(inbox);
    account->expunge(inbox, uidList({2}), false);
    deliver(Mail(), inbox, flags(bit(Flag::flagged), {"kw"}));
    auto now = account->snapshot(inbox);
    CHECK_EQ(std::size_t{3}, old->size());
    CHECK_EQ(std::uint32_t{2}, old->at(1).uid.value);
    CHECK_EQ(std::size_t{3}, now->size());
    CHECK_EQ(std::uint32_t{4}, now->at(2).uid.value);
    CHECK(now->keywords(now->at(2)) == Keywords{"kw"});
    CHECK(now->mailboxKeywords() == Keywords{"kw"} && old->mailboxKeywords().empty());
    CHECK(old->highestModSeq() < now->highestModSeq());
  }

  void shared() {
    deliverMany(3, inbox);
    auto one = account->snapshot(inbox), two = account->snapshot(inbox);
    CHECK(one == two);
    deliver(Mail(), sent);
    CHECK(account->snapshot(inbox) == one);
    deliver(Mail(), inbox);
    CHECK(account->snapshot(inbox) != one);
    one.reset();
    two.reset();
    // Nobody holds one: after a change it is read from the database again, and is right.
    deliver(Mail(), inbox);
    CHECK_EQ(std::size_t{5}, account->snapshot(inbox)->size());
  }

  static std::string show(const MailboxView& view) {
    std::string text = std::to_string(view.highestModSeq().value) + " " + std::to_string(view.uidNext().value) + ":";
    view.forEach([&](const ViewEntry& e) {
      text += std::to_string(e.uid.value) + "," + std::to_string(e.flags) + "," + std::to_string(e.modSeq.value) + "," +
              std::to_string(e.message.value) + "," + std::to_string(e.size) + "," + joinKeywords(view.keywords(e)) + ";";
    });
    return text;
  }

  void randomChanges() {
    std::mt19937 generator(7);
    auto pick = [&](std::uint32_t below) { return std::uniform_int_distribution<std::uint32_t>(0, below - 1)(generator); };
    deliverMany(2'500, inbox);
    for (int round = 0; round < 60; ++round) {
      auto view = account->snapshot(inbox);  // held: so the next version is made from it
      std::vector<Uid> some;
      for (std::uint32_t i = 0, n = 1 + pick(round % 7 == 0 ? 1'500 : 20); i < n; ++i) some.emplace_back(1 + pick(3'500));
      switch (pick(4)) {
        case 0: account->expunge(inbox, some, false); break;
        case 1:
          account->setFlags(inbox, some, {FlagChange::Mode::add, flags(1u << pick(10), {"k" + std::to_string(pick(5))}), std::nullopt});
          break;
        case 2: account->move(inbox, some, sent); break;
        default: deliverMany(1 + pick(60), inbox); break;
      }
      auto next = account->snapshot(inbox);
      auto reader = account->reader();
      CHECK_EQ(show(*ViewBuilder::load(reader.db(), *reader.mailbox(inbox), std::make_shared<const int>(0)).view), show(*next));
    }
    checkSound();
  }
};
SUITE(ViewTest);

}  // namespace mox::store::test
