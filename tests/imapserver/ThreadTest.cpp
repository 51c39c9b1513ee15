// RFC 5256 §3 on hand-made trees. A message is written "number id <references> date subject".
#include "imapserver/Thread.h"

#include "base/Text.h"
#include "message/SortFacts.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imapserver;

struct ThreadTest : test::Suite<ThreadTest> {
  static void list(List& l) {
    l.add("replies, siblings by date, roots by date", &ThreadTest::plain);
    l.add("missing messages: dummies stay where they join several, and go where not", &ThreadTest::dummies);
    l.add("ids that come twice, that are missing, that refer to themselves", &ThreadTest::oddIds);
    l.add("loops are not closed; the last reference wins", &ThreadTest::loops);
    l.add("the same base subject joins threads", &ThreadTest::subjects);
    l.add("a new dummy over messages with the same subject", &ThreadTest::subjectDummies);
    l.add("ORDEREDSUBJECT", &ThreadTest::orderedSubject);
    l.add("a chain as long as a mailbox needs no stack, and is cut where it is too deep", &ThreadTest::deep);
    l.add("hostile references cost little", &ThreadTest::hostile);
  }

  /// "1 a <x y> 10 Re:s": number, id ("-" none), references, date, subject ("-" none) with "Re:" in front of replies.
  static ThreadMessage message(std::string_view text) {
    ThreadMessage out;
    auto open = text.find('<'), close = text.find('>');
    auto head = split(trim(text.substr(0, open)), ' ');
    out.number = out.sequence = static_cast<std::uint32_t>(*parseUnsigned(head[0]));
    if (head[1] != "-") out.messageId = message::messageIdHash(head[1]);
    for (auto id : split(text.substr(open + 1, close - open - 1), ' '))
      if (!id.empty()) out.references.push_back(message::messageIdHash(id));
    auto tail = split(trim(text.substr(close + 1)), ' ');
    out.date = static_cast<std::int64_t>(*parseUnsigned(tail[0]));
    std::string subject(tail[1]);
    out.isReplyOrForward = subject.starts_with("Re:");
    if (subject != "-") out.subject = out.isReplyOrForward ? subject.substr(3) : subject;
    return out;
  }

  static std::string text(const ThreadForest& forest) {
    std::string out;
    for (auto root : forest.roots) writeThread(out, forest, root);
    return out;
  }

  static std::string byReferences(const std::vector<std::string>& messages) {
    ReferencesThreader threader;
    for (const auto& one : messages) threader.add(message(one));
    return text(threader.finish());
  }

  void plain() {
    CHECK_EQ(std::string(), byReferences({}));
    CHECK_EQ(std::string("(1)(2)"), byReferences({"1 a <> 10 s", "2 b <> 20 t"}));
    CHECK_EQ(std::string("(2)(1)"), byReferences({"1 a <> 20 s", "2 b <> 10 t"}));
    CHECK_EQ(std::string("(1 2 3)"), byReferences({"1 a <> 10 s", "2 b <a> 20 Re:s", "3 c <a b> 30 Re:s"}));
    // RFC 5256 §4 example: "(3 6 (4 23)(44 7 96))".
    CHECK_EQ(std::string("(3 6 (4 23)(44 7 96))"),
             byReferences({"3 a <> 1 s", "6 b <a> 2 Re:s", "4 c <b> 3 Re:s", "7 f <e> 7 Re:s", "23 d <c> 4 Re:s", "44 e <b> 6 Re:s", "96 g <f> 8 Re:s"}));
    // Siblings by date, then by sequence number, whatever the order they came in.
    CHECK_EQ(std::string("(1 (4)(2)(3))"), byReferences({"1 a <> 1 s", "2 b <a> 6 Re:s", "3 c <a> 6 Re:s", "4 d <a> 5 Re:s"}));
    // A reply that came before what it answers.
    CHECK_EQ(std::string("(2 1)"), byReferences({"1 b <a> 20 Re:s", "2 a <> 10 s"}));
  }

  void dummies() {
    // Both answer something missing: it is shown as a list without a head.
    CHECK_EQ(std::string("((1)(2))"), byReferences({"1 b <a> 10 s", "2 c <a> 20 t"}));
    // One child takes its place, also over several missing ones.
    CHECK_EQ(std::string("(1)"), byReferences({"1 d <a b c> 10 s"}));
    CHECK_EQ(std::string("(1 2)"), byReferences({"1 a <> 10 s", "2 d <a b c> 20 t"}));
    // Below a message a missing one gives its children to it.
    CHECK_EQ(std::string("(1 (2)(3))"), byReferences({"1 a <> 10 s", "2 c <a b> 20 t", "3 d <a b> 30 u"}));
    // Missing under missing: one list, and it stands where its first message does.
    CHECK_EQ(std::string("(4)((1)(2)(3))"), byReferences({"1 c <a b> 10 s", "2 d <a b> 20 t", "3 e <a> 30 u", "4 f <> 5 v"}));
  }

  void oddIds() {
    CHECK_EQ(std::string("(1 3)(2)"), byReferences({"1 a <> 10 s", "2 a <> 20 t", "3 b <a> 30 u"}));
    CHECK_EQ(std::string("(1)(2)"), byReferences({"1 - <> 10 s", "2 - <> 20 t"}));
    CHECK_EQ(std::string("(1)"), byReferences({"1 a <a> 10 s"}));
    CHECK_EQ(std::string("(1)"), byReferences({"1 a <b a b a> 10 s"}));
  }

  void loops() {
    CHECK_EQ(std::string("(2 1)"), byReferences({"1 a <b> 10 s", "2 b <a> 20 t"}));
    CHECK_EQ(std::string("(3 1 2)"), byReferences({"1 a <c> 10 s", "2 b <a> 20 t", "3 c <b> 30 u"}));
    // Step 1.B: what a message says of its own parent counts more than what others said of it.
    CHECK_EQ(std::string("(1)(2 4 3)"), byReferences({"1 a <> 1 s", "2 b <> 2 t", "3 x <a c> 5 u", "4 c <b> 4 v"}));
    // Without references a message has no parent, whatever others said.
    CHECK_EQ(std::string("(1)(2 3)"), byReferences({"1 a <> 1 s", "3 c <a b> 5 u", "2 b <> 4 v"}));
  }

  void subjects() {
    // A reply without references joins the message with its base subject, and becomes its child.
    CHECK_EQ(std::string("(1 2)"), byReferences({"1 a <> 10 s", "2 b <> 20 Re:s"}));
    CHECK_EQ(std::string("(2 1)"), byReferences({"1 b <> 10 Re:s", "2 a <> 20 s"}));
    // Whole threads join.
    CHECK_EQ(std::string("(1 (2)(3 4))"), byReferences({"1 a <> 10 s", "2 b <a> 20 Re:s", "3 c <> 30 Re:s", "4 d <c> 40 Re:s"}));
    // An empty subject joins nobody.
    CHECK_EQ(std::string("(1)(2)"), byReferences({"1 a <> 10 -", "2 b <> 20 -"}));
    // A different subject further down does not matter.
    CHECK_EQ(std::string("(1 2)(3)"), byReferences({"1 a <> 10 s", "2 b <a> 20 t", "3 c <> 30 t"}));
  }

  void subjectDummies() {
    CHECK_EQ(std::string("((1)(2))"), byReferences({"1 a <> 10 s", "2 b <> 20 s"}));
    CHECK_EQ(std::string("((1)(2)(3))"), byReferences({"1 a <> 10 s", "2 b <> 20 s", "3 c <> 30 s"}));
    CHECK_EQ(std::string("((1)(2))"), byReferences({"1 a <> 10 Re:s", "2 b <> 20 Re:s"}));
    // A dummy of references takes the rest in; two of them become one.
    CHECK_EQ(std::string("((1)(2)(3))"), byReferences({"1 b <a> 10 Re:s", "2 c <a> 20 Re:s", "3 d <> 30 s"}));
    CHECK_EQ(std::string("((1)(2)(3)(4))"), byReferences({"1 b <a> 10 Re:s", "2 c <a> 20 Re:s", "3 e <x> 30 Re:s", "4 f <x> 40 Re:s"}));
  }

  void orderedSubject() {
    auto threads = [](const std::vector<std::string>& messages) {
      std::vector<ThreadMessage> parsed;
      for (const auto& one : messages) parsed.push_back(message(one));
      return text(threadBySubject(std::move(parsed)));
    };
    CHECK_EQ(std::string(), threads({}));
    CHECK_EQ(std::string("(1 3)(2)"), threads({"1 a <> 10 s", "2 b <> 20 t", "3 c <> 30 Re:s"}));
    CHECK_EQ(std::string("(2)(4 (1)(3))"), threads({"1 a <> 30 s", "2 b <> 5 t", "3 c <> 40 Re:s", "4 d <> 10 s"}));
  }

  void deep() {
    constexpr std::uint32_t count = 50'000;
    ReferencesThreader threader;
    for (std::uint32_t i = 1; i <= count; ++i) {
      ThreadMessage one;
      one.number = one.sequence = i;
      one.date = i;
      one.messageId = i;
      if (i > 1) one.references = {i - 1};
      threader.add(std::move(one));
    }
    CHECK(threader.isCut());
    auto forest = threader.finish();
    CHECK_EQ(std::size_t(count / (threadDepth.value + 1) + 1), forest.roots.size());
    std::string out;
    writeThread(out, forest, forest.roots.front());
    CHECK(out.starts_with("(1 2 3 ") && out.ends_with(" " + std::to_string(threadDepth.value + 1) + ")"));
  }

  void hostile() {
    // The other way round each link joins whole chains, so nothing limits the depth; and every message names 200 ids.
    ReferencesThreader threader;
    for (std::uint32_t i = 1; i <= 2'000; ++i) {
      ThreadMessage one;
      one.number = one.sequence = i;
      one.messageId = 5'000 - i;
      for (std::uint32_t k = 0; k < 200; ++k) one.references.push_back(5'000 - i - 200 + k);
      threader.add(std::move(one));
    }
    auto told = text(threader.finish());
    for (const char* number : {"1", "1000", "2000"}) CHECK(told.find(number) != std::string::npos);
  }
};
SUITE(ThreadTest);
