// Accounts of earlier formats open, with all they have.
#include "store/Db.h"
#include "store/Schema.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

struct SchemaTest : mox::test::Suite<SchemaTest>, AccountFixture {
  SchemaTest() : AccountFixture(false) {}
  static void list(List& l) {
    l.add("format 2", &SchemaTest::format2);
  }

  void format2() {
    files.makeDirectory(directory / "alice");
    {
      Db db(directory / "alice/account.db");
      migrateAccount(db, clock.now(), 2);
      CHECK_EQ(std::int64_t{2}, db.scalar("PRAGMA user_version"));
      db.exec(R"(
INSERT INTO mailbox(id, name, uidvalidity, uidnext, createseq, modseq, uses, keywords, total, deleted, unseen, unread, size, deleted_size)
VALUES(1, 'Inbox', 7, 12, 2, 9, 0, 'work', 2, 1, 1, 0, 10, 5);
UPDATE state SET modseq=9, next_uidvalidity=8, next_message=6, next_content=4, message_bytes=10, message_count=2;
INSERT INTO content(id, size, file, body) VALUES(3, 5, NULL, x'48656c6c6f');
INSERT INTO structure(content, header_size, envelope, body, bodystructure, preview, recipients, part_tree)
VALUES(3, 2, x'28652965', x'286229', x'28627329', 'a preview', 'a@b.example', x'01');
INSERT INTO message(id, mailbox, uid, modseq, createseq, flags, keywords, content, size, received, saved, thread, parent, traits, message_id,
 subject_base, judged, original_mailbox, validations, msgfrom_domain, msgfrom_localpart, dkim_domains)
VALUES(4, 1, 10, 8, 3, 1, 'work', 3, 5, 1700000000, 1700000001, 4, NULL, 1, 'id@x', 'plan', 0, 1, 0, NULL, NULL, NULL),
 (5, 1, 11, 9, 9, 72, '', 3, 5, 1700000002, 1700000003, 4, 4, 0, 'id2@x', 'plan', 1, 1, 0, 'x.example', 'me', 'x.example');
INSERT INTO judged_dkim VALUES('x.example', 1700000002, 5);
)");
    }
    reopen();
    inbox = id("Inbox");
    auto view = account->snapshot(inbox);
    CHECK_EQ(std::size_t{2}, view->size());
    CHECK_EQ(std::int64_t{8}, view->at(0).modSeq.value);
    CHECK(view->keywords(view->at(0)) == Keywords{"work"});
    CHECK_EQ(FlagBits{72}, view->at(1).flags);
    CHECK_EQ(std::int64_t{1'700'000'002}, view->at(1).received);
    auto look = account->reader();
    auto message = look.message(inbox, Uid(11));
    CHECK(message && message->id == MessageId(5) && message->content == ContentId(3) && message->createSeq == ModSeq(9));
    CHECK_EQ(std::string("x.example"), show(message->origin.dkimDomains));
    CHECK_EQ(std::string("me"), message->origin.msgFromLocalpart);
    CHECK(look.message(MessageId(4))->flags == flags(bit(Flag::seen), {"work"}));
    CHECK(look.message(MessageId(4))->isMailingList);
    CHECK_EQ(std::size_t{1}, look.withMessageId("id@x").size());
    auto structure = look.structure(MessageId(4));
    CHECK(structure && structure->bodyStructure == "(b)" && structure->bodyStructureExtended == "(bs)" && structure->preview == "a preview");
    CHECK_EQ(std::string("Hello"), std::string(look.content(MessageId(5)).view()));
    // It goes on as any other.
    CHECK(account->copy(inbox, uidList({10}), account->createMailbox("Other", 0)->created.front().id).has_value());
    CHECK(account->expunge(inbox, uidList({11}), true).has_value());
    checkSound();
  }
};
SUITE(SchemaTest);

}  // namespace mox::store::test
