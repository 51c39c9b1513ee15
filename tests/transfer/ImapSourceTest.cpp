// What ImapSource asks a server and makes of the answers, against one that says what a script has it say.
#include "transfer/ImapSource.h"

#include <deque>

#include "support/Test.h"
#include "transfer/ImapConnection.h"
#include "transfer/ImapDial.h"

using namespace mox;
using namespace mox::transfer;

namespace {

/// Answers each command by what stands for it; "{tag}" is the command's tag. Octets come one at a time if `slow`.
class Script final : public ByteStream {
 public:
  explicit Script(std::map<std::string, std::string> answers, bool slow = false) : answers_(std::move(answers)), slow_(slow) { said_ = "* OK ready\r\n"; }

  Result<std::string_view> read() override {
    given_ = said_.substr(0, slow_ ? 1 : said_.size());
    said_.erase(0, given_.size());
    return std::string_view(given_);
  }
  Result<void> write(std::string_view bytes) override {
    auto space = bytes.find(' ');
    auto tag = std::string(bytes.substr(0, space)), words = std::string(bytes.substr(space + 1, bytes.size() - space - 3));
    heard.push_back(words);
    auto answer = answers_.contains(words) ? answers_[words] : "{tag} OK done\r\n";
    if (auto at = answer.rfind("{tag}"); at != std::string::npos) answer.replace(at, 5, tag);
    said_ += answer;
    return {};
  }

  std::vector<std::string> heard;

 private:
  std::map<std::string, std::string> answers_;
  const bool slow_;
  std::string said_, given_;
};

struct Sink final : FoundSink {
  void begin(Found found) override { all.push_back(found.mailbox + "|" + imap::flagsText(found.flags) + "|" + std::to_string(found.received ? unixSeconds(*found.received) : 0) + "|"); }
  void append(std::string_view bytes) override { all.back() += bytes; }
  Result<void> end(const imap::Flags&) override { return {}; }
  void drop(const Error& why) override { all.back() = "dropped: " + why.text; }
  void mailbox(const std::string& name) override { mailboxes.push_back(name); }
  void problem(const std::string& where, const std::string& why) override { problems.push_back(where + ": " + why); }
  std::vector<std::string> all, mailboxes, problems;
};

const std::map<std::string, std::string> oneFolder = {
    {"CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n{tag} OK\r\n"},
    {"LIST \"\" \"*\"", "* LIST (\\HasNoChildren) \".\" INBOX\r\n* LIST (\\Sent) \".\" \"Gesendet\"\r\n* LIST (\\Noselect) \".\" {3}\r\nold\r\n* LIST () \".\" \"a.b/c\"\r\n{tag} OK\r\n"},
    {"EXAMINE \"INBOX\"", "* 2 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{tag} OK [READ-ONLY]\r\n"},
    {"FETCH 1:2 (UID FLAGS INTERNALDATE)", "* 1 FETCH (UID 3 FLAGS (\\Seen \\Recent Custom) INTERNALDATE \" 1-Jan-1970 00:00:09 +0000\")\r\n* 2 FETCH (FLAGS () UID 5 INTERNALDATE \"nonsense\")\r\n{tag} OK\r\n"},
    {"FETCH 1:2 (UID BODY.PEEK[])", "* 1 FETCH (BODY[] {6}\r\na\r\n{9} UID 3)\r\n* 2 FETCH (UID 5 BODY[] \"quoted\")\r\n* 9 EXISTS\r\n{tag} OK\r\n"},
    {"EXAMINE \"a.b/c\"", "{tag} NO [NOPERM] not yours\r\n"},
};

}  // namespace

struct ImapSourceTest : test::Suite<ImapSourceTest> {
  static void list(List& l) {
    l.add("mailboxes, flags, dates and octets, however they come", &ImapSourceTest::reads);
    l.add("a later run asks only for what is above the mark", &ImapSourceTest::repeats);
    l.add("what became of earlier messages: all are asked for, or with CONDSTORE the changed ones", &ImapSourceTest::follows);
    l.add("names in UTF-8, where the server can", &ImapSourceTest::utf8Names);
    l.add("no password without TLS, none that was refused", &ImapSourceTest::login);
    l.add("a connection that ends within a message drops it", &ImapSourceTest::breaks);
    l.add("a line without end, literals nobody asked for, answers to nothing", &ImapSourceTest::hostile);
    l.add("a server's address as a person writes it, IPv6 too", &ImapSourceTest::addresses);
  }

  Sink sink;
  std::map<std::string, std::string> marks;
  std::vector<std::string> followed;
  bool wantsRemovals = false;

  Result<void> run(Script& script, bool encrypted = true) {
    ImapConnection connection(script);
    auto greeting = connection.greeting();
    if (!greeting) return tl::unexpected(greeting.error());
    ImapSourceOptions options;
    options.user = "u";
    options.password = "p";
    options.specialUses = {{"\\sent", "Sent"}};
    options.mark = [this](const std::string& mailbox) { return marks.contains(mailbox) ? std::optional(marks[mailbox]) : std::nullopt; };
    options.setMark = [this](const std::string& mailbox, const std::string& value) -> Result<void> {
      marks[mailbox] = value;
      return {};
    };
    options.number = [](const std::string&, std::uint32_t validity) { return std::int64_t{validity} + 1000; };
    options.forget = [this](std::int64_t source) { followed.push_back("forget " + std::to_string(source)); };
    options.follow = [this](const SourceState& state) -> Result<void> {
      std::string text = std::to_string(state.source) + " " + std::to_string(state.first) + ":" + std::to_string(state.last) + (state.isComplete ? " all" : "");
      for (const auto& [uid, flags] : state.there) text += " " + std::to_string(uid) + imap::flagsText(flags);
      followed.push_back(text);
      return {};
    };
    options.wantsRemovals = wantsRemovals;
    return ImapSource(connection, sink, options, encrypted).run(*greeting);
  }

  void reads() {
    for (bool slow : {false, true}) {
      sink = {};
      marks.clear();
      Script script(oneFolder, slow);
      auto done = run(script);
      CHECK_MSG(done ? "" : done.error().text, done.has_value());
      CHECK_EQ(std::string("AUTHENTICATE PLAIN"), script.heard.at(1));
      CHECK((sink.mailboxes == std::vector<std::string>{"", "Sent", "a/b_c"}));
      CHECK((sink.all == std::vector<std::string>{"|(\\Seen custom)|9|a\r\n{9}", "|()|0|quoted"}));
      CHECK_EQ(std::string("7 5 0"), marks["INBOX"]);
      CHECK_EQ(std::size_t(1), sink.problems.size());
    }
  }

  void repeats() {
    marks["INBOX"] = "7 3";
    auto answers = oneFolder;
    answers["FETCH 2:2 (UID FLAGS INTERNALDATE)"] = "* 2 FETCH (FLAGS () UID 5)\r\n{tag} OK\r\n";
    answers["FETCH 1:1 (UID FLAGS INTERNALDATE)"] = "* 1 FETCH (FLAGS () UID 3)\r\n{tag} OK\r\n";
    answers["FETCH 1:1 (UID FLAGS)"] = "* 1 FETCH (FLAGS (\\Flagged) UID 3)\r\n{tag} OK\r\n";
    answers["FETCH 2:2 (UID FLAGS)"] = "* 2 FETCH (FLAGS () UID 5)\r\n{tag} OK\r\n";
    answers["FETCH 2:2 (UID BODY.PEEK[])"] = "* 2 FETCH (UID 5 BODY[] {3}\r\nnew)\r\n{tag} OK\r\n";
    Script script(answers);
    CHECK(run(script).has_value());
    CHECK((sink.all == std::vector<std::string>{"|()|0|new"}));
    marks["INBOX"] = "6 5";  // UIDVALIDITY changed: all of it
    sink = {};
    Script other(oneFolder);
    CHECK(run(other).has_value());
    CHECK_EQ(std::size_t(2), sink.all.size());
    CHECK((followed == std::vector<std::string>{"1007 1:3 all 3(\\Flagged)", "forget 1006"}));
  }

  void follows() {
    auto answers = oneFolder;
    answers["CAPABILITY"] = "* CAPABILITY IMAP4rev1 AUTH=PLAIN CONDSTORE\r\n{tag} OK\r\n";
    answers["EXAMINE \"INBOX\" (CONDSTORE)"] = "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n* OK [HIGHESTMODSEQ 90] x\r\n{tag} OK\r\n";
    answers["FETCH 1:1 (UID FLAGS INTERNALDATE)"] = answers["FETCH 1:1 (UID FLAGS)"] = "* 1 FETCH (FLAGS () UID 3)\r\n{tag} OK\r\n";
    answers["UID FETCH 1:5 (UID FLAGS) (CHANGEDSINCE 80)"] = "* 1 FETCH (UID 3 FLAGS (\\Seen) MODSEQ (85))\r\n{tag} OK\r\n";
    marks["INBOX"] = "7 5 80";
    Script changed(answers);
    CHECK(run(changed).has_value());
    CHECK((followed == std::vector<std::string>{"1007 1:5 3(\\Seen)"}));
    CHECK_EQ(std::string("7 5 90"), marks["INBOX"]);
    // Nothing has changed: nothing is asked. Removals may be of a time when they were not looked for, even with QRESYNC.
    followed.clear();
    Script same(answers);
    CHECK(run(same).has_value() && followed.empty());
    wantsRemovals = true;
    answers["CAPABILITY"] = "* CAPABILITY IMAP4rev1 AUTH=PLAIN CONDSTORE QRESYNC\r\n{tag} OK\r\n";
    Script removals(answers);
    CHECK(run(removals).has_value());
    CHECK((followed == std::vector<std::string>{"1007 1:5 all 3()"}));
    // All are gone; and a message that the server does not tell of is not gone.
    followed.clear();
    answers["EXAMINE \"INBOX\" (CONDSTORE)"] = "* 0 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{tag} OK\r\n";
    Script empty(answers);
    CHECK(run(empty).has_value());
    answers["EXAMINE \"INBOX\" (CONDSTORE)"] = "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{tag} OK\r\n";
    answers["FETCH 1:1 (UID FLAGS)"] = "{tag} OK\r\n";
    Script silent(answers);
    CHECK(run(silent).has_value());
    CHECK((followed == std::vector<std::string>{"1007 1:5 all"}));
    // Nor are others, if one that was not told may have hidden where the mark is.
    followed.clear();
    answers["EXAMINE \"INBOX\" (CONDSTORE)"] = "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{tag} OK\r\n";
    answers["FETCH 1:1 (UID FLAGS)"] = "* 1 FETCH (FLAGS () UID 3)\r\n{tag} OK\r\n";
    answers["FETCH 2:2 (UID FLAGS INTERNALDATE)"] = answers["FETCH 2:2 (UID FLAGS)"] = "{tag} OK\r\n";
    Script hidden(answers);
    CHECK(run(hidden).has_value());
    CHECK((followed == std::vector<std::string>{"1007 1:5 3()"}));
  }

  void utf8Names() {
    Script script({{"CAPABILITY", "* CAPABILITY IMAP4rev1 AUTH=PLAIN ENABLE UTF8=ACCEPT\r\n{tag} OK\r\n"},
                   {"ENABLE UTF8=ACCEPT", "* ENABLED UTF8=ACCEPT\r\n{tag} OK\r\n"},
                   {"LIST \"\" \"*\"", "* LIST () \"/\" \"Entw\xc3\xbcrfe & mehr\"\r\n{tag} OK\r\n"},
                   {"EXAMINE \"Entw\xc3\xbcrfe & mehr\"", "* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n{tag} OK\r\n"},
                   {"FETCH 1:1 (UID FLAGS INTERNALDATE)", "* 1 FETCH (UID 2 FLAGS ())\r\n{tag} OK\r\n"}});
    CHECK(run(script).has_value());
    CHECK((sink.mailboxes == std::vector<std::string>{"Entw\xc3\xbcrfe & mehr"}));
    // Its mark is the one of a run without UTF-8.
    CHECK_EQ(std::string("7 2 0"), marks["Entw&APw-rfe &- mehr"]);
  }

  void login() {
    Script plain(oneFolder);
    CHECK(run(plain, false).error().code == Errc::denied);
    CHECK_EQ(std::size_t(1), plain.heard.size());
    auto answers = oneFolder;
    answers["CAPABILITY"] = "* CAPABILITY IMAP4rev1\r\n{tag} OK\r\n";
    answers["LOGIN \"u\" \"p\""] = "{tag} NO no\r\n";
    Script refused(answers);
    CHECK(run(refused).error().code == Errc::denied);
  }

  void breaks() {
    auto answers = oneFolder;
    answers["FETCH 1:2 (UID BODY.PEEK[])"] = "* 1 FETCH (BODY[] {6}\r\na";
    Script script(answers);
    CHECK(run(script).error().code == Errc::temporary);
    CHECK((sink.all == std::vector<std::string>{"dropped: the server closed the connection"}));
    CHECK(!marks.contains("INBOX"));
  }

  void hostile() {
    std::string endless;  // a response that goes on after each empty literal
    while (endless.size() < 2 * maxResponseBytes) endless += "* X {0}\r\n";
    for (const std::string& answer : {std::string(2 * maxResponseBytes, 'x'), std::string("* X {99999999}\r\n"), std::string("zzz OK\r\n"), std::string("* (\r\n"),
                                      "* " + std::string(100, '(') + "\r\n", endless}) {
      auto answers = oneFolder;
      answers["CAPABILITY"] = answer;
      Script script(answers);
      CHECK_MSG(answer.substr(0, 20), !run(script).has_value());
    }
  }

  void addresses() {
    auto said = [](std::string_view text, bool startTls = false) {
      auto address = imapServerAddress(text, startTls);
      return address ? address->text() : address.error().text;
    };
    CHECK_EQ(std::string("old.test:993"), said("old.test"));
    CHECK_EQ(std::string("old.test:143"), said("old.test", true));
    CHECK_EQ(std::string("old.test:1993"), said("old.test:1993", true));
    CHECK_EQ(std::string("192.0.2.1:993"), said("192.0.2.1"));
    CHECK_EQ(std::string("[2001:db8::1]:993"), said("2001:db8::1"));
    CHECK_EQ(std::string("[::1]:143"), said("[::1]", true));
    CHECK_EQ(std::string("[::1]:1993"), said("[::1]:1993"));
    CHECK_EQ(std::string("::1"), imapServerAddress("[::1]:1993", false)->host);
    CHECK_EQ(said("[::1]:1993"), said(said("[::1]:1993")));
    for (const char* text : {"", ":993", "[]:993", "[::1", "[::1]993", "old.test:", "old.test:0", "old.test:65536", "[::1]:x"})
      CHECK_MSG(text, !imapServerAddress(text, false));
  }
};
SUITE(ImapSourceTest);
