// Each limit of an IMAP command: what meets it is answered as ever, and counted under the limit's name.
#include "imapserver/SessionFixture.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/Db.h"

using namespace mox;

struct ImapCommandLimitsTest : test::Suite<ImapCommandLimitsTest>, test::SessionFixture {
  static void list(List& l) {
    l.add("of the grammar", &ImapCommandLimitsTest::grammar);
    l.add("of lines and literals", &ImapCommandLimitsTest::reading);
    l.add("of a stranger's lines and literals, which have names of their own", &ImapCommandLimitsTest::beforeLogin);
    l.add("of ID, before login too", &ImapCommandLimitsTest::identification);
    l.add("of keywords, in STORE and after each message of APPEND", &ImapCommandLimitsTest::keywords);
    l.add("of keywords on a message and in a mailbox, each under its own name", &ImapCommandLimitsTest::manyKeywords);
    l.add("of mailboxes and subscriptions", &ImapCommandLimitsTest::fullAccount);
    l.add("of mailbox names, wherever one is refused", &ImapCommandLimitsTest::mailboxNames);
    l.add("of LIST patterns, once a command", &ImapCommandLimitsTest::listPatterns);
    l.add("of threads", &ImapCommandLimitsTest::threads);
    l.add("of FUZZY, once a command", &ImapCommandLimitsTest::fuzzy);
  }

  void select() {
    logIn();
    CHECK(say("b SELECT Inbox").find("b OK") != std::string::npos);
  }

  double hits(const char* name) { return world->metric("mox_limit_hits_total", {{"limit", name}}); }

  /// The line is answered so, and hits the limit so often.
  void meets(const char* name, const std::string& line, const std::string& answer, double times = 1) {
    auto before = hits(name);
    auto got = say(line);
    CHECK_MSG(fmt::format("{}: {}", name, got), got.find("c " + answer) != std::string::npos);
    CHECK_EQ(before + times, hits(name));
  }

  /// In a session of its own: some refusals end it.
  void refused(const char* name, const std::string& line) {
    select();
    CHECK_EQ(0.0, hits(name));
    meets(name, line, "BAD");
  }

  static std::string repeated(int times, const std::string& text) {
    std::string out;
    while (times-- > 0) out += text;
    return out;
  }

  static std::string literal(std::size_t size) { return fmt::format(" TEXT {{{}+}}\r\n{}", size, std::string(size, 'x')); }

  void grammar() {
    refused("imap-search-depth", "c SEARCH " + std::string(65, '(') + "ALL" + std::string(65, ')'));
    refused("imap-search-keys", "c SEARCH" + repeated(6'000, " 1") + " SUBJECT {1+}\r\nx" + repeated(6'000, " 1"));
    refused("imap-section-depth", "c FETCH 1 BODY[1" + repeated(150, ".1") + "]");
    refused("imap-section-fields", "c FETCH 1 BODY[HEADER.FIELDS (a" + repeated(1'000, " a") + ")]");
    std::string items = "c FETCH 1 (UID";
    for (int i = 1; i <= 1'000; ++i) items += fmt::format(" BODY[{}]", i);
    refused("imap-fetch-items", items + ")");
    refused("imap-object-id-bytes", "c SEARCH EMAILID " + std::string(256, 'E'));
    meets("imap-object-id-bytes", "c SEARCH THREADID " + std::string(256, 'T'), "BAD");
    meets("imap-object-id-bytes", "c SEARCH EMAILID " + std::string(255, 'E'), "OK", 0);
  }

  void reading() {
    refused("imap-command-line", "c NOOP" + std::string(17'000, ' '));
    refused("imap-command-text", "c SEARCH" + repeated(17, " TEXT" + std::string(16'000, ' ') + "{1+}\r\nx"));
    refused("imap-literal", "c SEARCH SUBJECT {200000}");
    refused("imap-literals-total", "c SEARCH" + repeated(11, literal(100'000)));
    refused("imap-literals-count", "c SEARCH" + repeated(1'001, literal(1)));
    // Only the one that was passed.
    CHECK_EQ(1.0, hits("imap-command-line"));
    CHECK_EQ(1.0, hits("imap-literal"));
    select();
    meets("imap-literal", "c SEARCH SUBJECT {x+}", "BAD", 0);
    select();
    // Malformed is not too large, also where the latter has an answer of its own (RFC 5464 §4.3).
    meets("annotation-bytes", "c SETMETADATA Inbox (/private/comment {x+}", "BAD", 0);
  }

  void beforeLogin() {
    auto stranger = [&](const char* name, const std::string& line) {
      connect();
      meets(name, line, "BAD");
    };
    stranger("imap-prelogin-line", "c NOOP" + std::string(9'000, ' '));
    stranger("imap-prelogin-text", "c LOGIN" + repeated(3, std::string(7'000, ' ') + "{1+}\r\nx"));
    stranger("imap-prelogin-literal", "c LOGIN {5000}");
    stranger("imap-prelogin-literals-total", "c LOGIN" + repeated(3, literal(4'000)));
    stranger("imap-prelogin-literals-count", "c LOGIN" + repeated(65, literal(1)));
    CHECK_EQ(1.0, hits("imap-prelogin-line"));
    for (const char* name : {"imap-command-line", "imap-command-text", "imap-literal", "imap-literals-total", "imap-literals-count"}) CHECK_EQ(0.0, hits(name));
  }

  void identification() {
    connect();
    say("b NOOP");  // who never said anything that is IMAP is sent away with BYE
    meets("imap-id-fields", "c ID (\"n\" NIL" + repeated(30, " \"n\" NIL") + ")", "BAD");
    meets("imap-id-name-bytes", "c ID (\"" + std::string(31, 'n') + "\" NIL)", "BAD");
    meets("imap-id-value-bytes", "c ID (\"name\" \"" + std::string(1'025, 'v') + "\")", "BAD");
    auto most = "c ID (\"" + std::string(30, 'n') + "\" \"" + std::string(1'024, 'v') + "\"" + repeated(29, " \"n\" NIL") + ")";
    for (const char* name : {"imap-id-fields", "imap-id-name-bytes", "imap-id-value-bytes"}) meets(name, most, "OK", 0);
  }

  void keywords() {
    world->deliver("Inbox", "Subject: x\r\n\r\n");
    select();
    const char* name = "imap-keyword-bytes";
    std::string longest(255, 'k');
    meets(name, "c STORE 1 +FLAGS (" + longest + ")", "OK", 0);
    meets(name, "c STORE 1 +FLAGS (x " + longest + "k)", "BAD");
    meets(name, "c APPEND Inbox (" + longest + "k) {2}", "BAD");
    meets(name, "c APPEND Inbox {2+}\r\nhi (" + longest + "k) {2}", "BAD");
    meets(name, "c STORE 1 +FLAGS (\\" + longest + "k)", "BAD", 0);  // that is no keyword
  }

  static std::string words(const std::string& start, int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += (i == 0 ? "" : " ") + start + std::to_string(i);
    return out;
  }

  void manyKeywords() {
    world->deliver("Inbox", "Subject: x\r\n\r\n");
    select();
    CHECK(say("c CREATE Other").find("c OK") != std::string::npos);
    const char *ofMessage = "message-keywords", *ofMailbox = "mailbox-keywords";
    meets(ofMessage, "c STORE 1 FLAGS (" + words("a", 100) + ")", "OK", 0);
    meets(ofMessage, "c STORE 1 +FLAGS (b)", "NO [LIMIT]");
    meets(ofMessage, "c APPEND Inbox (" + words("a", 101) + ") {2+}\r\nhi", "NO [LIMIT]");
    for (char c = 'b'; c < 'k'; ++c) meets(ofMailbox, "c STORE 1 FLAGS (" + words(std::string(1, c), 100) + ")", "OK", 0);
    meets(ofMailbox, "c STORE 1 FLAGS (one-more)", "NO [LIMIT]");
    meets(ofMailbox, "c APPEND Inbox (one-more) {2+}\r\nhi", "NO [LIMIT]");
    CHECK_EQ(2.0, hits(ofMessage));
    CHECK(say("c APPEND Other (one-more) {2+}\r\nhi").find("c OK") != std::string::npos);
    CHECK(say("c SELECT Other").find("c OK") != std::string::npos);
    meets(ofMailbox, "c COPY 1 Inbox", "NO [LIMIT]");
    meets(ofMailbox, "c MOVE 1 Inbox", "NO [LIMIT]");
    CHECK_EQ(2.0, hits(ofMessage));
  }

  void fullAccount() {
    select();
    {
      // Filled where it is cheap: what is asked is what the session says of the limit.
      store::Db db(world->account().directory() + "/account.db");
      store::Tx tx(db);
      auto box = db.prepare("INSERT INTO mailbox(name, uidvalidity, uidnext, createseq, modseq, uses, keywords, total, deleted, unseen, unread, size) "
                            "VALUES(?,?,1,1,1,0,'',0,0,0,0,0)");
      for (auto n = db.scalar("SELECT count(*) FROM mailbox"); n < store::mailboxLimit.value; ++n) box.bind("m" + std::to_string(n)).bind(1'000'000 + n).run();
      auto subscription = db.prepare("INSERT INTO subscription(name) VALUES(?)");
      for (auto n = db.scalar("SELECT count(*) FROM subscription"); n < store::subscriptionLimit.value; ++n) subscription.bind("s" + std::to_string(n)).run();
      tx.commit();
    }
    meets("mailboxes", "c CREATE more", "NO [LIMIT]");
    meets("mailboxes", "c RENAME Sent parent/Sent", "NO [LIMIT]");
    meets("mailboxes", "c RENAME Sent Gone", "OK", 0);
    meets("subscriptions", "c SUBSCRIBE more", "NO [LIMIT]");
  }

  void mailboxNames() {
    select();
    const char* name = "imap-mailbox-name-bytes";
    std::string longest(1'024, 'n');
    meets(name, "c CREATE " + longest, "OK", 0);
    meets(name, "c CREATE n" + longest, "NO [CANNOT]");
    meets(name, "c CREATE a//b", "NO [CANNOT]", 0);
    for (const char* command : {"SELECT", "EXAMINE", "DELETE", "SUBSCRIBE", "UNSUBSCRIBE", "RENAME Sent", "GETQUOTAROOT"})
      meets(name, fmt::format("c {} n{}", command, longest), "NO [CANNOT]");
    meets(name, "c STATUS n" + longest + " (MESSAGES)", "NO [CANNOT]");
    meets(name, "c APPEND n" + longest + " {2+}\r\nhi", "NO [CANNOT]");
    // A mailbox below gets a longer name with the one above.
    meets(name, "c CREATE top/" + std::string(1'000, 'n'), "OK", 0);
    meets(name, "c RENAME top " + std::string(24, 't'), "NO");
    meets(name, "c RENAME top " + std::string(23, 't'), "OK", 0);
  }

  void listPatterns() {
    select();
    const char* name = "imap-list-pattern-bytes";
    std::string longest(2'048, '%');
    meets(name, "c LIST \"\" " + longest, "OK", 0);
    CHECK_EQ(std::string("c OK done\r\n"), say("c LIST \"\" %" + longest));
    CHECK_EQ(1.0, hits(name));
    meets(name, "c LSUB \"\" %" + longest, "OK");
    meets(name, "c LIST Inbox/ " + longest, "OK");
    meets(name, "c LIST \"\" (%" + longest + " Inbox %%" + longest + ")", "OK");
  }

  void threads() {
    // Answers in a row, told by messages of which each knows a hundred: of one message only so many references count.
    auto chain = [&](int count) {
      for (int first = 0; first < count; first += 100) {
        std::string message = "References:";
        for (int i = first; i < std::min(first + 101, count); ++i) message += fmt::format("\r\n <m{}@x>", i);
        world->deliver("Inbox", message + "\r\n\r\n");
      }
    };
    chain(1'000);
    select();
    const char* name = "imap-thread-depth";
    meets(name, "c THREAD REFERENCES UTF-8 ALL", "OK", 0);
    chain(1'001);
    select();
    meets(name, "c THREAD REFERENCES UTF-8 ALL", "OK");
    meets(name, "c UID THREAD ORDEREDSUBJECT UTF-8 ALL", "OK", 0);
  }

  void fuzzy() {
    select();
    const char *words = "imap-fuzzy-words", *length = "imap-fuzzy-word-length";
    auto most = "\"w" + repeated(31, " w"), longest = std::string(64, 'x');
    meets(words, "c SEARCH FUZZY SUBJECT " + most + "\"", "OK", 0);
    meets(words, "c SEARCH FUZZY (SUBJECT " + most + " w\" BODY " + most + " w\")", "OK");
    meets(words, "c SORT (ARRIVAL) UTF-8 FUZZY SUBJECT " + most + " w\"", "OK");
    meets(words, "c ESEARCH IN (personal) FUZZY NOT SUBJECT " + most + " w\"", "OK");
    meets(words, "c SEARCH SUBJECT " + most + " w\"", "OK", 0);
    meets(length, "c SEARCH FUZZY TEXT " + longest, "OK", 0);
    meets(length, "c SEARCH FUZZY TEXT " + longest + "x", "OK");
    meets(length, "c THREAD REFERENCES UTF-8 FUZZY HEADER X-Any " + longest + "x", "OK");
    meets(length, "c SEARCH TEXT " + longest + "x FUZZY KEYWORD " + longest + "x", "OK", 0);
  }
};
SUITE(ImapCommandLimitsTest);
