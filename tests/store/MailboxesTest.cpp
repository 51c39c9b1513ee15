#include "store/Db.h"
#include "store/Repair.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

struct MailboxesTest : mox::test::Suite<MailboxesTest>, AccountFixture {
  static void list(List& l) {
    l.add("names", &MailboxesTest::names);
    l.add("create", &MailboxesTest::create);
    l.add("special uses", &MailboxesTest::specialUses);
    l.add("delete", &MailboxesTest::remove);
    l.add("rename with children", &MailboxesTest::rename);
    l.add("what is no change of messages leaves HIGHESTMODSEQ", &MailboxesTest::highestModSeq);
    l.add("rename below itself", &MailboxesTest::renameBelowItself);
    l.add("rename up", &MailboxesTest::renameUp);
    l.add("rename Inbox", &MailboxesTest::renameInbox);
    l.add("found by name without reading, as long as mailboxes stay as they are", &MailboxesTest::found);
    l.add("subscriptions", &MailboxesTest::subscriptions);
    l.add("annotations", &MailboxesTest::annotations);
    l.add("annotations are bounded, all of an account together", &MailboxesTest::annotationLimits);
    l.add("subscriptions are bounded", &MailboxesTest::subscriptionLimit);
  }

  std::string allNames() {
    std::vector<std::string> names;
    for (const auto& mailbox : account->reader().mailboxes()) names.push_back(mailbox.name);
    return show(names);
  }

  /// What is remembered, against what the database says.
  void checkFound(const std::string& name) {
    for (int again = 0; again < 2; ++again) {
      auto key = account->findMailbox(name);
      auto row = account->reader().mailbox(std::string_view(name));
      CHECK_MSG(name, key.has_value() == row.has_value());
      if (row) CHECK_MSG(name, key->id == row->id && key->uidValidity == row->uidValidity);
    }
  }

  void found() {
    checkFound("a");
    account->createMailbox("a");
    checkFound("a");
    deliverMany(3, id("a"));
    checkFound("a");
    auto old = *account->findMailbox("a");
    CHECK(account->deleteMailbox("a").has_value());
    checkFound("a");
    account->createMailbox("a");
    checkFound("a");
    CHECK(account->findMailbox("a")->id != old.id);
    CHECK(account->renameMailbox("a", "b").has_value());
    checkFound("a");
    checkFound("b");
    deliverMany(3, id("b"));
    for (bool reassign : {false, true}) {
      auto before = account->findMailbox("b")->uidValidity;
      Repair repair(*account);
      CHECK(reassign ? repair.reassignUids("b").has_value() : repair.bumpUidValidity("b").has_value());
      checkFound("b");
      CHECK(account->findMailbox("b")->uidValidity != before);
    }
    for (std::size_t i = 0; i < MailboxNames::most + 10; ++i) account->findMailbox("none" + std::to_string(i));
    checkFound("b");
  }

  void names() {
    for (const char* good : {"a", "Inbox", "Inbox/x", "a b/c%d*", "Entw\xc3\xbcrfe", "x/inbox"}) CHECK_MSG(good, checkMailboxName(good).has_value());
    for (const std::string& bad : {std::string(), std::string("/a"), std::string("a/"), std::string("a//b"), std::string("a/../b"),
                                   std::string("."), std::string("#x"), std::string("a\0b", 3), std::string("a\r\nb"), std::string("INBOX"),
                                   std::string("inbox/x"), std::string("\xff"), std::string("u\xcc\x88"), std::string(2000, 'x')})
      CHECK_MSG(bad, !checkMailboxName(bad));
  }

  void create() {
    auto made = account->createMailbox("a/b/c", archiveUse);
    CHECK(made.has_value());
    CHECK_EQ(std::size_t{3}, made->created.size());
    CHECK_EQ(std::string("a"), made->created[0].name);
    CHECK_EQ(int{archiveUse}, int{made->created[2].uses});
    CHECK_EQ(0, int{made->created[0].uses});
    CHECK(account->createMailbox("a").error().code == Errc::exists);
    CHECK(account->createMailbox("a/").error().code == Errc::syntax);
    auto row = *account->reader().mailbox("a/b");
    CHECK(row.subscribed && row.hasChildren);
    CHECK(!account->reader().mailbox("a/b/c")->hasChildren);
    CHECK_EQ(std::string("Inbox; Sent; a; a/b; a/b/c"), allNames());
    CHECK(made->created[0].uidValidity != made->created[1].uidValidity);
    checkSound();
  }

  void specialUses() {
    auto first = account->createMailbox("one", junkUse)->created[0].id;
    auto second = account->createMailbox("two", junkUse | trashUse)->created[0].id;
    CHECK_EQ(0, int{row(first).uses});
    CHECK_EQ(junkUse | trashUse, int{row(second).uses});
    CHECK(account->setSpecialUse(first, trashUse).has_value());
    CHECK_EQ(int{junkUse}, int{row(second).uses});
    CHECK_EQ(int{trashUse}, int{row(first).uses});
  }

  /// RFC 7162 §3.1.2.1: what STATUS says (the row) and what SELECT says (the view) is one value.
  void highestModSeq() {
    account->createMailbox("a/b", archiveUse);
    auto b = id("a/b");
    deliverMany(1, b);
    auto highest = account->snapshot(b)->highestModSeq();
    auto check = [&] { CHECK(row(b).modSeq == highest && account->snapshot(b)->highestModSeq() == highest); };
    CHECK(account->renameMailbox("a", "c").has_value());
    check();
    CHECK(account->setSpecialUse(b, archiveUse | trashUse).has_value());
    check();
    CHECK(account->createMailbox("other", trashUse).has_value());
    CHECK_EQ(int{archiveUse}, int{row(b).uses});
    check();
    reopen();
    check();
    checkSound();
  }

  void remove() {
    account->createMailbox("a/b");
    auto a = id("a"), b = id("a/b");
    deliverMany(3, b);
    auto view = account->snapshot(b);
    CHECK(account->deleteMailbox("a").error().code == Errc::conflict);
    CHECK(account->deleteMailbox("Inbox").error().code == Errc::denied);
    CHECK(account->deleteMailbox("none").error().code == Errc::notFound);
    CHECK(account->deleteMailbox("a/b").has_value());
    CHECK_EQ(std::size_t{3}, view->size());
    CHECK(account->snapshot(b) == nullptr);
    CHECK(account->deleteMailbox("a").has_value());
    CHECK(!account->reader().mailbox(a));
    CHECK_EQ(std::int64_t{0}, account->reader().messageBytes());
    CHECK_EQ(std::string("Inbox; Sent; a; a/b"), show(account->reader().subscriptions()));  // stay, RFC 9051 §6.3.5
    auto failed = account->deliver({Mail().in(b)});
    CHECK(!failed && failed.error().code == Errc::notFound);
    checkSound();
  }

  void rename() {
    account->createMailbox("a/b");
    account->createMailbox("ab");
    auto a = row(id("a")), b = row(id("a/b"));
    deliverMany(2, b.id);
    CHECK(account->renameMailbox("none", "x").error().code == Errc::notFound);
    CHECK(account->renameMailbox("a", "ab").error().code == Errc::exists);
    CHECK(account->renameMailbox("a", "x//y").error().code == Errc::syntax);
    auto renamed = account->renameMailbox("a", "x/y");
    CHECK(renamed.has_value());
    CHECK_EQ(std::string("Inbox; Sent; ab; x; x/y; x/y/b"), allNames());
    CHECK_EQ(std::size_t{1}, renamed->created.size());
    CHECK_EQ(std::size_t{2}, renamed->renamed.size());
    CHECK_EQ(std::string("x/y/b"), renamed->renamed[1].second);
    auto now = row(id("x/y/b"));
    CHECK(now.id == b.id && now.uidValidity == b.uidValidity && now.uidNext == Uid(3));
    CHECK_EQ(std::string("1 2"), show(uids(b.id)));
    // The old name, made anew, is another mailbox.
    CHECK(account->createMailbox("a")->created[0].uidValidity > a.uidValidity);
    CHECK_EQ(std::string("Inbox; Sent; a; a/b; ab; x"), show(account->reader().subscriptions()));
    checkSound();
  }

  void renameBelowItself() {
    account->createMailbox("a/b");
    auto a = id("a"), b = id("a/b");
    auto renamed = account->renameMailbox("a", "a/b/x");
    CHECK_MSG(renamed ? "" : renamed.error().text, renamed.has_value());
    CHECK_EQ(std::string("Inbox; Sent; a; a/b; a/b/x; a/b/x/b"), allNames());
    CHECK(id("a/b/x") == a && id("a/b/x/b") == b && id("a") != a);
    CHECK_EQ(std::size_t{2}, renamed->created.size());
    checkSound();
  }

  void renameUp() {
    account->createMailbox("a/a/c");
    CHECK(account->renameMailbox("a/a", "a").error().code == Errc::exists);
    CHECK(account->renameMailbox("a/a", "b").has_value());
    CHECK_EQ(std::string("Inbox; Sent; a; b; b/c"), allNames());
    checkSound();
  }

  void renameInbox() {
    account->createMailbox("Inbox/child");
    deliverMany(3, inbox);
    account->expunge(inbox, uidList({2}), false);
    auto before = row(inbox);
    CHECK(account->setAnnotations(inbox, {{"/private/comment", "mine", true}}).has_value());
    CHECK(account->renameMailbox("Inbox", "old/mail").has_value());
    CHECK_EQ(std::string("Inbox; Inbox/child; Sent; old; old/mail"), allNames());
    CHECK(row(inbox).uidValidity == before.uidValidity && row(inbox).uidNext == before.uidNext);
    CHECK(uids(inbox).empty());
    CHECK_EQ(std::string("1 2"), show(uids(id("old/mail"))));
    CHECK_EQ(std::string("1 2 3"), show(*account->reader().expungedSince(inbox, ModSeq(1))));
    CHECK_EQ(std::string("mine"), account->reader().annotations(id("old/mail"))[0].value);
    CHECK_EQ(std::uint32_t{4}, deliver(Mail(), inbox).uid.value);
    checkSound();
  }

  void subscriptions() {
    CHECK(account->subscribe("not/there").has_value());
    CHECK(account->subscribe("not//there").error().code == Errc::syntax);
    CHECK_EQ(std::string("Inbox; Sent; not/there"), show(account->reader().subscriptions()));
    CHECK(account->unsubscribe("not/there").has_value());
    CHECK(account->unsubscribe("not/there").error().code == Errc::notFound);
    CHECK(account->unsubscribe("Sent").has_value());
    CHECK(account->unsubscribe("Sent").has_value());
    CHECK(!row(sent).subscribed);
  }

  void annotations() {
    std::string binary("a\0b", 3);
    CHECK(account->setAnnotations(inbox, {{"/private/comment", "x", true}, {"/shared/comment", binary, false}}).has_value());
    CHECK(account->setAnnotations(MailboxId(), {{"/shared/comment", "server", true}}).has_value());
    auto got = account->reader().annotations(inbox);
    CHECK_EQ(std::size_t{2}, got.size());
    CHECK_EQ(binary, got[1].value);
    CHECK(!got[1].isString);
    CHECK(account->setAnnotations(inbox, {{"/private/comment", std::nullopt, true}, {"/private/x", std::string(1 << 20, 'x'), true}}).error().code ==
          Errc::tooLong);
    CHECK_EQ(std::size_t{2}, account->reader().annotations(inbox).size());
    CHECK(account->setAnnotations(inbox, {{"/private/comment", std::nullopt, true}}).has_value());
    CHECK_EQ(std::size_t{1}, account->reader().annotations(inbox).size());
    CHECK_EQ(std::string("server"), account->reader().annotations(MailboxId())[0].value);
    CHECK(account->setAnnotations(MailboxId(88), {}).error().code == Errc::notFound);
    // What changes nothing is no change.
    CHECK(!*account->setAnnotations(MailboxId(), {{"/shared/comment", "server", true}, {"/shared/none", std::nullopt, true}}));
    auto changed = *account->setAnnotations(MailboxId(), {{"/shared/comment", "other", true}});
    CHECK(changed == account->reader().modSeq());
  }

  void annotationLimits() {
    std::vector<AnnotationChange> many;
    for (std::int64_t i = 0; i < annotationEntries.value; ++i) many.push_back({"/private/" + std::to_string(i), "x", true});
    CHECK(account->setAnnotations(inbox, many).has_value());
    CHECK(account->setAnnotations(MailboxId(), {{"/private/more", "x", true}}).error().code == Errc::tooMany);
    CHECK(account->setAnnotations(MailboxId(), {{"/private/more", std::nullopt, true}}).has_value());
    CHECK(account->setAnnotations(inbox, {{"/private/0", "y", true}}).has_value());
    for (auto& one : many) one.value.reset();
    CHECK(account->setAnnotations(inbox, many).has_value());
    CHECK_EQ(std::int64_t{0}, account->reader().annotationUse().entries);
    std::string key = "/private/large";
    auto room = static_cast<std::size_t>(annotationBytes.value) - key.size();
    CHECK(account->setAnnotations(inbox, {{key, std::string(room, 'x'), true}}).has_value());
    CHECK_EQ(annotationBytes.value, account->reader().annotationUse().bytes);
    CHECK(account->setAnnotations(inbox, {{key, std::string(room + 1, 'x'), true}}).error().code == Errc::tooLong);
    CHECK(account->setAnnotations(MailboxId(), {{"/a", "", true}}).error().code == Errc::tooLong);
    CHECK(account->setAnnotations(inbox, {{key, "less", true}}).has_value());
  }

  void subscriptionLimit() {
    auto count = account->reader().subscriptions().size();
    std::vector<std::string> names;
    // Filled where it is cheap: the limit is what is tested, not 20,000 commits.
    for (; count < static_cast<std::size_t>(store::subscriptionLimit.value); ++count) names.push_back("n" + std::to_string(count));
    Db db(account->directory() + "/account.db");
    {
      Tx tx(db);
      auto insert = db.prepare("INSERT INTO subscription(name) VALUES(?)");
      for (const auto& name : names) insert.bind(name).run();
      tx.commit();
    }
    CHECK(account->subscribe("one/more").error().code == Errc::tooMany);
    CHECK(account->unsubscribe("n100").has_value());
    CHECK(account->subscribe("one/more").has_value());
  }
};
SUITE(MailboxesTest);

}  // namespace mox::store::test
