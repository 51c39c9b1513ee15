// What repairs make of an account that was damaged on purpose.
#include "store/Repair.h"

#include "message/SortFacts.h"
#include "store/Db.h"
#include "store/StoreFixture.h"

using namespace mox;
using namespace mox::store;
using namespace mox::store::test;

struct RepairTest : mox::test::Suite<RepairTest> {
  static void list(List& l) {
    l.add("counts and quota", &RepairTest::counts);
    l.add("sizes", &RepairTest::sizes);
    l.add("UIDs anew", &RepairTest::uids);
    l.add("UIDNEXT and UIDVALIDITY", &RepairTest::uidMeta);
    l.add("structures", &RepairTest::structures);
    l.add("who no longer wants structures anew ends it, and keeps those of the batches before", &RepairTest::endedEarly);
    l.add("threads as delivery makes them", &RepairTest::threads);
  }

  AccountFixture f;

  /// Behind the account's back.
  void damageAt(const std::string& sql) {
    auto file = f.account->directory() + "/account.db";
    f.account.reset();
    { Db(file).exec(sql.c_str()); }
    f.reopen();
  }

  void counts() {
    f.deliverMany(3, f.inbox);
    damageAt("UPDATE mailbox SET total=7, unseen=1 WHERE name='Inbox'; UPDATE state SET message_bytes=1, message_count=9");
    CHECK(!verify(*f.account, f.files).empty());
    CHECK_EQ(std::size_t{3}, Repair(*f.account).recount());
    f.checkSound();
    CHECK_EQ(std::size_t{0}, Repair(*f.account).recount());
  }

  void sizes() {
    auto uids = f.deliverMany(2, f.inbox);
    f.deliver(mailOfSize(300'000), f.inbox);
    CHECK(f.account->copy(f.inbox, uids, f.sent).has_value());
    damageAt("UPDATE message SET size=5 WHERE uid=1; UPDATE content SET size=9 WHERE file IS NOT NULL");
    CHECK(Repair(*f.account).fixMessageSizes() > 0);
    f.checkSound();
  }

  void uids() {
    f.deliverMany(5, f.inbox);
    CHECK(f.account->expunge(f.inbox, uidList({1, 3}), false).has_value());
    auto before = f.row(f.inbox).uidValidity;
    CHECK_EQ(std::size_t{3}, *Repair(*f.account).reassignUids("Inbox"));
    CHECK_EQ(std::string("1 2 3"), show(f.uids(f.inbox)));
    CHECK(f.row(f.inbox).uidValidity > before);
    CHECK_EQ(std::uint32_t{4}, f.row(f.inbox).uidNext.value);
    f.checkSound();
    CHECK(!Repair(*f.account).reassignUids("Missing"));
    auto sent = f.row(f.sent).uidValidity;
    CHECK_EQ(std::size_t{2}, *Repair(*f.account).bumpUidValidity(""));
    CHECK(f.row(f.sent).uidValidity > sent);
    f.checkSound();
  }

  void uidMeta() {
    f.deliverMany(3, f.inbox);
    damageAt("UPDATE mailbox SET uidnext=2 WHERE name='Inbox'; UPDATE state SET next_uidvalidity=1");
    CHECK_EQ(std::size_t{1}, *Repair(*f.account).fixUidMeta());
    CHECK_EQ(std::uint32_t{4}, f.row(f.inbox).uidNext.value);
    f.checkSound();
  }

  /// In their packed form.
  std::vector<std::string> sortFacts(MailboxId mailbox) {
    std::vector<std::string> out;
    f.account->reader().forEachSortFacts(mailbox, Uid(1), Uid(100), [&](Uid, std::string_view facts) { out.emplace_back(facts); });
    return out;
  }

  void structures() {
    const std::string mail = "Subject: =?utf-8?q?h=C3=BC?=\r\nList-Id: <x>\r\nMessage-ID: <a@b>\r\n\r\nthe text\r\n";
    auto made = f.deliver(Mail(mail), f.inbox);
    f.deliver(mailOfSize(300'000), f.inbox);
    damageAt("DELETE FROM structure WHERE content=(SELECT content FROM message WHERE uid=1)");
    CHECK_EQ(std::size_t{1}, Repair(*f.account).reparse(true));
    auto structure = f.account->reader().structure(made.id);
    CHECK(structure && structure->preview == "the text" && message::decode(structure->partTree));
    damageAt("UPDATE bodystructure SET sort_facts=NULL WHERE content=(SELECT content FROM message WHERE uid=1)");
    CHECK_EQ(std::size_t{1}, Repair(*f.account).reparse(true));
    auto facts = sortFacts(f.inbox);
    CHECK_EQ(std::size_t{2}, facts.size());
    CHECK_EQ(message::packSortFacts(message::parse(mail)), facts.front());
    CHECK_EQ(std::size_t{2}, Repair(*f.account).reparse(false));
    auto row = f.account->reader().message(made.id);
    CHECK_EQ(std::string("a@b"), row->messageId);
    CHECK(row->isMailingList);
    VerifyOptions options;
    auto look = f.account->reader();
    CHECK_EQ(std::string(), show(verifyAccount(look.db(), f.files, f.account->directory(), options)));
  }

  void endedEarly() {
    f.deliverMany(repairBatch + 2, f.inbox);
    damageAt("DELETE FROM structure");
    std::vector<std::size_t> told;
    CHECK_THROWS(std::runtime_error, Repair(*f.account).reparse(true, [&](std::size_t count) {
      told.push_back(count);
      throw std::runtime_error("nobody listens");
    }));
    CHECK(told == std::vector{repairBatch});
    CHECK_EQ(std::size_t{2}, Repair(*f.account).reparse(true));
  }

  void threads() {
    auto put = [&](const std::string& text) {
      Mail mail(text);
      mail.parsed = message::parse(mail.data);
      return f.deliver(mail, f.inbox);
    };
    auto first = put("Message-ID: <1@x>\r\nSubject: a\r\n\r\n");
    auto reply = put("Message-ID: <2@x>\r\nIn-Reply-To: <1@x>\r\nSubject: Re: a\r\n\r\n");
    auto other = put("Message-ID: <3@x>\r\nIn-Reply-To: <1@x>\r\nSubject: b\r\n\r\n");
    auto bySubject = put("Message-ID: <4@x>\r\nSubject: Re: b\r\n\r\n");
    auto same = put("Message-ID: <2@x>\r\nSubject: copy\r\n\r\n");
    CHECK_EQ(first.thread.value, reply.thread.value);
    CHECK_EQ(std::size_t{0}, Repair(*f.account).reassignThreads());
    damageAt("UPDATE message SET thread=id, parent=NULL");
    CHECK_EQ(std::size_t{3}, Repair(*f.account).reassignThreads());
    for (const auto& one : {first, reply, other, bySubject, same}) CHECK_EQ(one.thread.value, f.account->reader().message(one.id)->thread.value);
    f.checkSound();
  }
};
SUITE(RepairTest);
