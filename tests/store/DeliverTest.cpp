#include "store/Account.h"
#include "store/GroupCommit.h"
#include "store/Spool.h"
#include "store/StoreFixture.h"

namespace mox::store::test {

struct DeliverTest : mox::test::Suite<DeliverTest>, AccountFixture {
  static void list(List& l) {
    l.add("what goes in comes out", &DeliverTest::roundTrip);
    l.add("large bodies are files", &DeliverTest::largeBodies);
    l.add("a spool is written over", &DeliverTest::overwritten);
    l.add("several at once, all or none", &DeliverTest::allOrNone);
    l.add("quota", &DeliverTest::quota);
    l.add("quota of messages; octets with \\Deleted", &DeliverTest::messageQuota);
    l.add("replace", &DeliverTest::replace);
    l.add("one commit, few statements", &DeliverTest::statements);
    l.add("threads", &DeliverTest::threads);
    l.add("threads by subject", &DeliverTest::threadsBySubject);
    l.add("muted threads", &DeliverTest::muted);
    l.add("reopening", &DeliverTest::reopening);
    l.add("a damaged body is an error", &DeliverTest::damagedBody);
  }

  void roundTrip() {
    Mail mail("Subject: x\r\n\r\nline\0with NUL and \xff\r\n");
    mail.id("a@example.org").subject("x");
    auto message = mail.in(inbox, flags(bit(Flag::flagged), {"later", "work"}));
    message.prefix = "Received: by us\r\n";
    message.origin.remoteIp = IpAddress::parse("2001:db8:1:2:3::4");
    message.origin.ehloDomain = "mail.example.net";
    message.origin.msgFromLocalpart = "bob";
    message.origin.msgFromDomain = "example.net";
    message.origin.msgFromValidated = true;
    message.origin.msgFromValidation = Validation::dmarc;
    message.origin.dkimDomains = {"example.net", "relay.example"};
    auto delivered = account->deliver({message});
    CHECK(delivered.has_value());
    CHECK_EQ(std::uint32_t{1}, delivered->front().uid.value);

    auto reader = account->reader();
    auto row = reader.message(inbox, Uid(1));
    CHECK(row.has_value());
    CHECK(row->flags == message.flags);
    CHECK_EQ(message.prefix.size() + mail.data.size(), static_cast<std::size_t>(row->size));
    CHECK_EQ(std::string("a@example.org"), row->messageId);
    CHECK(row->received == message.received);
    CHECK(row->saved == std::chrono::floor<std::chrono::seconds>(clock.now()));
    CHECK_EQ(std::string("2001:db8:1:2:3::4"), row->origin.remoteIp->text());
    CHECK(row->origin.msgFromValidated && !row->origin.mailFromValidated);
    CHECK(row->origin.msgFromValidation == Validation::dmarc);
    CHECK_EQ(std::size_t{2}, row->origin.dkimDomains.size());
    auto content = reader.content(row->id);
    CHECK_EQ(message.prefix + mail.data, std::string(content.view()));
    CHECK_EQ(std::string("ived"), content.read(4, 4));
    CHECK_EQ(std::string(), content.read(10'000, 4));
    CHECK_EQ(std::string("Received: by"), *reader.head(row->id, 12));
    auto structure = reader.structure(row->id);
    CHECK_EQ(std::string("(envelope)"), structure->envelope);
    CHECK_EQ(std::string("tree\0with NUL", 13), structure->partTree);
    std::string out;
    CHECK(reader.appendEnvelope(row->content, out) && reader.appendBodyStructure(row->content, true, out) && reader.appendBodyStructure(row->content, false, out));
    CHECK_EQ(std::string("(envelope)(bodystructure)(body)"), out);
    CHECK_EQ(std::size_t{1}, reader.withMessageId("a@example.org").size());
    CHECK(!reader.message(inbox, Uid(2)) && !reader.content(MessageId(99)) && !reader.head(MessageId(99), 1));
    checkSound();
  }

  void largeBodies() {
    auto mail = mailOfSize(bodyInlineLimit + 1);
    auto plain = deliver(mail, inbox);
    Spool spool(files, directory / "tmp");
    for (std::size_t i = 0; i < mail.data.size(); i += 10'000) spool.append(std::string_view(mail.data).substr(i, 10'000));
    spool.finish();
    CHECK(spool.isFile());
    auto message = mail.in(inbox);
    message.data = {};
    message.spool = &spool;
    message.prefix = "Received: x\r\n";
    auto twice = account->deliver({message, message});
    CHECK(twice.has_value());
    auto reader = account->reader();
    CHECK_EQ(mail.data, std::string(reader.content(plain.id).view()));
    auto content = reader.content((*twice)[1].id);
    CHECK_EQ(message.prefix + mail.data, std::string(content.view()));
    CHECK_EQ((message.prefix + mail.data).substr(8, 20), content.read(8, 20));
    CHECK_EQ(mail.data.substr(200'000, 9), content.read(200'000 + message.prefix.size(), 9));
    CHECK_EQ(message.prefix + "Subject", *reader.head((*twice)[0].id, message.prefix.size() + 7));
    checkSound();

    CHECK(account->expunge(inbox, {plain.uid, (*twice)[0].uid, (*twice)[1].uid}, false).has_value());
    CHECK_EQ(message.prefix + mail.data, std::string(content.view()));
    account->maintain();
    CHECK_EQ(mail.data.substr(3, 5), content.read(3 + message.prefix.size(), 5));
    CHECK(!reader.content(plain.id) || reader.content(plain.id).size() == mail.data.size());
    checkSound();
    CHECK_EQ(std::size_t{0}, files.list(directory / "alice/bodies/0").size());
  }

  void overwritten() {
    for (std::size_t size : {std::size_t{1'000}, bodyInlineLimit + 1}) {
      auto mail = mailOfSize(size);
      auto wanted = mail.data;
      wanted.replace(3, 5, "other");
      Spool spool(files, directory / "tmp");
      spool.append(mail.data);
      spool.finish();
      auto before = spool.data();
      spool.overwrite(3, "other");
      CHECK_EQ(wanted, std::string(before));
      CHECK_THROWS(std::logic_error, spool.overwrite(wanted.size() - 1, "xx"));
      auto message = mail.in(inbox);
      message.data = {};
      message.spool = &spool;
      auto stored = account->deliver({message});
      CHECK(stored.has_value());
      CHECK_EQ(wanted, std::string(account->reader().content(stored->at(0).id).view()));
    }
  }

  void allOrNone() {
    Mail mail;
    auto large = mailOfSize(bodyInlineLimit * 2);
    auto failed = account->deliver({mail.in(inbox), large.in(inbox), mail.in(MailboxId(99))});
    CHECK(!failed && failed.error().code == Errc::notFound);
    CHECK_EQ(std::int64_t{0}, row(inbox).counts.total);
    CHECK(uids(inbox).empty());
    checkSound();
    auto delivered = account->deliver({mail.in(inbox), large.in(sent), mail.in(inbox)});
    CHECK(delivered.has_value());
    CHECK_EQ(std::string("1 2"), show(uids(inbox)));
    CHECK_EQ(std::string("1"), show(uids(sent)));
    CHECK((*delivered)[0].modSeq == (*delivered)[2].modSeq);
    checkSound();
  }

  void quota() {
    Mail mail;
    auto size = static_cast<std::int64_t>(mail.data.size());
    DeliverOptions options;
    options.quota = 2 * size;
    CHECK(account->deliver({mail.in(inbox)}, options).has_value());
    auto failed = account->deliver({mail.in(inbox), mail.in(inbox)}, options);
    CHECK(!failed && failed.error().code == Errc::overQuota);
    CHECK(account->deliver({mail.in(inbox)}, options).has_value());
    CHECK_EQ(2 * size, account->reader().messageBytes());
    CopyOptions copyOptions;
    copyOptions.quota = options.quota;
    auto copied = account->copy(inbox, uidList({1}), sent, copyOptions);
    CHECK(!copied && copied.error().code == Errc::overQuota);
    CHECK(account->move(inbox, uidList({1}), sent, copyOptions).has_value());
    CHECK(account->expunge(inbox, uidList({2}), false).has_value());
    CHECK_EQ(size, account->reader().messageBytes());
    CHECK(account->deliver({mail.in(inbox)}, options).has_value());
    checkSound();
  }

  void messageQuota() {
    Mail mail;
    auto size = static_cast<std::int64_t>(mail.data.size());
    DeliverOptions options;
    options.quotaMessages = 2;
    CHECK(account->deliver({mail.in(inbox)}, options).has_value());
    CHECK(account->deliver({mail.in(inbox), mail.in(inbox)}, options).error().code == Errc::overQuota);
    CHECK(account->deliver({mail.in(inbox)}, options).has_value());
    CHECK_EQ(std::int64_t{2}, account->reader().messageCount());
    CopyOptions copyOptions;
    copyOptions.quotaMessages = 2;
    CHECK(account->copy(inbox, uidList({1}), sent, copyOptions).error().code == Errc::overQuota);
    CHECK(account->move(inbox, uidList({1}), sent, copyOptions).has_value());
    CHECK_EQ(std::int64_t{2}, account->reader().messageCount());
    FlagChange change{FlagChange::Mode::add, {}, {}};
    change.flags.set(Flag::deleted);
    CHECK(account->setFlags(inbox, uidList({2}), change).has_value());
    CHECK_EQ(size, account->reader().mailbox(inbox)->counts.deletedSize);
    CHECK(account->copy(inbox, uidList({2}), sent).has_value());
    CHECK_EQ(size, account->reader().mailbox(sent)->counts.deletedSize);
    checkSound();
    CHECK(account->expunge(inbox, uidList({2}), true).has_value());
    CHECK_EQ(std::int64_t{0}, account->reader().mailbox(inbox)->counts.deletedSize);
    // Lowered below what there is: nothing more goes in, but what replaces may.
    options.quotaMessages = 1;
    CHECK(account->deliver({mail.in(inbox)}, options).error().code == Errc::overQuota);
    options.expungeFrom = sent;
    options.expunge = uidList({1});
    CHECK(account->deliver({mail.in(inbox)}, options).has_value());
    checkSound();
  }

  void replace() {
    auto first = deliver(Mail(), inbox);
    DeliverOptions options;
    options.expungeFrom = inbox;
    options.expunge = {first.uid};
    options.quota = static_cast<std::int64_t>(Mail().data.size());
    auto replaced = account->deliver({Mail().in(sent)}, options);
    CHECK(replaced.has_value());
    CHECK(uids(inbox).empty());
    CHECK_EQ(std::string("1"), show(uids(sent)));
    CHECK_EQ(std::string("1"), show(*account->reader().expungedSince(inbox, ModSeq(1))));
    // What is gone is passed over, unless it must be there: then nothing is stored.
    options.quota = -1;
    CHECK(account->deliver({Mail().in(sent)}, options).has_value());
    options.expungeMustExist = true;
    auto refused = account->deliver({Mail().in(sent)}, options);
    CHECK(!refused && refused.error().code == Errc::conflict);
    CHECK_EQ(std::string("1 2"), show(uids(sent)));
    checkSound();
  }

  void statements() {
    deliver(Mail().id("first@x"), inbox);
    auto before = account->writer().counts();
    deliver(Mail().id("second@x"), inbox);
    auto after = account->writer().counts();
    CHECK_EQ(before.commits + 1, after.commits);
    CHECK_MSG(std::to_string(after.statements - before.statements), after.statements - before.statements <= 13);
  }

  void threads() {
    auto root = deliver(Mail().id("root@x").subject("plan"), inbox);
    auto other = deliver(Mail().id("other@x").subject("plan"), inbox);
    CHECK(root.thread.value == root.id.value && other.thread != root.thread);
    auto reply = deliver(Mail().id("reply@x").subject("plan", true).references({"missing@x", "root@x"}), inbox);
    CHECK(reply.thread == root.thread);
    CHECK(deliver(Mail().id("deep@x").subject("plan", true).references({"root@x", "reply@x"}), sent).thread == root.thread);
    // A known reference with another subject is a new topic; for a DSN the subject says nothing.
    CHECK(deliver(Mail().id("new@x").subject("other topic").references({"root@x"}), inbox).thread != root.thread);
    Mail dsn;
    dsn.id("dsn@x").subject("failure").references({"root@x"});
    dsn.parsed.isDsn = true;
    CHECK(deliver(dsn, inbox).thread == root.thread);
    // The same message again is in the same thread.
    CHECK(deliver(Mail().id("other@x").subject("plan"), inbox).thread == other.thread);
    checkSound();
  }

  void threadsBySubject() {
    auto at = [&](const Mail& mail, MailboxId mailbox, std::chrono::seconds shift) {
      auto message = mail.in(mailbox);
      message.received += shift;
      return account->deliver({message})->front();
    };
    using std::chrono::hours;
    auto first = at(Mail().id("a@x").subject("lunch"), inbox, hours(0));
    CHECK(at(Mail().id("b@x").subject("lunch", true), inbox, hours(24)).thread == first.thread);
    CHECK(at(Mail().id("c@x").subject("lunch", false), inbox, hours(24)).thread != first.thread);
    CHECK(at(Mail().id("d@x").subject("lunch", true), sent, hours(24)).thread != first.thread);
    CHECK(at(Mail().id("e@x").subject("lunch", true).references({"gone@x"}), inbox, hours(24)).thread != first.thread);
    CHECK(at(Mail().id("f@x").subject("lunch", true), inbox, hours(24 * 90)).thread != first.thread);
    CHECK(at(Mail().id("g@x").subject("", true), inbox, hours(1)).thread != first.thread);
  }

  void muted() {
    auto root = deliver(Mail().id("root@x").subject("noise"), inbox);
    auto early = deliver(Mail().id("early@x").subject("noise", true).references({"root@x"}), inbox);
    account->setThreadMuted(root.thread, true);
    auto late = deliver(Mail().id("late@x").subject("noise", true).references({"early@x"}), inbox);
    auto reader = account->reader();
    CHECK(!reader.message(early.id)->flags.has(Flag::seen));
    CHECK(reader.message(late.id)->flags.has(Flag::seen));
    CHECK(reader.message(late.id)->muted);
    CHECK_EQ(std::int64_t{2}, row(inbox).counts.unseen);
    account->setThreadMuted(root.thread, false);
    auto after = deliver(Mail().id("after@x").subject("noise", true).references({"late@x"}), inbox);
    CHECK(!account->reader().message(after.id)->flags.has(Flag::seen));
    checkSound();
  }

  void reopening() {
    auto mail = mailOfSize(bodyInlineLimit + 5);
    auto made = deliver(mail, inbox);
    // What a crash between placing the file and the commit leaves, beside a WAL.
    files.create(directory / "alice/bodies/0/4711");
    auto validity = row(inbox).uidValidity;
    account.reset();
    files.create(directory / "alice/account.db-wal");
    reopen();
    CHECK_EQ(mail.data, std::string(account->reader().content(made.id).view()));
    CHECK(row(inbox).uidValidity == validity);
    CHECK_EQ(std::int64_t{-1}, files.size(directory / "alice/bodies/0/4711"));
    CHECK(files.list(directory / "alice/moved").empty());
    CHECK(deliver(mail, inbox).uid == made.uid.next());
    checkSound();
  }

  void damagedBody() {
    auto made = deliver(mailOfSize(bodyInlineLimit + 5), inbox);
    auto path = directory / "alice/bodies/0/1";
    files.rename(path, path + "x");
    CHECK_THROWS(FileError, account->reader().content(made.id));
    CHECK(!verify(*account, files).empty());
    auto fd = files.create(path);
    files.write(fd.get(), "short");
    CHECK_THROWS(FileError, account->reader().content(made.id));
  }
};
SUITE(DeliverTest);

}  // namespace mox::store::test
