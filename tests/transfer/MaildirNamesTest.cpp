#include "support/Test.h"
#include "transfer/MaildirNames.h"

using namespace mox;
using namespace mox::transfer;

namespace {

std::string mailbox(std::string_view folder) { return mailboxOfFolder(folder).value_or("refused"); }

}  // namespace

struct MaildirNamesTest : mox::test::Suite<MaildirNamesTest> {
  static void list(List& l) {
    l.add("flags", &MaildirNamesTest::flags);
    l.add("keywords that other programs have for flags", &MaildirNamesTest::foreignKeywords);
    l.add("suffix", &MaildirNamesTest::suffix);
    l.add("folders", &MaildirNamesTest::folders);
    l.add("names that lead out of the tree", &MaildirNamesTest::slip);
  }

  void flags() {
    auto keywords = parseDovecotKeywords("0 $Junk\n1 Work\n25 last\n26 no\nx y\n\n3\n");
    CHECK_EQ(std::string("(\\Seen \\Answered \\Flagged \\Deleted \\Draft $Forwarded)"), imap::flagsText(maildirFlags("1.M2.host,S=3:2,DFPRST", keywords)));
    CHECK_EQ(std::string("($Junk last work)"), imap::flagsText(maildirFlags("1;2,abcz", keywords)));
    CHECK_EQ(std::string("(\\Seen)"), imap::flagsText(maildirFlags("a!2,S,xR", keywords)));
    CHECK(maildirFlags("plain", keywords).empty() && maildirFlags("", keywords).empty());
  }

  void foreignKeywords() {
    auto keywords = parseDovecotKeywords("0 Old\n1 Junk\n2 NonJunk\n3 Forwarded\n4 phishing\n5 MDNSent\n6 NotJunk\n");
    CHECK_EQ(std::string("($Junk old)"), imap::flagsText(maildirFlags("1:2,ab", keywords)));
    CHECK_EQ(std::string("($Forwarded $NotJunk $Phishing $MDNSent)"), imap::flagsText(maildirFlags("1:2,cdef", keywords)));
    CHECK_EQ(std::string("($NotJunk)"), imap::flagsText(maildirFlags("1:2,g", keywords)));
  }

  void suffix() {
    imap::Flags flags;
    for (const char* word : {"\\Seen", "\\Draft", "$NotJunk", "b", "a"}) flags.add(word);
    auto letters = assignLetters({"a", "b"});
    std::size_t lost = 0;
    CHECK_EQ(std::string(":2,DSbef"), maildirSuffix(flags, letters, lost));
    CHECK_EQ(std::size_t{0}, lost);
    CHECK(parseDovecotKeywords(dovecotKeywords(letters)) == letters);
    CHECK(maildirFlags(maildirSuffix(flags, letters, lost), letters) == flags);
    flags.add("c");
    maildirSuffix(flags, letters, lost);
    CHECK_EQ(std::size_t{1}, lost);
  }

  void folders() {
    CHECK_EQ(std::string(""), mailbox("Maildir"));
    CHECK_EQ(std::string("Lists/mox"), mailbox("./Maildir/.Lists.mox"));
    CHECK_EQ(std::string("Entw\u00fcrfe"), mailbox(".Entw&APw-rfe"));
    CHECK_EQ(std::string("a&AC8-b"), mailbox(".a&AC8-b"));  // no level is hidden in UTF-7
    CHECK_EQ(std::string("Inbox/x"), mailbox("INBOX/x"));
    CHECK_EQ(std::string("a/b"), mailbox("a//b"));
    for (const char* name : {"Inbox", "a/cur/new", ".hidden/x", "100%", "%41", "tmp", "maildir/x", "x.mbox", "x.mbox/.mbox", "Inbox/dovecot-keywords"}) {
      CHECK_EQ(std::string(name), mailbox(folderOf(name)));
      CHECK(folderOf(name).find("/cur") == std::string::npos && folderOf(name).front() != '.');
      CHECK(folderOf(name).find(".mbox") == std::string::npos);  // that is a file's
    }
  }

  void slip() {
    for (const char* name : {"../x", "a/../../etc", "%2E%2E/x", "a/%2e", "..", "%00", "#x", "\xff", ".a..b"})
      CHECK_EQ(std::string("refused"), mailbox(name));
    CHECK_EQ(std::string("etc/passwd"), mailbox("/etc/passwd"));  // only a name: nothing is opened by it
  }
};
SUITE(MaildirNamesTest);
