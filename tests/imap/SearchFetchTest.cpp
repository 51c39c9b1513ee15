#include "Parse.h"
#include "imap/Output.h"
#include "support/Test.h"

using namespace mox;
using namespace mox::imap;
using mox::imap::test::arguments;
using mox::imap::test::frame;
using mox::imap::test::whyNot;

struct SearchFetchTest : mox::test::Suite<SearchFetchTest> {
  static void list(List& l) {
    l.add("search keys of the RFCs", &SearchFetchTest::keys);
    l.add("search trees print and parse", &SearchFetchTest::identity);
    l.add("search arguments", &SearchFetchTest::searchArguments);
    l.add("search: nesting and counts, item 35", &SearchFetchTest::nesting);
    l.add("ESEARCH, SORT, THREAD", &SearchFetchTest::relatives);
    l.add("FETCH items", &SearchFetchTest::fetch);
    l.add("FETCH macros and modifiers", &SearchFetchTest::fetchModifiers);
    l.add("FETCH refused", &SearchFetchTest::fetchRefused);
    l.add("STORE, COPY, MOVE", &SearchFetchTest::store);
  }

  static std::string tree(std::string_view keys) { return searchText(arguments<args::Search>("a SEARCH " + std::string(keys)).program.root); }

  void keys() {
    // RFC 9051 §6.4.4.
    CHECK_EQ(std::string("(FLAGGED SINCE 1-Feb-1994 NOT FROM Smith)"), tree("FLAGGED SINCE 1-Feb-1994 NOT FROM \"Smith\""));
    CHECK_EQ(std::string("(TEXT \"string not in mailbox\")"), tree("TEXT \"string not in mailbox\""));
    CHECK_EQ(std::string("(2,282 OR FROM me (UNSEEN LARGER 5))"), tree("282,2 or from me (unseen larger 5)"));
    CHECK_EQ(std::string("(UID 1:* BODY {3}\r\na\nb)"), tree("uid 1:* BODY {3}\r\na\nb"));
    CHECK_EQ(std::string("($ KEYWORD $Junk UNKEYWORD foo)"), tree("$ KEYWORD $junk UNKEYWORD FOO"));
    CHECK_EQ(std::string("(MODSEQ \"/flags/\\\\draft\" all 620162338)"), tree("MODSEQ \"/flags/\\\\draft\" all 620162338"));
    CHECK_EQ(std::string("(MODSEQ 620162338)"), tree("MODSEQ 620162338"));
    CHECK_EQ(std::string("(UNSEEN YOUNGER 259200)"), tree("UNSEEN YOUNGER 259200"));
    CHECK_EQ(std::string("(SAVEDBEFORE 1-Jan-2020)"), tree("SAVEDBEFORE \"01-jan-2020\""));
    auto flag = arguments<args::Search>("a SEARCH UNDELETED").program.root.children.at(0);
    CHECK(flag.kind == SearchKey::Kind::flag && !flag.on && flag.text == "\\Deleted");
    auto day = arguments<args::Search>("a SEARCH ON 2-Jan-1970").program.root.children.at(0);
    CHECK_EQ(1, day.day);
    auto header = arguments<args::Search>("a SEARCH HEADER Message-ID \"\"").program.root.children.at(0);
    CHECK(header.field == "Message-ID" && header.text.empty());
  }

  void identity() {
    for (std::string_view text :
         {"ALL", "ANSWERED", "BCC x", "BEFORE 3-Mar-2001", "BODY x", "CC \"a b\"", "DELETED", "DRAFT", "EMAILID M6d99ac3275bb4e", "FLAGGED", "FROM \"\"", "HEADER a b",
          "KEYWORD foo", "LARGER 0", "NEW", "NOT NOT NOT SEEN", "OLD", "OLDER 1", "ON 31-Dec-1969", "OR (1 2) OR 3 NOT (OR 4 5)", "RECENT", "SAVEDATESUPPORTED",
          "SAVEDON 1-Jan-2020", "SAVEDSINCE 1-Jan-2020", "SENTBEFORE 1-Jan-2020", "SENTON 1-Jan-2020", "SENTSINCE 1-Jan-2020", "SINCE 9-Nov-9999", "SMALLER 9223372036854775807",
          "SUBJECT \"nil\"", "THREADID T64b478a75b7ea9", "TO x", "UNANSWERED", "UNDRAFT", "UNFLAGGED", "UNSEEN", "YOUNGER 4", "1,4:*", "UID $", "UIDAFTER 25000", "UIDBEFORE 4294967295"}) {
      auto once = tree(text);
      CHECK_EQ(once, tree(once).substr(1, once.size()));
    }
  }

  void searchArguments() {
    auto program = arguments<args::Search>("A284 SEARCH RETURN (MIN COUNT SAVE) CHARSET utf-8 TEXT {2}\r\n\xc3\xa9").program;
    CHECK(program.result.given && program.result.min && program.result.count && program.result.save && !program.result.all && !program.result.max);
    CHECK_EQ(std::string("UTF-8"), program.charset.value());
    CHECK_EQ(std::string("\xc3\xa9"), program.root.children.at(0).text);
    CHECK(arguments<args::Search>("a SEARCH RETURN () 1").program.result.all);
    CHECK(!arguments<args::Search>("a SEARCH RETURN (SAVE) 1").program.result.all);
    auto live = arguments<args::Search>("a SEARCH RETURN (UPDATE CONTEXT RELEVANCY) FUZZY (SUBJECT x)").program;
    CHECK(live.result.update && live.result.context && live.result.relevancy && !live.result.all);
    CHECK(live.root.children.at(0).kind == SearchKey::Kind::fuzzy);
    CHECK_EQ(std::size_t(2), arguments<args::CancelUpdate>("a CANCELUPDATE \"b\" \"c\"").tags.size());
    CHECK(!arguments<args::Search>("a SEARCH 1").program.result.given);
    CHECK(arguments<args::Search>("a UID SEARCH 1").uid);
    auto window = arguments<args::Search>("A01 UID SEARCH RETURN (PARTIAL -1:-100) UNDELETED").program.result.partial.value();
    CHECK(window.first == -1 && window.last == -100);
    CHECK_EQ(std::int64_t(5), arguments<args::Search>("a SEARCH RETURN (PARTIAL 9:5) ALL").program.result.partial->first);
    for (const char* bad : {"a SEARCH", "a SEARCH ", "a SEARCH RETURN (MIN)", "a SEARCH RETURN (FOO) 1", "a SEARCH RETURN (PARTIAL 1:-5) 1", "a SEARCH RETURN (PARTIAL 0:5) 1",
                            "a SEARCH RETURN (ALL PARTIAL 1:5) 1", "a SEARCH CHARSET 1", "a SEARCH CHARSET UTF-8", "a SEARCH FROM", "a SEARCH HEADER a", "a SEARCH NOT",
                            "a SEARCH OR 1", "a SEARCH ()", "a SEARCH (1", "a SEARCH 1)", "a SEARCH ON 30-Feb-2020", "a SEARCH ON 2020-01-01", "a SEARCH ON \"1-Jan-2020",
                            "a SEARCH LARGER -1", "a SEARCH LARGER 9223372036854775808", "a SEARCH OLDER 0", "a SEARCH KEYWORD \\Seen", "a SEARCH FOO", "a SEARCH 0",
                            "a SEARCH MODSEQ \"/flags/x\" some 1", "a SEARCH EMAILID a/b", "a SEARCH UID", "a SEARCH UIDAFTER 0", "a SEARCH UIDBEFORE 1:2", "a SEARCH UIDAFTER *", "a SEARCH 1  2", "a SEARCH \"FROM\" x"})
      CHECK_MSG(bad, !whyNot(bad).empty());
  }

  void nesting() {
    auto nested = [](const std::string& open, const std::string& close, std::int64_t depth) {
      std::string out = "a SEARCH ";
      for (std::int64_t i = 0; i < depth; ++i) out += open;
      out += "1";
      for (std::int64_t i = 0; i < depth; ++i) out += close;
      return whyNot(out);
    };
    CHECK_EQ(std::string(), nested("(", ")", searchDepth.value));
    CHECK_EQ(std::string("more than 64 keys (imap-search-depth)"), nested("(", ")", searchDepth.value + 1));
    CHECK_EQ(std::string("more than 64 keys (imap-search-depth)"), nested("(", "", 16'000));
    CHECK_EQ(std::string("more than 64 keys (imap-search-depth)"), nested("NOT ", "", 4'000));
    CHECK_EQ(std::string("more than 64 keys (imap-search-depth)"), nested("OR 1 ", "", 3'000));
    CHECK_EQ(std::string("more than 64 keys (imap-search-depth)"), nested("OR ", " 1", 2'000));
    // Ten million parentheses never get past the reader; what fits in a line is refused elsewhere too.
    std::string many(16'000, '(');
    for (std::string command : {"a FETCH 1 ", "a STORE 1 FLAGS ", "a LIST ", "a ID ", "a SELECT x ", "a STATUS x ", "a NOTIFY SET ", "a ESEARCH IN ", "a SORT ", "a GETMETADATA "})
      CHECK_MSG(command, !whyNot(command + many).empty());
    // A set as long as a line is linear work.
    std::string set = "1:4294967295";
    while (set.size() < 16'000) set += ",4294967295:1,7";
    CHECK_EQ(std::string("(1:4294967295)"), tree(set));
    CHECK_EQ(std::string("(*)"), tree("*:*"));
  }

  void relatives() {
    // RFC 7377 §2.
    auto multi = arguments<args::Esearch>("tag1 ESEARCH IN (mailboxes \"folder1\" subtree (\"folder2\" x) personal selected) RETURN (ALL) unseen subject \"abc\"");
    CHECK_EQ(std::size_t(4), multi.sources.size());
    CHECK(multi.sources[1].kind == MailboxFilter::Kind::subtree && multi.sources[1].mailboxes.at(1) == "x");
    CHECK(multi.program.result.all);
    CHECK_EQ(std::size_t(2), multi.program.root.children.size());
    CHECK(arguments<args::Esearch>("a ESEARCH 1").sources.empty());
    CHECK(arguments<args::Esearch>("a ESEARCH IN (subtree-one x inboxes) CHARSET UTF-8 1").program.charset == "UTF-8");
    CHECK(!whyNot("a ESEARCH IN () 1").empty());
    CHECK(!whyNot("a ESEARCH IN (foo) 1").empty());
    // RFC 5256 §3.
    auto sort = arguments<args::Sort>("A283 UID SORT (SUBJECT REVERSE DATE) UTF-8 ALL");
    CHECK(sort.uid && sort.criteria.at(1).reverse && sort.criteria.at(1).key == args::Sort::Key::date);
    CHECK(arguments<args::Sort>("E01 SORT RETURN (COUNT) (REVERSE DISPLAYFROM) UTF-8 UNDELETED").program.result.count);
    CHECK_EQ(std::string("ORDEREDSUBJECT"), arguments<args::Thread>("A283 THREAD orderedsubject UTF-8 SINCE 5-MAR-2000").algorithm);
    CHECK(!whyNot("a SORT () UTF-8 ALL").empty());
    CHECK(!whyNot("a SORT (DATE) UTF-8").empty());
  }

  static std::string items(std::string_view wire) {
    std::string out;
    for (const auto& item : arguments<args::Fetch>("a FETCH 2:4 " + std::string(wire)).items) {
      if (!out.empty()) out += ' ';
      out += item.responseName() + (item.setsSeen() ? "!" : "") + (item.lazy ? "?" : "");
    }
    return out;
  }

  void fetch() {
    CHECK_EQ(std::string("FLAGS BODY[HEADER.FIELDS (DATE FROM)]!"), items("(FLAGS BODY[HEADER.FIELDS (DATE FROM)])"));
    CHECK_EQ(std::string("BODY[]! BODY[TEXT]<0>! BODY[1.2.HEADER] BODY[4.2.MIME]! BODY[3]!"), items("(body[] Body[text]<0.2048> BODY.PEEK[1.2.header] BODY[4.2.MIME] BODY[3])"));
    CHECK_EQ(std::string("BODY BODYSTRUCTURE UID RFC822.SIZE"), items("(BODY BODYSTRUCTURE UID RFC822.SIZE)"));
    CHECK_EQ(std::string("RFC822! RFC822.HEADER RFC822.TEXT!"), items("(RFC822 RFC822.HEADER RFC822.TEXT)"));
    CHECK_EQ(std::string("BINARY[]! BINARY[1.2]<5>! BINARY[1] BINARY.SIZE[3]"), items("(BINARY[] BINARY[1.2]<5.6> BINARY.PEEK[1] BINARY.SIZE[3])"));
    CHECK_EQ(std::string("PREVIEW? UID"), items("(PREVIEW (LAZY) UID)"));
    CHECK_EQ(std::string("PREVIEW?"), items("preview (lazy)"));
    CHECK_EQ(std::string("PREVIEW"), items("PREVIEW"));
    CHECK_EQ(std::string("MODSEQ SAVEDATE EMAILID THREADID INTERNALDATE ENVELOPE"), items("(MODSEQ SAVEDATE EMAILID THREADID INTERNALDATE ENVELOPE)"));
    CHECK_EQ(std::string("BODY[HEADER.FIELDS.NOT (\"a b\" x)]"), items("BODY.PEEK[HEADER.FIELDS.NOT (\"a b\" {1}\r\nx)]"));
    // Once is enough.
    CHECK_EQ(std::string("UID FLAGS"), items("(UID FLAGS UID)"));
    auto partial = arguments<args::Fetch>("a FETCH 1 BODY[]<9223372036854775807.4294967296>").items.at(0).partial.value();
    CHECK(partial == (Partial{0x7fffffffffffffff, 4294967296}));
  }

  void fetchModifiers() {
    CHECK_EQ(std::string("FLAGS INTERNALDATE RFC822.SIZE ENVELOPE"), items("ALL"));
    CHECK_EQ(std::string("FLAGS INTERNALDATE RFC822.SIZE"), items("fast"));
    CHECK_EQ(std::string("FLAGS INTERNALDATE RFC822.SIZE ENVELOPE BODY"), items("FULL"));
    auto changed = arguments<args::Fetch>("s100 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345 VANISHED)");
    CHECK(changed.uid && changed.vanished && changed.changedSince == std::uint64_t(12345) && changed.set.hasStar());
    CHECK(arguments<args::Fetch>("a FETCH 1 PREVIEW (CHANGEDSINCE 5)").changedSince == std::uint64_t(5));
    CHECK(arguments<args::Fetch>("a UID FETCH 1:* UID (PARTIAL -1:-30)").partial->last == -30);
    CHECK(arguments<args::Fetch>("a FETCH $ UID").set.isSaved());
  }

  void fetchRefused() {
    for (const char* bad : {"a FETCH", "a FETCH 1", "a FETCH 1 ", "a FETCH 0 UID", "a FETCH 1 ()", "a FETCH 1 FOO", "a FETCH 1 (ALL)", "a FETCH 1 (UID", "a FETCH 1 UID FLAGS",
                            "a FETCH 1 BODY[", "a FETCH 1 BODY[]<0>", "a FETCH 1 BODY[]<0.0>", "a FETCH 1 BODY[]<0.1", "a FETCH 1 BODY[MIME]", "a FETCH 1 BODY[0]", "a FETCH 1 BODY[1.]",
                            "a FETCH 1 BODY[1.0]", "a FETCH 1 BODY[.1]", "a FETCH 1 BODY[1..2]", "a FETCH 1 BODY[1.FOO]", "a FETCH 1 BODY[HEADER.FIELDS]", "a FETCH 1 BODY[HEADER.FIELDS ()]",
                            "a FETCH 1 BODY[TEXT.1]", "a FETCH 1 BODY[4294967296]", "a FETCH 1 BINARY[TEXT]", "a FETCH 1 BINARY", "a FETCH 1 BINARY.SIZE[1]<0.1>", "a FETCH 1 RFC822[]",
                            "a FETCH 1 PREVIEW (FOO)", "a FETCH 1 (PREVIEW (FOO))", "a FETCH 1 UID (CHANGEDSINCE 0)", "a FETCH 1 UID (CHANGEDSINCE 5 VANISHED)", "a UID FETCH 1 UID (VANISHED)",
                            "a FETCH 1 UID (PARTIAL 1:5)", "a FETCH 1 UID (FOO)", "a FETCH 1 UID ()", "a FETCH 1 BODY[1.HEADER.FIELDS(A)]"})
      CHECK_MSG(bad, !whyNot(bad).empty());
    std::string deep = "a FETCH 1 BODY[1";
    for (int i = 0; i < 5000; ++i) deep += ".1";
    CHECK_EQ(std::string("more than " + std::to_string(sectionDepth.value) + " parts (imap-section-depth)"), whyNot(deep + "]"));
    std::string many = "a FETCH 1 (UID";
    for (std::size_t i = 1; i <= static_cast<std::size_t>(fetchItems.value); ++i) many += " BODY[" + std::to_string(i) + "]";
    CHECK_EQ(std::string("more than 1000 items (imap-fetch-items)"), whyNot(many + ")"));
  }

  void store() {
    auto add = arguments<args::Store>("A003 STORE 2:4 +FLAGS (\\Deleted)");
    CHECK(add.action == args::Store::Action::add && !add.silent && add.flags.has(Flag::deleted));
    auto silent = arguments<args::Store>("a103 UID STORE 6,4,8 (UNCHANGEDSINCE 12121230045) -flags.silent \\Seen Foo");
    CHECK(silent.uid && silent.silent && silent.action == args::Store::Action::remove && silent.unchangedSince == std::uint64_t(12121230045));
    CHECK_EQ(std::string("(\\Seen foo)"), flagsText(silent.flags));
    CHECK(arguments<args::Store>("a STORE 1 FLAGS ()").flags.empty());
    CHECK_EQ(std::string("($Junk a b)"), flagsText(arguments<args::Store>("a STORE 1 FLAGS (B $JUNK a b A)").flags));
    for (const char* bad : {"a STORE 1 FLAGS", "a STORE 1 +FLAGS.LOUD ()", "a STORE 1 FLAGS (\\Recent)", "a STORE 1 FLAGS (\\Foo)", "a STORE 1 FLAGS (\\*)", "a STORE 1 FLAGS (a]b)",
                            "a STORE 1 FLAGS (\\)", "a STORE 1 FLAGS (a", "a STORE 1 FLAGS (\"a\")", "a STORE 1 (FOO 1) FLAGS a", "a STORE 1 *FLAGS a", "a STORE 1 FLAGS (\xc3\xa9)"})
      CHECK_MSG(bad, !whyNot(bad).empty());
    std::string longest(static_cast<std::size_t>(keywordBytes.value), 'k');
    CHECK_EQ(std::string(), whyNot("a STORE 1 FLAGS " + longest));
    CHECK_EQ(std::string("more than 255 bytes (imap-keyword-bytes)"), whyNot("a STORE 1 FLAGS " + longest + "k"));
    CHECK(whyNot("a STORE 1 FLAGS \\" + longest + "k").starts_with("unknown flag"));
    auto copy = arguments<args::Copy>("A003 COPY 2:4 MEETING");
    CHECK(!copy.uid && copy.mailbox == "MEETING" && copy.set.text() == "2:4");
    CHECK(arguments<args::Copy>("a UID MOVE 42:69 foo").uid);
  }
};
SUITE(SearchFetchTest);
