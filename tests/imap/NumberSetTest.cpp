#include "imap/NumberSet.h"

#include <set>

#include "base/Random.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imap;

struct NumberSetTest : mox::test::Suite<NumberSetTest> {
  static void list(List& l) {
    l.add("parse normalises", &NumberSetTest::normalise);
    l.add("print and parse are inverse", &NumberSetTest::identity);
    l.add("star", &NumberSetTest::star);
    l.add("refused", &NumberSetTest::refused);
    l.add("adding in any order is as one set", &NumberSetTest::adding);
    l.add("pieces", &NumberSetTest::pieces);
    l.add("the n-th to the m-th", &NumberSetTest::ranked);
  }

  static std::string normal(std::string_view text) { return SequenceSet::parse(text).value().text(); }

  void normalise() {
    CHECK_EQ(std::string("1:3,7"), normal("7,3,1:2"));
    CHECK_EQ(std::string("2:8"), normal("8:2,3:5"));
    CHECK_EQ(std::string("1:4294967295"), normal("1:4294967295,5,4294967295"));
    CHECK_EQ(std::string("1,3:*,7:*"), normal("*:3,1,5:*,*,7:*"));
    CHECK_EQ(std::string("$"), normal("$"));
  }

  void identity() {
    for (const char* text : {"1", "*", "$", "1:*", "*,4", "5:*,1", "4294967295:*", "*:*", "2,4:7,9,12:*", "*:4,5:7", "3:*,9:*,*"}) {
      auto set = SequenceSet::parse(text).value();
      CHECK_MSG(text, set == SequenceSet::parse(set.text()).value());
      for (std::uint32_t largest : {0u, 1u, 6u, 4294967295u})
        CHECK_MSG(text, set.isSaved() || set.resolve(largest) == SequenceSet::parse(set.text())->resolve(largest));
    }
  }

  void star() {
    // RFC 9051 §9: "UID range of 559:* always includes the UID of the last message".
    CHECK_EQ(std::string("15,559"), SequenceSet::parse("559,*")->resolve(15).text());
    CHECK_EQ(std::string("15:559"), SequenceSet::parse("559:*")->resolve(15).text());
    CHECK_EQ(std::string("2,4:7,9,12:15"), SequenceSet::parse("2,4:7,9,12:*")->resolve(15).text());
    CHECK_EQ(std::string("4:7"), SequenceSet::parse("*:4,5:7")->resolve(5).text());
    CHECK_EQ(std::string("9"), SequenceSet::parse("*:*")->resolve(9).text());
    // An empty mailbox has no largest.
    CHECK(SequenceSet::parse("1:*")->resolve(0).empty());
  }

  void refused() {
    for (const char* text : {"", "0", "1:0", "01", "1,", ",1", "1::2", ":", "1:", "4294967296", "99999999999999999999", "a", "1 ", "$,1", "1:2:3", "**", "-1"})
      CHECK_MSG(text, !SequenceSet::parse(text));
    CHECK(!NumberSet::parse("1:*"));
    CHECK(!NumberSet::parse("$"));
  }

  void adding() {
    FakeRandom random(7);
    for (int round = 0; round < 200; ++round) {
      NumberSet set;
      std::set<std::uint32_t> model;
      for (int i = 0; i < 30; ++i) {
        auto first = static_cast<std::uint32_t>(1 + random.below(60)), last = first + static_cast<std::uint32_t>(random.below(5));
        set.addRange(first, last);
        for (auto n = first; n <= last; ++n) model.insert(n);
      }
      NumberSet one;
      for (auto n : model) one.add(n);
      CHECK_EQ(one.text(), set.text());
      CHECK_EQ(std::uint64_t(model.size()), set.count());
      for (std::uint32_t n = 1; n < 70; ++n) CHECK_EQ(model.contains(n), set.contains(n));
      CHECK_EQ(set.text(), set.intersect(NumberSet({{1, 4294967295u}})).text());
    }
    NumberSet edge;
    edge.add(4294967295u);
    edge.add(4294967294u);
    edge.add(4294967295u);
    CHECK_EQ(std::string("4294967294:4294967295"), edge.text());
  }

  void pieces() {
    NumberSet set;
    for (std::uint32_t n = 1; n < 5000; n += 2) set.add(n);
    NumberSet together;
    for (const auto& text : set.texts(100)) {
      CHECK(text.size() < 130);
      const auto piece = NumberSet::parse(text).value();
      for (const auto& range : piece.ranges()) together.addRange(range.first, range.last);
    }
    CHECK(set == together);
    CHECK(NumberSet().texts(100).empty());
  }

  void ranked() {
    auto set = NumberSet::parse("3:5,9,4294967290:4294967295").value();
    CHECK_EQ(std::string("3"), set.ranked(1, 1).text());
    CHECK_EQ(std::string("4:5,9,4294967290"), set.ranked(2, 5).text());
    CHECK_EQ(std::string("4294967294:4294967295"), set.ranked(9, 100).text());
    CHECK(set.ranked(11, 20).empty() && set.ranked(3, 2).empty() && NumberSet().ranked(1, 5).empty());
    CHECK_EQ(set.text(), set.ranked(1, 10).text());
  }
};
SUITE(NumberSetTest);
