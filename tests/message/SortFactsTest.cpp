// RFC 5256 §2.1, §2.2, §3: what is kept of a message for SORT and THREAD.
#include "message/SortFacts.h"

#include "support/Test.h"

using namespace mox;
using namespace mox::message;

struct SortFactsTest : test::Suite<SortFactsTest> {
  static void list(List& l) {
    l.add("date, subject, ids of a reply", &SortFactsTest::reply);
    l.add("nothing of what is missing", &SortFactsTest::missing);
    l.add("References or the first of In-Reply-To, never both", &SortFactsTest::ancestors);
    l.add("at most maxReferences, the nearest", &SortFactsTest::many);
    l.add("a damaged form is refused", &SortFactsTest::damaged);
  }

  static std::string pack(const std::string& header) { return packSortFacts(parse(header + "\r\n")); }
  static SortFacts unpack(const std::string& form) {
    auto facts = unpackSortFacts(form);
    CHECK(facts.has_value());
    return facts.value_or(SortFacts());
  }

  void reply() {
    auto form = pack("Date: Mon, 02 Jan 2006 12:00:00 +0100\r\nMessage-ID: <B@x.example>\r\nReferences: <r@x.example>\r\n <a@x.example>\r\nSubject: Re: [l] Plan\r\n");
    auto facts = unpack(form);
    CHECK_EQ(std::int64_t{1'136'199'600}, facts.sent.value_or(0));
    CHECK(facts.isReplyOrForward);
    CHECK_EQ(std::string("plan"), std::string(facts.subjectBase));
    CHECK_EQ(messageIdHash("b@x.example"), facts.messageId);
    CHECK_EQ(std::size_t{2}, facts.ancestors());
    CHECK_EQ(messageIdHash("r@x.example"), facts.ancestor(0));
    CHECK_EQ(messageIdHash("a@x.example"), facts.ancestor(1));
    auto old = unpack(pack("Date: Thu, 01 Jan 1960 00:00:00 +0000\r\n"));
    CHECK(old.sent && *old.sent < 0);
  }

  void missing() {
    auto form = pack("Date: nonsense\r\n");
    auto facts = unpack(form);
    CHECK(!facts.sent && !facts.isReplyOrForward && facts.subjectBase.empty() && facts.messageId == 0 && facts.ancestors() == 0);
    CHECK_EQ(std::uint64_t{0}, messageIdHash(""));
    CHECK(messageIdHash("a") != messageIdHash("b"));
  }

  void ancestors() {
    auto both = pack("In-Reply-To: <x@x> <y@x>\r\nReferences: <a@x>\r\n");
    CHECK_EQ(std::size_t{1}, unpack(both).ancestors());
    CHECK_EQ(messageIdHash("a@x"), unpack(both).ancestor(0));
    auto one = pack("In-Reply-To: Your message of Monday <x@x> <y@x>\r\nReferences: none\r\n");
    CHECK_EQ(std::size_t{1}, unpack(one).ancestors());
    CHECK_EQ(messageIdHash("x@x"), unpack(one).ancestor(0));
  }

  void many() {
    std::string header = "References:";
    for (std::size_t i = 0; i < maxReferences + 5; ++i) header += "\r\n <" + std::to_string(i) + "@x>";
    auto form = pack(header + "\r\nSubject: s\r\n");
    auto facts = unpack(form);
    CHECK_EQ(maxReferences, facts.ancestors());
    CHECK_EQ(messageIdHash("5@x"), facts.ancestor(0));
    CHECK_EQ(std::string("s"), std::string(facts.subjectBase));
  }

  void damaged() {
    auto form = pack("Date: Mon, 02 Jan 2006 12:00:00 +0100\r\nMessage-ID: <b@x>\r\nReferences: <r@x>\r\n");
    for (std::size_t cut = 0; cut < form.size(); ++cut) CHECK_MSG(std::to_string(cut), !unpackSortFacts(std::string_view(form).substr(0, cut)));
    form[0] = 2;
    CHECK(!unpackSortFacts(form));
  }
};
SUITE(SortFactsTest);
