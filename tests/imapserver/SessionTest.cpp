// What dialogues cannot say: bytes that arrive together, large answers taken piece by piece, the state table as a whole.
#include "imapserver/SessionFixture.h"

#include <algorithm>

#include "imap/CommandKind.h"
#include "imapserver/Handlers.h"
#include "imapserver/Notifications.h"
#include "imapserver/ShownSize.h"
#include "base/Text.h"
#include "net/ChosenByAlpn.h"

using namespace mox;

struct ImapSessionTest : test::Suite<ImapSessionTest>, test::SessionFixture {
  static void list(List& l) {
    l.add("STARTTLS: plaintext in the same packet is thrown away", &ImapSessionTest::injection);
    l.add("a message that goes in the middle of its FETCH line leaves a whole line", &ImapSessionTest::expungedInLine);
    l.add("a large FETCH is made as the client takes it", &ImapSessionTest::largeFetch);
    l.add("STATUS SIZE is not less than all sizes, even where it is too long to look", &ImapSessionTest::boundedSize);
    l.add("a long SEARCH is done in slices and says how far it is", &ImapSessionTest::longSearch);
    l.add("a message whose body file is lost keeps none of the others from being found", &ImapSessionTest::searchBesideLost);
    l.add("SEARCH and SORT answer in one line however many there are", &ImapSessionTest::oneLine);
    l.add("a long SEARCH ends with its connection", &ImapSessionTest::abandonedSearch);
    l.add("a session that is busy for long is told of an overflow", &ImapSessionTest::notifyOverflow);
    l.add("a search for a word reads few messages once they are indexed, and finds new ones at once", &ImapSessionTest::indexedSearch);
    l.add("passwords, SASL responses and literals are not in a trace log", &ImapSessionTest::traceWithoutSecrets);
    l.add("a listener that chooses by ALPN can start a session", &ImapSessionTest::chosenByAlpn);
    l.add("pipelined commands are answered in order", &ImapSessionTest::pipelined);
    l.add("every command in every wrong state is BAD and does nothing", &ImapSessionTest::wrongStates);
    l.add("a full password pool refuses, and the session goes on", &ImapSessionTest::poolFull);
    l.add("sessions of an account that is taken away end with BYE, whatever they do", &ImapSessionTest::takenAway);
    l.add("nothing a client sends can name the address that failed to log in", &ImapSessionTest::whoFailed);
    l.add("a wrong password by CRAM-MD5 or SCRAM is on record for its account", &ImapSessionTest::whoWasTried);
    l.add("guessing slows the connection down and fills the limit", &ImapSessionTest::guessing);
  }

  void takenAway() {
    auto end = [&](const std::string& account) { return world->loggedIn().end([&](const std::string& name) { return name == account; }); };
    for (const char* doing : {"", "b SELECT Inbox", "b IDLE"}) {
      logIn();
      if (*doing != '\0') say(doing);
      CHECK_EQ(std::size_t(0), end("other"));
      channel->settle();
      CHECK_EQ(std::string(), channel->take());
      CHECK_EQ(std::size_t(1), end("mjl"));
      channel->settle();
      CHECK_EQ(std::string("* BYE this account cannot be used any more\r\n"), channel->take());
      CHECK(channel->end() == net::End::closed);
    }
    logIn();
    say("b LOGOUT");
    channel.reset();
    session.reset();
    CHECK_EQ(std::size_t(0), end("mjl"));
  }

  void injection() {
    world->listener->implicitTls = false;
    connect(false);
    channel->feed("a STARTTLS\r\nb NOOP\r\n");
    auto said = channel->take();
    CHECK(said.find("a OK") == 0);
    CHECK(said.find("b OK") == std::string::npos);
    CHECK(channel->tls() != nullptr);
    CHECK(say("c NOOP") == "c OK done\r\n");
  }

  /// RFC 9051 §9 msg-att: no ENVELOPE NIL, no RFC822.SIZE NIL.
  void expungedInLine() {
    logIn();
    auto body = "Subject: large\r\n\r\n" + std::string(200'000, 'x') + "\r\n";
    world->deliver("Inbox", body);
    say("b SELECT Inbox");
    channel->setReader(test::FakeChannel::Reader::steps);
    channel->feed("c FETCH 1 (BODY.PEEK[] ENVELOPE BODYSTRUCTURE)\r\n");
    std::string got;
    while (got.find("BODY[]") == std::string::npos && channel->drainStep()) got += channel->take();
    CHECK(world->act("expunge Inbox 1"));
    do got += channel->take();
    while (channel->drainStep());
    CHECK(got.starts_with("* 1 FETCH (UID 1 BODY[] {" + std::to_string(body.size()) + "}\r\n" + body + ")\r\n"));
    CHECK(got.find("c NO [EXPUNGEISSUED]") != std::string::npos);
  }

  void largeFetch() {
    logIn();
    std::string body = "Subject: large\r\n\r\n";
    while (body.size() < 700'000) body += "0123456789012345678901234567890123456789012345678901234567890123456789\r\n";
    world->deliver("Inbox", body);
    say("b SELECT Inbox");
    channel->setReader(test::FakeChannel::Reader::steps);
    channel->feed("c FETCH 1 BODY.PEEK[]\r\nd NOOP\r\n");
    std::string got;
    std::size_t steps = 0, most = 0;
    while (channel->drainStep()) {
      auto piece = channel->take();
      most = std::max(most, piece.size());
      got += piece;
      ++steps;
    }
    CHECK(steps > 5);
    CHECK(most < 300'000);
    CHECK(got.find(body) != std::string::npos);
    auto end = got.find("c OK fetched\r\n");
    CHECK(end != std::string::npos && got.find("d OK done\r\n") > end && got.find("d OK done\r\n") != std::string::npos);
  }

  /// 500 messages that must be read to be searched, and a clock that runs as they are.
  void manyMessages() {
    logIn();
    world->deliverAll("mjl", "Inbox", std::vector<std::string>(500, "Subject: one of many\r\n\r\nab\r\n"));
    say("b SELECT Inbox");
    world->clock().setStep(std::chrono::seconds(6));
  }

  void longSearch() {
    manyMessages();
    // RFC 9585: after ten seconds, then every ten; the answer comes after it, and the next command after that.
    channel->feed("c SEARCH RETURN (COUNT) BODY ab\r\nd NOOP\r\n");
    auto got = channel->take();
    auto progress = got.find("* OK [INPROGRESS (\"c\" ");
    CHECK_MSG(got, progress != std::string::npos && got.find(" 500)] ", progress) != std::string::npos);
    auto answer = got.find("* ESEARCH (TAG \"c\") COUNT 500\r\nc OK");
    CHECK(answer != std::string::npos && answer > progress && got.find("d OK") > answer && got.find("d OK") != std::string::npos);
  }

  void oneLine() {
    manyMessages();
    std::string all;
    for (int number = 1; number <= 500; ++number) all += " " + std::to_string(number);
    CHECK_EQ("* SEARCH" + all + "\r\n", say("a SEARCH ALL").substr(0, all.size() + 10));
    CHECK_EQ("* SORT" + all + "\r\n", say("b UID SORT (ARRIVAL) UTF-8 ALL").substr(0, all.size() + 8));
    auto some = say("c SEARCH MODSEQ 1 1:3");
    CHECK_MSG(some, some.find("\r\n* SEARCH 1 2 3 (MODSEQ 3)\r\nc OK") != std::string::npos);
    CHECK(say("d SEARCH MODSEQ 1 LARGER 4000000").starts_with("* SEARCH\r\nd OK"));
  }

  /// The number behind `name`, in each line that has it, added up.
  static std::uint64_t sum(const std::string& said, const std::string& name) {
    std::uint64_t total = 0;
    for (auto at = said.find(name); at != std::string::npos; at = said.find(name, at)) {
      at += name.size();
      total += *parseUnsigned(std::string_view(said).substr(at, said.find_first_not_of("0123456789", at) - at));
    }
    return total;
  }

  /// Messages that grow the most when their headers become ASCII (RFC 8438 §2), more than are looked at for a STATUS.
  void boundedSize() {
    logIn();
    std::string message = "To: ";
    for (int i = 0; i < 30; ++i) message += "\xc3\xa4,";
    message += "\r\n\r\nbody\r\n";
    world->deliver("Inbox", message);
    auto one = sum(say("b STATUS Inbox (SIZE)"), "SIZE ");
    say("c EXAMINE Inbox");
    CHECK_EQ(sum(say("d FETCH 1 RFC822.SIZE"), "RFC822.SIZE "), one);
    CHECK(one > 10 * message.size() && one < 32 * message.size());
    const std::uint64_t read = imapserver::shownSizeReads / imapserver::shownSizeRead;
    for (std::uint64_t i = 1; i < read + 10; ++i) world->deliver("Inbox", message);
    auto all = sum(say("e STATUS Inbox (SIZE)"), "SIZE ");
    say("f EXAMINE Inbox");
    auto told = sum(say("g FETCH 1:* RFC822.SIZE"), "RFC822.SIZE ");
    CHECK_EQ(one * (read + 10), told);
    CHECK(all > told && all < 2 * told);
  }

  void searchBesideLost() {
    auto large = [](const std::string& subject) { return "Subject: " + subject + "\r\n\r\nneedle\r\n" + std::string(300'000, 'x') + "\r\n"; };
    for (const char* subject : {"one", "two", "three"}) world->deliver("Inbox", large(subject));
    logIn();
    CHECK(say("b SELECT Inbox").find("b OK") != std::string::npos);
    CHECK(std::filesystem::remove(world->account().directory() + "/bodies/0/2"));
    for (const char* key : {"BODY needle", "TEXT needle", "HEADER Subject e"}) {
      auto got = say(std::string("c SEARCH ") + key);
      CHECK_MSG(got, got.starts_with("* SEARCH 1 3\r\nc OK"));
    }
    CHECK_EQ(std::string("* SEARCH 1 2 3\r\n"), say("d SEARCH LARGER 200000").substr(0, 16));
  }

  void abandonedSearch() {
    manyMessages();
    channel->setReader(test::FakeChannel::Reader::steps);
    channel->feed("c SEARCH RETURN (COUNT) BODY ab\r\n");
    channel->breakConnection(net::End::reset, "gone");
    CHECK(channel->ended() && !channel->waiting());
  }

  void notifyOverflow() {
    logIn();
    world->deliver("Inbox", "Subject: large\r\n\r\n" + std::string(700'000, 'x') + "\r\n");
    say("b SELECT Inbox");
    CHECK(say("c NOTIFY SET (PERSONAL (MailboxMetadataChange SubscriptionChange))").find("c OK") == 0);
    channel->setReader(test::FakeChannel::Reader::steps);
    channel->feed("d FETCH 1 BODY.PEEK[]\r\n");
    std::vector<store::AnnotationChange> entries;
    auto most = imapserver::notifyBacklog.value / 2 + 1;
    for (std::int64_t i = 0; i < most; ++i) entries.push_back({"/private/" + std::to_string(i), "x", true});
    CHECK(world->account().setAnnotations(world->mailboxId("Sent"), entries).has_value());
    for (auto& entry : entries) entry.value.reset();
    CHECK(world->account().setAnnotations(world->mailboxId("Sent"), entries).has_value());
    std::string got;
    do got += channel->take();
    while (channel->drainStep());
    channel->setReader(test::FakeChannel::Reader::eager);
    got += channel->take();
    auto end = got.find("d OK fetched\r\n");
    CHECK(end != std::string::npos);
    CHECK_EQ(std::string("* OK [NOTIFICATIONOVERFLOW] too much has happened\r\n"), got.substr(end + 14));
    // As after NOTIFY NONE, until it asks again.
    CHECK(world->account().subscribe("x").has_value());
    CHECK_EQ(std::string(), channel->take());
    CHECK(say("e NOTIFY SET (PERSONAL (SubscriptionChange))").find("e OK") == 0);
    CHECK(world->account().subscribe("y").has_value());
    CHECK_EQ(std::string("* LIST (\\NonExistent \\Subscribed) \"/\" \"y\"\r\n"), channel->take());
  }

  void indexedSearch() {
    logIn();
    std::vector<std::string> messages;
    for (int i = 0; i < 300; ++i) messages.push_back("Subject: one of many\r\n\r\n" + std::string(i == 123 ? "a needle in" : "nothing but") + " hay\r\n");
    world->deliverAll("mjl", "Inbox", messages);
    say("b SELECT Inbox");
    auto search = [&](const std::string& program, const std::string& expected) {
      auto before = world->metric("mox_imap_search_read_total");
      auto got = say("c SEARCH " + program);
      CHECK_MSG(got, got.starts_with("* SEARCH" + expected + "\r\n"));
      return world->metric("mox_imap_search_read_total") - before;
    };
    // Without the index all have to be read.
    CHECK_EQ(300.0, search("BODY needle", " 124"));
    while (world->account().updateSearch(true)) {}
    // With it: a few before it is asked, then only what may match.
    for (const char* program : {"BODY needle", "TEXT NEEDLE", "BODY eedl"}) CHECK(search(program, " 124") < 20);
    CHECK(search("BODY absent", "") < 20);
    // What came since is found, and is all that is read besides.
    world->deliver("Inbox", "Subject: new\r\n\r\nanother needle\r\n");
    say("d NOOP");
    CHECK(search("TEXT needle", " 124 301") < 21);
    CHECK_EQ(0.0, search("UNSEEN LARGER 1000", ""));
  }

  void whoFailed() {
    world = std::make_unique<test::ImapWorld>();
    world->logTo(LogLevel::info);
    connect();
    CHECK_EQ(std::string("a NO [CANNOT] mechanism not supported\r\n"), say("a AUTHENTICATE remote=9.9.9.9"));
    CHECK(say("b LOGIN \"x\\\" remote=9.9.9.9 \" y").find("b NO ") == 0);
    std::size_t failures = 0;
    for (auto line : split(world->logged(), '\n')) {
      if (line.find("failed authentication attempt") == std::string_view::npos) continue;
      ++failures;
      auto told = line.substr(line.rfind("remote="));  // as the usual rule for fail2ban finds it
      CHECK_MSG(std::string(line), told.starts_with("remote=" + channel->remote().ip.text() + " "));
    }
    CHECK_EQ(std::size_t(2), failures);
    world->authDb().flush();
    for (const auto& attempt : world->authDb().attempts("")) CHECK_EQ(std::string(attempt.loginAddress.empty() ? "unknown" : "login"), attempt.mechanism);
    CHECK_EQ(1.0, world->metric("mox_authentication_total", {{"kind", "imap"}, {"variant", "unknown"}, {"result", "badprotocol"}}));
  }

  void whoWasTried() {
    world = std::make_unique<test::ImapWorld>();
    connect();
    say("a AUTHENTICATE CRAM-MD5");
    CHECK(say(base64("mjl@mox.example b913a602c7eda7a495b4e6e7334d3890")).starts_with("a NO "));
    say("b AUTHENTICATE SCRAM-SHA-256");
    auto first = say(base64("n,,n=mjl@mox.example,r=abcdefgh"));
    auto challenge = *fromBase64(trim(std::string_view(first).substr(2)));
    auto nonce = challenge.substr(2, challenge.find(',') - 2);
    CHECK(say(base64("c=biws,r=" + nonce + ",p=" + base64(std::string(32, 'x')))).starts_with("b NO "));
    world->authDb().flush();
    std::vector<std::string> tried;
    for (const auto& attempt : world->authDb().attempts("mjl")) tried.push_back(attempt.mechanism + " " + attempt.loginAddress + " " + std::string(loginResultName(attempt.result)));
    std::sort(tried.begin(), tried.end());
    CHECK_EQ(std::string("cram-md5 mjl@mox.example badpassword, scram-sha-256 mjl@mox.example badpassword"), join(tried, ", "));
  }

  void traceWithoutSecrets() {
    auto runs = [&](LogLevel level) {
      world = std::make_unique<test::ImapWorld>();
      world->logTo(level);
      connect();
      auto plain = base64(std::string("\0mjl@mox.example\0test1234", 25));
      say("a LOGIN mjl@mox.example \"wrong-secret\"");
      say("b LOGIN {15+}\r\nmjl@mox.example {14+}\r\nliteral-secret");
      say("c LOGIN mjl@mox.example bad-syntax-secret and-more");
      channel->feed("d AUTHENTICATE PLAIN\r\n" + base64(std::string_view("\0mjl@mox.example\0sasl-secret", 28)) + "\r\n");
      connect();  // after three failures it would have to wait
      CHECK(say("e AUTHENTICATE PLAIN " + plain).find("e OK") != std::string::npos);
      say("f APPEND Inbox {22+}\r\nSubject: x\r\n\r\nletter!!");
      say("g SETMETADATA Inbox (/private/comment {7+}\r\nprivacy)");
      CHECK(say("h SELECT Inbox").find("h OK") != std::string::npos);
      CHECK(say("i FETCH 1 BODY.PEEK[]").find("letter!!") != std::string::npos);
      return world->logged();
    };
    auto hidden = {std::string("secret"), base64(std::string_view("\0mjl@mox.example\0sasl-secret", 28)), base64(std::string("\0mjl@mox.example\0test1234", 25)),
                   std::string("test1234"), std::string("letter!!"), std::string("privacy")};
    auto trace = runs(LogLevel::trace);
    CHECK(trace.find("h SELECT Inbox") != std::string::npos);
    for (const auto& text : hidden) CHECK_MSG(text + " in " + trace, trace.find(text) == std::string::npos);
    // Only who asks for it with traceauth sees the line of LOGIN.
    CHECK(runs(LogLevel::traceAuth).find("wrong-secret") != std::string::npos);
  }

  void chosenByAlpn() {
    world->listener->clientCertificates = false;  // browsers have some that were not meant for mail
    auto begin = [&](const std::string& protocol) {
      channel.reset();
      session = std::make_unique<net::ChosenByAlpn>(std::map<std::string, net::ChosenByAlpn::Make>{{"imap", [&] { return world->connect(); }}});
      channel = std::make_unique<test::FakeChannel>(*session, world->clock());
      auto tls = test::FakeChannel::defaultTls();
      tls.alpn = protocol;
      channel->setTls(tls);
      channel->openTls();
    };
    begin("imap");
    auto greeting = channel->take();
    CHECK_MSG(greeting, greeting.starts_with("* OK [CAPABILITY IMAP4rev2") && greeting.find("AUTH=EXTERNAL") == std::string::npos);
    CHECK(say("a LOGIN mjl@mox.example test1234").find("a OK") == 0);
    CHECK(say("b LOGOUT").find("* BYE") == 0);
    begin("h2");
    CHECK(channel->take().empty() && channel->ended());
  }

  void pipelined() {
    logIn();
    channel->feed("b SELECT Inbox\r\nc CREATE x\r\nd STATUS x (MESSAGES)\r\ne LOGOUT\r\nf NOOP\r\n");
    auto got = channel->take();
    auto at = [&](const char* text) { return got.find(text); };
    CHECK(at("b OK") < at("c OK") && at("c OK") < at("d OK") && at("d OK") < at("e OK") && at("e OK") != std::string::npos);
    CHECK(at("f OK") == std::string::npos);
    CHECK(channel->ended());
  }

  void wrongStates() {
    // Arguments that parse for commands which need some.
    const std::map<std::string, std::string> arguments{
        {"ID", " NIL"}, {"AUTHENTICATE", " PLAIN"}, {"LOGIN", " a b"}, {"ENABLE", " X"}, {"COMPRESS", " DEFLATE"}, {"SELECT", " x"}, {"EXAMINE", " x"}, {"CREATE", " zz"},
        {"DELETE", " x"}, {"RENAME", " x y"}, {"SUBSCRIBE", " zz"}, {"UNSUBSCRIBE", " x"}, {"LIST", " \"\" *"}, {"LSUB", " \"\" *"},
        {"STATUS", " x (MESSAGES)"}, {"GETQUOTAROOT", " x"}, {"GETQUOTA", " \"\""}, {"NOTIFY", " NONE"}, {"SETQUOTA", " \"\" ()"}, {"GETMETADATA", " x /private/a"}, {"SETMETADATA", " zz (/private/a NIL)"}, {"SEARCH", " ALL"}, {"FETCH", " 1 FLAGS"},
        {"STORE", " 1 FLAGS ()"}, {"COPY", " 1 x"}, {"MOVE", " 1 x"}, {"UID EXPUNGE", " 1"}, {"UID SEARCH", " ALL"}, {"UID FETCH", " 1 FLAGS"},
        {"UID STORE", " 1 FLAGS ()"}, {"UID COPY", " 1 x"}, {"ESEARCH", " IN (personal) ALL"}, {"SORT", " (ARRIVAL) UTF-8 ALL"}, {"UID SORT", " (ARRIVAL) UTF-8 ALL"},
        {"THREAD", " REFERENCES UTF-8 ALL"}, {"UID THREAD", " REFERENCES UTF-8 ALL"}, {"CANCELUPDATE", " \"x\""}, {"UID MOVE", " 1 x"}};
    unsigned refused = 0;
    for (auto state : {imap::State::notAuthenticated, imap::State::authenticated, imap::State::selected}) {
      if (state == imap::State::notAuthenticated) connect();
      if (state == imap::State::authenticated) logIn();
      if (state == imap::State::selected) say("s SELECT Inbox");
      for (int k = 0; k <= static_cast<int>(imap::CommandKind::uidThread); ++k) {
        auto kind = static_cast<imap::CommandKind>(k);
        if (imap::isLegal(kind, state) || imapserver::handlerOf(kind) == nullptr) continue;
        std::string name(imap::name(kind));
        auto found = arguments.find(name);
        auto got = say("x " + name + (found == arguments.end() ? "" : found->second));
        CHECK_MSG(name + ": " + got, got == "x BAD " + name + " is not possible in this state\r\n");
        ++refused;
      }
    }
    CHECK(refused > 30);
    CHECK(!world->account().reader().mailbox(std::string_view("zz")));
  }

  void poolFull() {
    connect();
    channel->setJobs(test::FakeChannel::Jobs::full);
    CHECK(say("a LOGIN mjl@mox.example test1234").find("a NO [UNAVAILABLE]") == 0);
    channel->setJobs(test::FakeChannel::Jobs::run);
    CHECK(say("b LOGIN mjl@mox.example test1234").find("b OK") == 0);
  }

  void guessing() {
    connect();
    for (int i = 0; i < 3; ++i) CHECK(say("a LOGIN mjl@mox.example no").find("a NO [AUTHENTICATIONFAILED]") == 0);
    CHECK(channel->slow());
    channel->feed("b LOGIN mjl@mox.example no\r\n");
    CHECK_EQ(std::string(), channel->take());  // a second's wait
    channel->advance(std::chrono::seconds(1));
    CHECK(channel->take().find("b NO") == 0);
    for (int i = 0; i < 6; ++i) {
      connect();
      say("a LOGIN mjl@mox.example no");
    }
    connect();
    CHECK(say("a LOGIN mjl@mox.example test1234").find("* BYE") == 0);
    world->clock().advance(std::chrono::minutes(1));
    connect();
    CHECK(say("a LOGIN mjl@mox.example test1234").find("a OK") == 0);
  }
};
SUITE(ImapSessionTest);
