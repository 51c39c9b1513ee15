#include "imap/Parser.h"

#include "Parse.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imap;
using mox::imap::test::arguments;
using mox::imap::test::frame;
using mox::imap::test::whyNot;

struct ParserTest : mox::test::Suite<ParserTest> {
  static void list(List& l) {
    l.add("commands without arguments, and the state table", &ParserTest::kinds);
    l.add("strings", &ParserTest::strings);
    l.add("LOGIN, AUTHENTICATE, ID, ENABLE", &ParserTest::session);
    l.add("mailbox names in both modes", &ParserTest::mailboxes);
    l.add("SELECT with CONDSTORE and QRESYNC", &ParserTest::select);
    l.add("LIST and LSUB", &ParserTest::listing);
    l.add("CREATE, STATUS, RENAME", &ParserTest::mailboxCommands);
    l.add("APPEND and REPLACE", &ParserTest::append);
    l.add("quota", &ParserTest::quota);
    l.add("metadata", &ParserTest::metadata);
    l.add("NOTIFY", &ParserTest::notify);
    l.add("refused with a reason and the tag", &ParserTest::refused);
  }

  void kinds() {
    struct Row { const char* line; CommandKind kind; const char* states; };
    for (const Row& row : {Row{"a CAPABILITY", CommandKind::capability, "NAS"}, Row{"a noop", CommandKind::noop, "NAS"},
                           Row{"a LOGOUT", CommandKind::logout, "NAS"}, Row{"a STARTTLS", CommandKind::starttls, "N"},
                           Row{"a NAMESPACE", CommandKind::nameSpace, "AS"}, Row{"a IDLE", CommandKind::idle, "AS"},
                           Row{"a CHECK", CommandKind::check, "S"}, Row{"a CLOSE", CommandKind::close, "S"},
                           Row{"a UNSELECT", CommandKind::unselect, "S"}, Row{"a EXPUNGE", CommandKind::expunge, "S"},
                           Row{"a UNAUTHENTICATE", CommandKind::unauthenticate, "AS"}, Row{"a LOGIN a b", CommandKind::login, "N"},
                           Row{"a Uid Expunge 3", CommandKind::uidExpunge, "S"}, Row{"a COMPRESS DEFLATE", CommandKind::compress, "AS"}}) {
      auto command = parseCommand(frame(row.line), {});
      CHECK_MSG(row.line, command && command->kind == row.kind && command->tag == "a");
      std::string states(row.states);
      CHECK_MSG(row.line, isLegal(row.kind, State::notAuthenticated) == (states.find('N') != states.npos));
      CHECK_MSG(row.line, isLegal(row.kind, State::authenticated) == (states.find('A') != states.npos));
      CHECK_MSG(row.line, isLegal(row.kind, State::selected) == (states.find('S') != states.npos));
    }
    for (int kind = 0; kind <= int(CommandKind::uidThread); ++kind) {
      auto text = name(static_cast<CommandKind>(kind));
      bool uid = text.starts_with("UID ");
      CHECK(commandKind(text.substr(uid ? 4 : 0), uid) == static_cast<CommandKind>(kind));
    }
    CHECK(!commandKind("NOOP", true));
    CHECK(!commandKind("UID FETCH", false));
  }

  void strings() {
    auto password = [](std::string_view wire, bool utf8 = false) { return arguments<args::Login>("a LOGIN u " + std::string(wire), utf8).password; };
    CHECK_EQ(std::string("a\\b\"c"), password("\"a\\\\b\\\"c\""));
    CHECK_EQ(std::string(""), password("\"\""));
    CHECK_EQ(std::string("x]y"), password("x]y"));
    CHECK_EQ(std::string("a\r\n\xff"), password("{4}\r\na\r\n\xff"));
    CHECK_EQ(std::string("NIL"), password("NIL"));
    CHECK_EQ(std::string("\xc3\xa9"), password("\"\xc3\xa9\"", true));
    CHECK(!whyNot("a LOGIN u \"\xc3\xa9\"").empty());
    CHECK(!whyNot("a LOGIN u \"\xff\"", true).empty());
    CHECK(!whyNot("a LOGIN u \xc3\xa9", true).empty());
    CHECK(!whyNot("a LOGIN u \"a\\b\"").empty());
    CHECK(!whyNot("a LOGIN u \"a").empty());
    CHECK(!whyNot("a LOGIN u \"a\\").empty());
    CHECK(!whyNot(std::string_view("a LOGIN u \"a\0\"", 14)).empty());
    CHECK(!whyNot(std::string_view("a LOGIN u {1}\r\n\0", 16)).empty());
    CHECK(!whyNot("a LOGIN u ~{1}\r\nx").empty());
    CHECK(!whyNot("a LOGIN u {1} x").empty());
    CHECK(!whyNot("a LOGIN u {1}\r\nxy").empty());
    CHECK(!whyNot("a LOGIN u\rv w").empty());
  }

  void session() {
    auto login = arguments<args::Login>("a001 LOGIN SMITH SESAME");
    CHECK_EQ(std::string("SMITH SESAME"), login.user + " " + login.password);
    auto plain = arguments<args::Authenticate>("A01 AUTHENTICATE plain AGZyZWQAcGFzcw==");
    CHECK_EQ(std::string("PLAIN"), plain.mechanism);
    CHECK_EQ(std::string("\0fred\0pass", 10), plain.initialResponse.value());
    CHECK(!arguments<args::Authenticate>("A01 AUTHENTICATE SCRAM-SHA-256-PLUS").initialResponse);
    CHECK_EQ(std::string(), arguments<args::Authenticate>("A01 AUTHENTICATE EXTERNAL =").initialResponse.value());
    CHECK(!whyNot("a AUTHENTICATE PLAIN a=b").empty());

    CHECK(!arguments<args::Id>("a023 ID NIL").fields);
    auto id = arguments<args::Id>("a023 ID (\"name\" \"sodr\" \"version\" \"19.34\" \"vendor\" NIL)").fields.value();
    CHECK_EQ(std::size_t(3), id.size());
    CHECK_EQ(std::string("19.34"), id[1].second.value());
    CHECK(!id[2].second);
    CHECK_EQ(std::size_t(0), arguments<args::Id>("a ID ()").fields->size());
    CHECK(!whyNot("a ID (\"name\")").empty());
    std::string many = "a ID (";
    for (int i = 0; i < 31; ++i) many += i == 0 ? "\"n\" NIL" : " \"n\" NIL";
    CHECK_EQ(std::string("more than 30 fields (imap-id-fields)"), whyNot(many + ")"));
    auto one = [](std::size_t name, std::size_t value) { return whyNot("a ID (\"" + std::string(name, 'n') + "\" \"" + std::string(value, 'v') + "\")"); };
    CHECK_EQ(std::string(), one(30, 1024));
    CHECK_EQ(std::string("more than 30 bytes (imap-id-name-bytes)"), one(31, 1024));
    CHECK_EQ(std::string("more than 1024 bytes (imap-id-value-bytes)"), one(30, 1025));

    auto enable = arguments<args::Enable>("t1 ENABLE CONDSTORE utf8=accept");
    CHECK_EQ(std::string("UTF8=ACCEPT"), enable.capabilities.at(1));
    CHECK(!whyNot("a ENABLE").empty());
    CHECK_EQ(std::string("DEFLATE"), arguments<args::Compress>("a COMPRESS deflate").algorithm);
  }

  void mailboxes() {
    auto mailbox = [](std::string_view wire, bool utf8 = false) { return arguments<args::Mailbox>("a SUBSCRIBE " + std::string(wire), utf8).mailbox; };
    CHECK_EQ(std::string("Entw\xc3\xbcrfe"), mailbox("Entw&APw-rfe"));
    CHECK_EQ(std::string("Entw&APw-rfe"), mailbox("Entw&APw-rfe", true));
    CHECK_EQ(std::string("Entw\xc3\xbcrfe"), mailbox("\"Entw\xc3\xbcrfe\"", true));
    CHECK_EQ(std::string("Entw\xc3\xbcrfe"), mailbox("{9}\r\nEntw\xc3\xbcrfe", true));
    CHECK(!whyNot("a SUBSCRIBE a&b").empty());
    CHECK(!whyNot("a SUBSCRIBE {2}\r\n\xc3\xa9").empty());
    CHECK(!whyNot("a SUBSCRIBE {1}\r\n\xff", true).empty());
    CHECK(!whyNot("a SUBSCRIBE a*").empty());
    CHECK(!whyNot("a SUBSCRIBE").empty());
    CHECK(!whyNot("a SUBSCRIBE a b").empty());
  }

  void select() {
    CHECK_EQ(std::string("INBOX"), arguments<args::Select>("A142 SELECT INBOX").mailbox);
    CHECK(arguments<args::Select>("A142 SELECT INBOX (CONDSTORE)").condstore);
    // RFC 7162 §3.2.5.
    auto full = arguments<args::Select>("A03 SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541))").qresync.value();
    CHECK_EQ(67890007u, full.uidValidity);
    CHECK_EQ(std::uint64_t(90060115194045000), full.modSeq);
    CHECK_EQ(std::string("41:211,214:541"), full.knownUids->text());
    CHECK(!full.sequenceMatch);
    auto matched = arguments<args::Select>("B04 SELECT INBOX (QRESYNC (67890007 90060115205545359 41:211,214:541 (1:3 10,20,30)) CONDSTORE)");
    CHECK(matched.condstore);
    CHECK_EQ(std::string("10,20,30"), matched.qresync->sequenceMatch->second.text());
    CHECK_EQ(std::string("1:3"), arguments<args::Select>("a EXAMINE x (QRESYNC (1 1 (1:3 4:6)))").qresync->sequenceMatch->first.text());
    for (const char* bad : {"a SELECT x ()", "a SELECT x (QRESYNC)", "a SELECT x (QRESYNC (0 1))", "a SELECT x (QRESYNC (1 0))", "a SELECT x (QRESYNC (1 1 1:*))",
                            "a SELECT x (QRESYNC (1 1 $))", "a SELECT x (QRESYNC (1 1 1 (1:3 4:5)))", "a SELECT x (QRESYNC (1 9223372036854775808))",
                            "a SELECT x (OTHER)", "a SELECT x (CONDSTORE", "a SELECT x CONDSTORE", "a SELECT x (CONDSTORE))"})
      CHECK_MSG(bad, !whyNot(bad).empty());
  }

  void listing() {
    auto plain = arguments<args::List>("A101 LIST \"\" \"\"");
    CHECK(!plain.extended && plain.patterns == std::vector<std::string>{""});
    auto percent = arguments<args::List>("A202 LIST ~/Mail/ %");
    CHECK_EQ(std::string("~/Mail/"), percent.reference);
    CHECK_EQ(std::string("%"), percent.patterns.at(0));
    auto extended = arguments<args::List>(
        "A04 LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"INBOX\" \"Drafts\" Sent/% &AOk-*) RETURN (CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN) METADATA (/Shared/Comment))");
    CHECK(extended.extended && extended.selectSubscribed && extended.selectRecursiveMatch && extended.returnChildren && extended.returnSpecialUse);
    CHECK_EQ(std::string("\xc3\xa9*"), extended.patterns.at(3));
    CHECK(extended.returnStatus == (std::vector{StatusItem::messages, StatusItem::unseen}));
    CHECK_EQ(std::string("/shared/comment"), extended.returnMetadata.at(0));
    CHECK(arguments<args::List>("a LIST () \"\" (x)").extended);
    CHECK(arguments<args::List>("a LIST \"\" x RETURN ()").returnGiven);
    CHECK_EQ(std::string("#news."), arguments<args::List>("A002 LSUB \"#news.\" \"comp.mail.*\"").reference);
    for (const char* bad : {"a LIST", "a LIST \"\"", "a LIST (RECURSIVEMATCH) \"\" *", "a LIST (RECURSIVEMATCH REMOTE) \"\" *", "a LIST (FOO) \"\" *", "a LIST \"\" ()",
                            "a LIST \"\" * RETURN (STATUS)", "a LIST \"\" * RETURN (STATUS ())", "a LIST \"\" * RETURN (FOO)", "a LIST \"\" * RETURN", "a LSUB \"\" (a b)",
                            "a LIST  \"\" *", "a LIST \"\" * "})
      CHECK_MSG(bad, !whyNot(bad).empty());
  }

  void mailboxCommands() {
    CHECK_EQ(std::string("owatagusiam/"), arguments<args::Create>("A003 CREATE owatagusiam/").mailbox);
    auto use = arguments<args::Create>("t2 CREATE MySpecial (USE (\\Drafts \\Sent))").specialUse;
    CHECK(use == (std::vector<std::string>{"\\Drafts", "\\Sent"}));
    CHECK(!whyNot("a CREATE x (FOO)").empty());
    CHECK(!whyNot("a CREATE x (USE (Drafts))").empty());
    auto status = arguments<args::Status>("A042 STATUS blurdybloop (UIDNEXT MESSAGES SIZE HIGHESTMODSEQ DELETED-STORAGE MESSAGES)");
    CHECK(status.items == (std::vector{StatusItem::uidNext, StatusItem::messages, StatusItem::size, StatusItem::highestModSeq, StatusItem::deletedStorage}));
    CHECK(!whyNot("a STATUS x ()").empty());
    CHECK(!whyNot("a STATUS x (FOO)").empty());
    CHECK(!whyNot("a STATUS x MESSAGES").empty());
    auto rename = arguments<args::Rename>("A683 RENAME blurdybloop \"sarasoop\"");
    CHECK_EQ(std::string("blurdybloop sarasoop"), rename.from + " " + rename.to);
    CHECK_EQ(std::string("foo"), arguments<args::Mailbox>("A683 DELETE foo").mailbox);
    CHECK_EQ(std::string("3,5:*"), arguments<args::UidExpunge>("a UID EXPUNGE 3,5:*").set.text());
  }

  void append() {
    auto start = arguments<args::Append>("A003 APPEND saved-messages (\\Seen $Forwarded Foo) \" 7-Feb-1994 21:52:25 -0800\" {310}");
    CHECK_EQ(std::string("saved-messages"), start.mailbox);
    CHECK(start.first.flags.has(Flag::seen) && start.first.flags.has(Flag::forwarded) && start.first.flags.hasKeyword("foo"));
    CHECK_EQ(std::int64_t(760686745), unixSeconds(start.first.date->time));
    CHECK_EQ(std::uint64_t(310), start.first.literal.size);
    CHECK(start.first.literal.synchronising && !start.first.utf8);
    auto utf8 = arguments<args::Append>("a APPEND {1+}\r\nx UTF8 (~{5+}");
    CHECK(utf8.first.utf8 && utf8.first.literal.binary && !utf8.first.literal.synchronising);
    for (const char* bad : {"a APPEND x", "a APPEND x (\\Seen)", "a APPEND {1}\r\nx", "a APPEND x (\\Recent) {5}", "a APPEND x \\Seen {5}", "a APPEND x \"1994\" {5}",
                            "a APPEND x UTF8 ({5}", "a APPEND x UTF8 {5}", "a APPEND x foo {5}", "a APPEND x CATENATE (TEXT {5}", "a APPEND x  {5}"})
      CHECK_MSG(bad, !whyNot(bad).empty());

    auto after = [](std::string text, bool hasMessage, bool previousUtf8 = false, bool mayContinue = true) {
      Framed framed;
      framed.afterMessage = true;
      framed.text = std::move(text);
      framed.hasMessage = hasMessage;
      framed.message.size = 7;
      auto parsed = parseAfterMessage(framed, previousUtf8, mayContinue);
      return !parsed ? std::string("bad") : *parsed ? "message " + flagsText((*parsed)->flags) : "end";
    };
    CHECK_EQ(std::string("end"), after("", false));
    CHECK_EQ(std::string("end"), after(")", false, true));
    CHECK_EQ(std::string("message (\\Draft)"), after(" (\\Draft) ", true));
    CHECK_EQ(std::string("message ()"), after(") ", true, true));
    CHECK_EQ(std::string("bad"), after(")", false));
    CHECK_EQ(std::string("bad"), after("", false, true));
    CHECK_EQ(std::string("bad"), after("", true));
    CHECK_EQ(std::string("bad"), after(" ", false));
    CHECK_EQ(std::string("bad"), after(" ", true, false, false));
    CHECK_EQ(std::string("bad"), after("x", false));

    auto replace = arguments<args::Replace>("A003 REPLACE 4 Drafts (\\Seen \\Draft) {312}");
    CHECK(!replace.uid && replace.target.text() == "4" && replace.message.literal.size == 312);
    CHECK(arguments<args::Replace>("a UID REPLACE * Drafts {312}").uid);
    for (const char* bad : {"a REPLACE 4:5 x {1}", "a REPLACE $ x {1}", "a REPLACE 4:* x {1}", "a REPLACE 4 x", "a REPLACE 1,3 x {1}"}) CHECK_MSG(bad, !whyNot(bad).empty());
  }

  void quota() {
    auto set = arguments<args::SetQuota>("S000 SETQUOTA \"#user/alice\" (STORAGE 510 message 2)");
    CHECK_EQ(std::string("MESSAGE"), set.limits.at(1).first);
    CHECK_EQ(std::uint64_t(510), set.limits.at(0).second);
    CHECK_EQ(std::string(""), arguments<args::Quota>("G0001 GETQUOTA \"\"").root);
    CHECK_EQ(std::string("INBOX"), arguments<args::Mailbox>("G0001 GETQUOTAROOT INBOX").mailbox);
    CHECK(!whyNot("a SETQUOTA \"\" (STORAGE)").empty());
  }

  void metadata() {
    auto get = arguments<args::GetMetadata>("a GETMETADATA \"INBOX\" (MAXSIZE 1024) (/shared/comment /private/Comment)");
    CHECK_EQ(std::uint64_t(1024), get.maxSize.value());
    CHECK_EQ(std::string("/private/comment"), get.entries.at(1));
    CHECK(arguments<args::GetMetadata>("a GETMETADATA (DEPTH infinity) \"\" /private/filters/values").depth == args::GetMetadata::Depth::infinity);
    CHECK(arguments<args::GetMetadata>("a GETMETADATA INBOX (DEPTH 1) (/private/filters/values)").depth == args::GetMetadata::Depth::one);
    auto set = arguments<args::SetMetadata>("a SETMETADATA INBOX (/private/comment {33}\r\nMy new comment across\r\ntwo lines. /shared/X NIL /shared/y ~{1+}\r\n\x01)");
    CHECK_EQ(std::string("My new comment across\r\ntwo lines."), set.entries.at(0).value.value());
    CHECK(!set.entries.at(1).value && set.entries.at(1).name == "/shared/x");
    CHECK(set.entries.at(2).binary);
    for (const char* bad : {"a GETMETADATA x comment", "a GETMETADATA x /a/", "a GETMETADATA x /", "a GETMETADATA x //a", "a GETMETADATA x \"/a*\"", "a GETMETADATA x \"/a%\"",
                            "a GETMETADATA x ()", "a GETMETADATA x (DEPTH 2) /a", "a SETMETADATA x ()", "a SETMETADATA x (/a)", "a SETMETADATA x (/a b)"})
      CHECK_MSG(bad, !whyNot(bad).empty());
  }

  void notify() {
    CHECK(!arguments<args::Notify>("a NOTIFY NONE").groups);
    // RFC 5465 §5: the events of the selected mailbox stand in parentheses like all others.
    auto set = arguments<args::Notify>(
        "a notify set status (selected (MessageNew (uid body.peek[header.fields (from to subject)]) MessageExpunge FlagChange))"
        " (subtree Lists (messagenew Frobnicate)) (mailboxes (a \"b c\") NONE) (selected-delayed (MessageExpunge))");
    CHECK(set.status);
    using Event = args::Notify::Event;
    const auto& groups = set.groups.value();
    CHECK_EQ(std::size_t(4), groups.size());
    CHECK(groups[0].events.at(0).items.at(1).peek && groups[0].events.at(0).items.at(1).section.fields.size() == 3);
    CHECK(groups[0].events.at(2).kind == Event::Kind::flagChange);
    CHECK(groups[1].filter.kind == MailboxFilter::Kind::subtree && groups[1].filter.mailboxes.at(0) == "Lists");
    CHECK(groups[1].events.at(1).kind == Event::Kind::unknown && groups[1].events.at(1).name == "Frobnicate");
    CHECK(groups[2].events.empty() && groups[2].filter.mailboxes.at(1) == "b c");
    CHECK(groups[3].filter.kind == MailboxFilter::Kind::selectedDelayed);
    CHECK(!arguments<args::Notify>("a NOTIFY SET (personal (MailboxName))").status);
    for (const char* bad : {"a NOTIFY", "a NOTIFY SET", "a NOTIFY SET STATUS", "a NOTIFY SET (foo NONE)", "a NOTIFY SET (personal ())", "a NOTIFY SET (subtree () NONE)",
                            "a NOTIFY NONE (personal NONE)", "a NOTIFY SET personal NONE", "a NOTIFY SET (personal (MessageNew ()))", "a NOTIFY SET (selected NONE) "})
      CHECK_MSG(bad, !whyNot(bad).empty());
  }

  void refused() {
    auto error = [](std::string_view wire) {
      auto command = parseCommand(frame(wire), {});
      CHECK(!command);
      return command.error();
    };
    CHECK_EQ(std::string("a1"), error("a1 FOO").tag);
    CHECK_EQ(std::string("unknown command FOO"), error("a1 FOO").reason);
    CHECK(error("a1 UID NOOP").reason == "unknown command NOOP");
    CHECK(error("a1 NOOP x").kind == CommandKind::noop);
    CHECK_EQ(std::string(""), error("").tag);
    CHECK_EQ(std::string(""), error("NOOP").tag);
    CHECK_EQ(std::string(""), error("a+b NOOP").tag);
    CHECK_EQ(std::string(""), error("* NOOP").tag);
    CHECK_EQ(std::string(""), error(" NOOP").tag);
    CHECK_EQ(std::string(""), error("\x80 NOOP").tag);
    for (std::string_view bad : {"a ", "a  NOOP", "a NOOP ", "a UID", "a UID ", "a (", "a \x01", "a NOOP\r"}) {
      auto reason = error(bad).reason;
      CHECK_MSG(std::string(bad), !reason.empty());
      for (char c : reason) CHECK_MSG(std::string(bad), c >= ' ' && c < 0x7f);
    }
    // A reason is logged: no piece of a password in it.
    for (std::string_view bad : {"a  LOGIN u secret", "a LOGIN u \"secret", "a LOGIN u secret secret", "a LOGIN u secret(", "a AUTHENTICATE PLAIN secret!", "a LOGIN u(secret"})
      CHECK_MSG(std::string(bad), error(bad).reason.find("secret") == std::string::npos);
    Framed bare = frame("a NOOP");
    bare.bareLineFeed = true;
    CHECK_EQ(std::string("a"), parseCommand(bare, {}).error().tag);
  }
};
SUITE(ParserTest);
