#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include "transfer/Fixture.h"

using namespace mox;
using namespace mox::transfer;
using namespace mox::transfer::test;

namespace {

std::string mboxOf(const std::vector<std::string>& bodies) {
  std::string out;
  for (const auto& body : bodies) out += "From a Mon Jan  2 15:04:05 2006\nSubject: x\n\n" + body + "\n\n";
  return out;
}

std::string inMailbox(const std::string& flags, const std::string& text) { return flags + " 2006-01-02T15:04:05Z " + text; }

}  // namespace

struct ImportTest : mox::test::Suite<ImportTest>, Fixture {
  static void list(List& l) {
    l.add("a maildir with folders, flags and dates", &ImportTest::maildir);
    l.add("an mbox imported twice is there once", &ImportTest::twice);
    l.add("equal messages in one mbox are all taken, across batches too", &ImportTest::equalMessages);
    l.add("what was deleted stays away, unless again", &ImportTest::again);
    l.add("an import that was stopped goes on", &ImportTest::resumed);
    l.add("junk by the mailbox's name", &ImportTest::junk);
    l.add("dates from Received and Date", &ImportTest::dates);
    l.add("the quota ends it, and what fitted is there", &ImportTest::quota);
    l.add("a message with too many keywords is named, the others are stored", &ImportTest::oneRefused);
    l.add("what is no mail is named", &ImportTest::noMail);
    l.add("mail under the names of files that programs keep beside it", &ImportTest::companions);
    l.add("mail that is not read is counted, and a folder without any is an error", &ImportTest::notRead);
    l.add("a file that may not be read is counted", &ImportTest::deniedFile);
    l.add("symbolic links are not followed, but counted", &ImportTest::symlinks);
    l.add("a folder that cannot be read is named, the others are imported", &ImportTest::unreadFolder);
    l.add("another server's messages are followed: flags, removals, and what was changed here stays", &ImportTest::follows);
    l.add("one import at a time", &ImportTest::oneAtATime);
    l.add("large bodies", &ImportTest::largeBodies);
    l.add("an mbox of bare From lines under a folder's name", &ImportTest::mboxFolder);
  }

  /// An import of what another server has: UIDs and flags of one mailbox. Messages up to `known` came before.
  void importFrom(const std::map<std::uint32_t, std::string>& there, std::uint32_t known, bool removes, bool isComplete = true) {
    ImportListener listener;
    listener.progress = [](const ImportCounts&) {};
    listener.problem = [&](const std::string& where, const std::string& reason) { problems.push_back(where + ": " + reason); };
    ImportOptions options;
    options.removes = removes;
    auto importer = *Importer::make({*accounts, clock, random, limits}, account("a"), options, listener);
    SourceState state{77, 1, known, {}, isComplete};
    for (const auto& [uid, words] : there) {
      imap::Flags flags;
      if (!words.empty()) CHECK(flags.add(words));
      if (uid <= known) {
        state.there[uid] = flags;
        continue;
      }
      importer->begin({"", flags, std::nullopt, "", 77, uid});
      importer->append("Subject: " + std::to_string(uid) + "\r\n\r\nx\r\n");
      CHECK(importer->end({}).has_value());
    }
    CHECK(importer->follow(state).has_value());
    CHECK(importer->finish().has_value());
    counts = importer->counts();
  }

  /// "1(\\Seen) 3()": subjects and flags of a mailbox.
  std::string inbox(const std::string& name = "Inbox") {
    std::string out;
    auto look = account("a")->reader();
    look.forEach(look.mailbox(name).value().id, Uid(1), [&](const store::MessageRow& row) {
      out += (out.empty() ? "" : " ") + row.subjectBase + imap::flagsText(row.flags);
      return true;
    });
    return out;
  }

  void follows() {
    importFrom({{1, ""}, {2, "\\Seen"}, {3, ""}, {4, "custom"}, {5, ""}, {6, ""}}, 0, false);
    auto a = account("a");
    auto id = a->reader().mailbox(std::string_view("Inbox")).value().id;
    auto moved = a->createMailbox("moved")->created.back().id;
    store::FlagChange flagged{store::FlagChange::Mode::add, {}, {}};
    flagged.flags.set(imap::Flag::flagged);
    CHECK(a->setFlags(id, {Uid(3), Uid(5)}, flagged).has_value());
    CHECK(a->move(id, {Uid(6)}, moved).has_value());
    // 1 was read there, 2 unread, 4 lost its keyword, 5 was answered there and flagged here, 6 was moved here.
    importFrom({{1, "\\Seen"}, {2, ""}, {3, ""}, {4, ""}, {5, "\\Answered"}, {6, "\\Seen"}}, 6, false);
    CHECK_EQ(std::string("1(\\Seen) 2() 3(\\Flagged) 4() 5(\\Answered \\Flagged)"), inbox());
    CHECK_EQ(std::string("6()"), inbox("moved"));
    CHECK_EQ(std::uint64_t(4), counts.changed);
    // The same once more changes nothing; nor does one that tells of changes only.
    importFrom({{1, "\\Seen"}, {2, ""}, {3, ""}, {4, ""}, {5, "\\Answered"}}, 6, false);
    CHECK_EQ(std::uint64_t(0), counts.changed);
    importFrom({{2, "\\Draft"}}, 6, true, false);
    CHECK_EQ(std::string("1(\\Seen) 2(\\Draft) 3(\\Flagged) 4() 5(\\Answered \\Flagged)"), inbox());
    // Gone there: only with `removes`, and never what somebody here has touched.
    importFrom({{4, ""}}, 6, false);
    CHECK_EQ(std::uint64_t(0), counts.removed);
    importFrom({{4, ""}, {7, ""}}, 6, true);
    CHECK_EQ(std::string("3(\\Flagged) 4() 5(\\Answered \\Flagged) 7()"), inbox());
    CHECK_EQ(std::uint64_t(2), counts.removed);
    CHECK_EQ(std::string("6()"), inbox("moved"));
    CHECK(problems.empty());
    // With the mailbox goes what is kept of its messages.
    a->forgetOrigins(77);
    CHECK(a->reader().importOrigins(77, Uid(1), Uid(100), 100).empty());
    checkSound("a");
  }

  void maildir() {
    directory.write("md/cur/1136214245.1:2,FSa", "Subject: one\nTo: x\n\nbody\n");
    directory.write("md/new/1136214246.2", "Subject: two\r\n\r\nbody");
    directory.write("md/tmp/1136214247.3", "Subject: never\n\n");
    directory.write("md/dovecot-keywords", "0 Project\n");
    directory.write("md/dovecot-uidlist", "3 V1 N1\n");
    directory.write("md/.Lists.mox/cur/1:2,R", "Subject: three\n\n");
    directory.write("md/.Empty/cur/.keep", "");
    for (const char* name : {"md/cur/1136214245.1:2,FSa", "md/new/1136214246.2", "md/.Lists.mox/cur/1:2,R"}) {
      timespec times[2] = {{1'136'214'245, 0}, {1'136'214'245, 0}};
      CHECK_EQ(0, ::utimensat(AT_FDCWD, (directory / name).c_str(), times, 0));
    }
    CHECK(import("a", "md", {"Inbox"}).has_value());
    Holdings wanted{"[Inbox]", inMailbox("(\\Seen \\Flagged project)", "Subject: one\r\nTo: x\r\n\r\nbody\r\n"), inMailbox("()", "Subject: two\r\n\r\nbody"),
                    "[Empty]", "[Lists]", "[Lists/mox]", inMailbox("(\\Answered)", "Subject: three\r\n\r\n")};
    CHECK_EQ(show(wanted), show(holdings("a")));
    CHECK(problems.empty());
    CHECK(import("b", "md", {"Old/mail"}).has_value());
    CHECK_EQ(std::string("[Old/mail/Lists]"), holdings("b").at(6));
    checkSound("a");
  }

  void twice() {
    directory.write("in", mboxOf({"one", "two"}));
    CHECK(import("a", "in", {"Inbox"}).has_value());
    CHECK_EQ(std::uint64_t{2}, counts.added);
    auto before = holdings("a");
    directory.write("in", mboxOf({"one", "new", "two"}));
    CHECK(import("a", "in", {"Inbox"}).has_value());
    CHECK_EQ(std::uint64_t{1}, counts.added);
    CHECK_EQ(std::uint64_t{2}, counts.known);
    CHECK_EQ(before.size() + 1, holdings("a").size());
    // A mailbox of another name is another place.
    CHECK(import("a", "in", {"Other"}).has_value());
    CHECK_EQ(std::uint64_t{3}, counts.added);
    checkSound("a");
  }

  void equalMessages() {
    std::vector<std::string> bodies(importBatchMessages * 2 + 3, "the same");
    directory.write("in", mboxOf(bodies));
    CHECK(import("a", "in").has_value());
    CHECK_EQ(bodies.size(), static_cast<std::size_t>(counts.added));
    bodies.push_back("the same");
    directory.write("in", mboxOf(bodies));
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{1}, counts.added);
    CHECK_EQ(bodies.size() - 1, static_cast<std::size_t>(counts.known));
    checkSound("a");
  }

  void again() {
    directory.write("in", mboxOf({"one"}));
    CHECK(import("a", "in").has_value());
    auto opened = account("a");
    auto inbox = opened->reader().mailbox("Inbox")->id;
    CHECK(opened->expunge(inbox, {Uid(1)}, false).has_value());
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{0}, counts.added);
    CHECK(import("a", "in", {"Inbox", -1, true}).has_value());
    CHECK_EQ(std::uint64_t{1}, counts.added);
    // A mailbox made anew has no past.
    CHECK(import("a", "in", {"Box"}).has_value());
    CHECK(opened->deleteMailbox("Box").has_value());
    CHECK(import("a", "in", {"Box"}).has_value());
    CHECK_EQ(std::uint64_t{1}, counts.added);
    checkSound("a");
  }

  void resumed() {
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < importBatchMessages * 3; ++i) bodies.push_back(std::to_string(i / 2));
    directory.write("in", mboxOf(bodies));
    int batches = 0;
    auto stopped = import("a", "in", {}, [&] { return ++batches > 1; });
    CHECK(!stopped && stopped.error().code == Errc::temporary);
    CHECK_EQ(std::uint64_t{importBatchMessages}, counts.added);
    accounts.reset();
    accounts = std::make_unique<store::Accounts>(directory / "data", environment());
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{importBatchMessages}, counts.known);
    CHECK_EQ(std::uint64_t{importBatchMessages * 2}, counts.added);
    CHECK_EQ(bodies.size() + 1, holdings("a").size());
    checkSound("a");
  }

  void junk() {
    directory.write("in", "From a Mon Jan  2 15:04:05 2006\nX-Keywords: $NotJunk\nS: 1\n\n\nFrom a Mon Jan  2 15:04:05 2006\nS: 2\n\n");
    CHECK(import("a", "in", {"Old/SPAM"}).has_value());
    auto got = holdings("a");
    CHECK_EQ(inMailbox("($NotJunk)", "S: 1\r\n\r\n"), got.at(got.size() - 2));
    CHECK_EQ(inMailbox("($Junk)", "S: 2\r\n"), got.back());
  }

  void dates() {
    directory.write("in", "From \nReceived: from x by y;\n\tTue, 3 Jan 2006 00:00:00 +0100 (CET)\nReceived: z; Wed, 4 Jan 2006 00:00:00 +0000\nDate: Thu, 5 Jan 2006 00:00:00 +0000\n\n\n"
                          "From \nDate: Thu, 5 Jan 2006 00:00:00 +0000\n\n\nFrom \nSubject: none\n\n");
    CHECK(import("a", "in").has_value());
    auto got = holdings("a");
    CHECK(got.at(1).starts_with("() 2006-01-02T23:00:00Z"));
    CHECK(got.at(2).starts_with("() 2006-01-05T00:00:00Z"));
    CHECK(got.at(3).starts_with("() " + rfc3339Seconds(clock.now())));
  }

  void quota() {
    directory.write("in", mboxOf({std::string(1000, 'a'), std::string(1000, 'b'), std::string(1000, 'c')}));
    auto done = import("a", "in", {"Inbox", 2500});
    CHECK(!done && done.error().code == Errc::overQuota);
    CHECK_EQ(std::uint64_t{2}, counts.added);
    CHECK_EQ(std::string("in, octet 2092: the account is over its quota"), problems.at(0));
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{1}, counts.added);
    checkSound("a");
  }

  void oneRefused() {
    std::string words;
    for (std::int64_t i = 0; i <= store::messageKeywords.value; ++i) words += " k" + std::to_string(i);
    directory.write("in", mboxOf({"1"}) + "From a Mon Jan  2 15:04:05 2006\nX-Keywords:" + words + "\nS: 2\n\nbody\n\n" + mboxOf({"3"}));
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{2}, counts.added);
    CHECK_EQ(std::uint64_t{1}, counts.refused);
    CHECK_EQ(std::string("in, octet 47: too many keywords"), problems.at(0));
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{2}, counts.known);
    checkSound("a");
  }

  void noMail() {
    directory.write("t/notes.txt", "just text\n");
    directory.write("t/subscriptions", "x\n");
    directory.write("t/empty", "");
    directory.write("t/a/cur/1:2,", "");
    directory.write("t/#x/cur/2:2,", "S: 1\n\n");
    CHECK(import("a", "t").has_value());
    CHECK_EQ(std::string("notes.txt: neither a message of a maildir nor an mbox\n#x/cur: mailbox name starts with #\n#x/cur/2:2,: mailbox name starts with #\n"
                         "a/cur/1:2,: an empty file\n"),
             show(problems));
    CHECK_EQ(std::uint64_t(3), counts.unread);
    CHECK_EQ(std::uint64_t(1), counts.refused);
    CHECK(!import("a", "missing"));
  }

  void companions() {
    for (const char* name : {"RT/dovecot", "RT/courier", "subscriptions", "lists/x.lock", "dovecot.mbox"}) directory.write(std::string("t/") + name, mboxOf({name}));
    for (const char* name : {"dovecot.index", "courierimapuiddb", "lists/subscriptions", "x.msf", "popstate.dat"}) directory.write(std::string("t/") + name, "3 V1\n");
    CHECK(import("a", "t").has_value());
    CHECK_EQ(std::string(), show(problems));
    CHECK_EQ(std::uint64_t(5), counts.added);
    for (const char* name : {"RT/dovecot", "RT/courier", "subscriptions", "lists/x.lock", "dovecot"}) CHECK_MSG(name, account("a")->reader().mailbox(std::string_view(name)).has_value());
    // One that has the name of a mailbox is no companion, even without messages.
    directory.write("e/courier.mbox", "");
    directory.write("e/dovecot.mbox", "nothing\n");
    CHECK(import("a", "e").has_value());
    CHECK(account("a")->reader().mailbox(std::string_view("courier")).has_value());
    CHECK_EQ(std::uint64_t(1), counts.unread);
  }

  void notRead() {
    directory.write("latin/.caf\xe9/cur/1:2,S", "S: 1\n\n");
    CHECK(import("a", "latin").has_value());
    CHECK_EQ(std::uint64_t(2), counts.unread);  // the folder and the message
    directory.write("single.eml", "Subject: x\n\nbody\n");
    CHECK(import("a", "single.eml").has_value());
    CHECK_EQ(std::uint64_t(1), counts.unread);
    directory.write("eml/1.eml", "Subject: x\n\nbody\n");
    directory.write("eml/2.eml", "Subject: y\n\nbody\n");
    CHECK(import("a", "eml").has_value());
    CHECK_EQ(std::uint64_t(2), counts.unread);
    for (std::size_t i = 0; i < maxFileProblems + 5; ++i) directory.write("many/" + std::to_string(i), "x");
    CHECK(import("a", "many").has_value());
    CHECK_EQ(std::uint64_t(maxFileProblems + 5), counts.unread);
    CHECK_EQ(maxFileProblems + 1, problems.size());
    // What has no mail at all may be the wrong folder; what has a mailbox without messages is not.
    std::filesystem::create_directories(directory / "empty/below");
    directory.write("empty/dovecot.index", "");
    auto none = import("a", "empty");
    CHECK(!none && none.error().code == Errc::unsupported);
    std::filesystem::create_directories(directory / "maildir/cur");
    directory.write("none.mbox", "");
    CHECK(import("a", "maildir").has_value() && import("a", "none.mbox").has_value());
    CHECK_EQ(std::uint64_t(0), counts.unread);
  }

  /// A file that cannot be read is there: root, as whom tests may run, can read all others.
  void deniedFile() {
    struct OneDenied final : Entries {
      bool given = false;
      Result<std::optional<Entry>> next() override {
        if (std::exchange(given, true)) return std::nullopt;
        return Entry{"in.mbox", std::nullopt, false};
      }
      Result<std::string_view> read() override { return fail(Errc::denied, "in.mbox: Permission denied"); }
    };
    struct Counting final : FoundSink {
      std::uint64_t count = 0;
      void begin(Found) override {}
      void append(std::string_view) override {}
      Result<void> end(const imap::Flags&) override { return {}; }
      void drop(const Error&) override {}
      void mailbox(const std::string&) override {}
      void problem(const std::string&, const std::string&) override {}
      void unread(const std::string&, const std::string&, std::uint64_t more) override { count += more; }
    } sink;
    CHECK(TreeReader([] { return std::make_unique<OneDenied>(); }, sink, false).run().has_value());
    CHECK_EQ(std::uint64_t(1), sink.count);
  }

  void symlinks() {
    directory.write("other/cur/2:2,", "S: 2\n\n");
    directory.write("t/cur/1:2,", "S: 1\n\n");
    directory.write("in", mboxOf({"x"}));
    std::filesystem::create_directory_symlink("../other", directory / "t/.Old");
    std::filesystem::create_directory_symlink("..", directory / "t/.Loop");
    std::filesystem::create_symlink("../../in", directory / "t/cur/3:2,");
    std::filesystem::create_symlink("nowhere", directory / "t/dovecot.index");
    CHECK(import("a", "t").has_value());
    CHECK_EQ(std::uint64_t(1), counts.added);
    CHECK_EQ(std::uint64_t(3), counts.unread);
    CHECK_EQ(std::string(".Loop: "), problems.at(0).substr(0, 7));
    // The root itself may be one.
    std::filesystem::create_directory_symlink("other", directory / "link");
    CHECK(import("a", "link").has_value());
    CHECK_EQ(std::uint64_t(1), counts.added);
  }

  void unreadFolder() {
    directory.write("t/a/cur/1:2,", "S: 1\n\n");
    directory.write("t/b/cur/2:2,", "S: 2\n\n");
    directory.write("t/c/cur/3:2,", "S: 3\n\n");
    auto open = [&] {
      auto entries = openFolder(directory / "t");
      std::filesystem::remove_all(directory / "t/b");  // listed, and gone when it is its turn: root may read all others
      return entries;
    };
    std::vector<std::string> said;
    ImportListener listener;
    listener.progress = [](const ImportCounts&) {};
    listener.problem = [&](const std::string& where, const std::string&) { said.push_back(where); };
    auto importer = Importer::make({*accounts, clock, random, limits}, account("a"), {}, listener);
    auto again = [&] {
      directory.write("t/b/cur/2:2,", "S: 2\n\n");
      return open();
    };
    CHECK(TreeReader(again, **importer, false).run().has_value());
    CHECK((*importer)->finish().has_value());
    CHECK_EQ(std::uint64_t(2), (*importer)->counts().added);
    CHECK_EQ(std::uint64_t(1), (*importer)->counts().unread);
    CHECK_EQ(std::string("folder b\n"), show(said));
  }

  void oneAtATime() {
    auto held = account("a")->beginImport();
    directory.write("in", mboxOf({"1"}));
    auto done = import("a", "in");
    CHECK(!done && done.error().code == Errc::conflict);
    held.reset();
    CHECK(import("a", "in").has_value());
  }

  void largeBodies() {
    directory.write("in", mboxOf({std::string(store::bodyInlineLimit + 10, 'x'), "small", std::string(store::bodyInlineLimit * 2, 'y')}));
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{3}, counts.added);
    checkSound("a");
    CHECK(import("a", "in").has_value());
    CHECK_EQ(std::uint64_t{3}, counts.known);
    checkSound("a");
  }

  void mboxFolder() {
    directory.write("t/Inbox.mbox", mboxOf({"1"}));
    directory.write("t/Work/2024", mboxOf({"2"}));
    directory.write("t/Empty.mbox", "");
    CHECK(import("a", "t").has_value());
    Holdings wanted{"[Inbox]", inMailbox("()", "Subject: x\r\n\r\n1\r\n"), "[Empty]", "[Work]", "[Work/2024]", inMailbox("()", "Subject: x\r\n\r\n2\r\n")};
    CHECK_EQ(show(wanted), show(holdings("a")));
  }
};
SUITE(ImportTest);
