#include "imap/MailboxName.h"

#include "imap/ListMatcher.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imap;

struct MailboxNameTest : mox::test::Suite<MailboxNameTest> {
  static void list(List& l) {
    l.add("Inbox in one spelling", &MailboxNameTest::inbox);
    l.add("refused names, item 39", &MailboxNameTest::refused);
    l.add("hierarchy", &MailboxNameTest::hierarchy);
    l.add("modified UTF-7", &MailboxNameTest::utf7);
    l.add("modified UTF-7 is strict", &MailboxNameTest::utf7Strict);
    l.add("list patterns", &MailboxNameTest::patterns);
    l.add("list patterns: Inbox and references", &MailboxNameTest::references);
    l.add("list patterns made to be slow", &MailboxNameTest::slowPatterns);
  }

  static std::string name(std::string_view text) {
    auto parsed = MailboxName::parse(text);
    return parsed ? parsed->text() : "refused";
  }

  void inbox() {
    CHECK_EQ(std::string("Inbox"), name("INBOX"));
    CHECK_EQ(std::string("Inbox"), name("inbox"));
    CHECK_EQ(std::string("Inbox/a/INBOX"), name("inBOX/a/INBOX"));
    CHECK_EQ(std::string("inboxes"), name("inboxes"));
    CHECK_EQ(std::string("a/inbox"), name("a/inbox"));
    CHECK(MailboxName::parse("iNbOx")->isInbox());
    CHECK(*MailboxName::parse("INBOX") == MailboxName::inbox());
  }

  void refused() {
    for (std::string_view bad : {"", "/", "/a", "a/", "a//b", ".", "..", "../x", "a/../b", "a/.", "#news", "a\tb", "a\r\nb", "a\x7f", "\xc2\x85",
                                 "\xe2\x80\xa8", "\xe2\x80\xa9", "\xff", "\xc0\xaf", "e\xcc\x81" /* NFD */})
      CHECK_EQ(std::string("refused"), name(bad));
    CHECK_EQ(std::string("refused"), name(std::string_view("a\0b", 3)));
    CHECK_EQ(std::string("refused"), name(std::string(4096, 'x')));
    for (std::string_view good : {"a", "a b", "...", "a.b", "a#", "%", "*", "&", "\xc3\xa9" /* NFC */, "Entw\xc3\xbcrfe/\xe2\x98\xba", "\\", "\""})
      CHECK_EQ(std::string(good), name(good));
    CHECK_EQ(std::string("a/b"), MailboxName::parseForCreate("a/b/")->text());
    CHECK(!MailboxName::parseForCreate("a//"));
    CHECK(!MailboxName::parseForCreate("/"));
  }

  void hierarchy() {
    auto deep = MailboxName::parse("a/b/c").value(), top = MailboxName::parse("a").value(), other = MailboxName::parse("ab").value();
    CHECK_EQ(std::string("a/b"), deep.parent()->text());
    CHECK(!top.parent());
    CHECK_EQ(std::string("c"), std::string(deep.leaf()));
    CHECK(deep.isWithin(top));
    CHECK(!top.isWithin(top));
    CHECK(!other.isWithin(top));
    CHECK_EQ(std::string("x/y/b/c"), deep.renamed(top, MailboxName::parse("x/y").value())->text());
    CHECK(!deep.renamed(top, MailboxName::parse(std::string(static_cast<std::size_t>(mailboxNameBytes.value), 'x')).value()));
  }

  void utf7() {
    // RFC 3501 §5.1.3.
    CHECK_EQ(std::string("~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"),
             decodeModifiedUtf7("~peter/mail/&U,BTFw-/&ZeVnLIqe-").value());
    for (std::string_view utf8 : {"", "a", "&", "&&", "&-", "a&b", "\xc3\xa9", "\xc3\xa9&\xc3\xa9", "\xf0\x9f\x98\x80", "x\xf0\x9f\x98\x80\xc3\xa9-", "\xe2\x98\xba!", "\x01"}) {
      CHECK_EQ(std::string(utf8), decodeModifiedUtf7(encodeModifiedUtf7(utf8)).value());
    }
    CHECK_EQ(std::string("&U,BTFw-/&ZeVnLIqe-"), encodeModifiedUtf7("\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"));
    CHECK_EQ(std::string("Hi Mom -&Jjo-!"), encodeModifiedUtf7("Hi Mom -\xe2\x98\xba!"));
    CHECK_EQ(std::string("&2D3eAA-"), encodeModifiedUtf7("\xf0\x9f\x98\x80"));
  }

  void utf7Strict() {
    for (std::string_view bad : {"&", "&Jjo", "&Jjo!", "a&", "&-&", "\xc3\xa9", "\x7f", "a\tb",
                                 "&AGE-",       // "a" in base64
                                 "&ACY-",       // "&" in base64
                                 "&AGEA6Q-",    // "a" before an accent
                                 "&AOk-&AOk-",  // shifts that follow each other
                                 "&U,BTFw-&ZeVnLIqe-",
                                 "&AOl-",   // stray bits
                                 "&AOkA-",  // a digit too many
                                 "&AO-",    // half a unit
                                 "&A-", "&2D0-", "&3gA-", "&2D3YPQ-", "&AOk=-", "&AO/-", "& -"})
      CHECK_MSG(std::string(bad), !decodeModifiedUtf7(bad));
    // "&-" between shifts is a real ampersand.
    CHECK_EQ(std::string("\xc3\xa9&\xc3\xa9"), decodeModifiedUtf7("&AOk-&-&AOk-").value());
  }

  static bool matches(std::string_view pattern, std::string_view text, std::string_view reference = "") {
    return ListMatcher(reference, {std::string(pattern)}).matches(text);
  }

  void patterns() {
    CHECK(matches("*", "a/b/c"));
    CHECK(matches("%", "a"));
    CHECK(!matches("%", "a/b"));
    CHECK(matches("%/%", "a/b"));
    CHECK(matches("a/*", "a/b/c"));
    CHECK(!matches("a/*", "a"));
    CHECK(matches("a*", "a"));
    CHECK(matches("%b", "aab"));
    CHECK(!matches("%b", "a/b"));
    CHECK(matches("*b", "a/b"));
    CHECK(matches("*%", "a/b"));
    CHECK(matches("%*", "a/b"));
    CHECK(matches("a%c*e", "abc/d/e"));
    CHECK(!matches("a%c*e", "a/c/d/e"));
    CHECK(!matches("", "a"));
    CHECK(!matches("a", "A"));
    CHECK(matches("a.c", "a.c"));
    CHECK(!matches("a.c", "abc"));
    CHECK(!matches("/*", "a"));
    CHECK(matches("\xc3\xa9%", "\xc3\xa9t\xc3\xa9"));
    // Beyond one word of state bits.
    std::string longName(200, 'n');
    CHECK(matches(longName, longName));
    CHECK(!matches(longName + "n", longName));
    CHECK(matches("%" + longName.substr(1, 150) + "%", longName));
    CHECK(matches("n*" + longName.substr(2), longName));
    CHECK(!matches("n*" + longName + "%", longName));
  }

  void references() {
    CHECK(matches("inbox", "Inbox"));
    CHECK(matches("INB%", "Inbox"));
    CHECK(matches("%BOX/x", "Inbox/x"));
    CHECK(!matches("INBOX/X", "Inbox/x"));
    CHECK(!matches("INBOXES", "Inboxes"));
    CHECK(matches("b*", "a/b/c", "a/"));
    CHECK(!matches("b*", "b", "a/"));
    ListMatcher several("", {"a", "b/%"});
    CHECK(several.matches("a"));
    CHECK(several.matches("b/x"));
    CHECK(!several.matches("b"));
    // The reference counts; a pattern that is too long does not spoil the others.
    std::string most(static_cast<std::size_t>(listPatternBytes.value) - 2, '*');
    CHECK(!ListMatcher("a/", {most}).isCut() && matches(most, "a/b", "a/"));
    ListMatcher cut("a/", {most + "*", "b"});
    CHECK(cut.isCut() && cut.matches("a/b") && !cut.matches("a/c"));
  }

  void slowPatterns() {
    // A backtracking matcher would not end here.
    std::string pattern, text(1000, 'a');
    for (int i = 0; i < 500; ++i) pattern += i % 2 == 0 ? "%a" : "*a";
    CHECK(matches(pattern, text));
    CHECK(!matches(pattern + "b", text));
    CHECK(!matches(std::string(5000, '%') + "b", text));
  }
};
SUITE(MailboxNameTest);
