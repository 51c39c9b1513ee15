// The full-text index: what it says may match is never less than what does.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <set>

#include "base/Text.h"
#include "message/SearchText.h"
#include "store/Accounts.h"
#include "store/Db.h"
#include "store/SearchIndex.h"
#include "store/StoreFixture.h"
#include "support/SpawnSelf.h"

using namespace mox;
using namespace mox::store;

namespace {

using store::test::AccountFixture;
using Ids = std::vector<MessageId>;

NewMessage incoming(const message::Parsed& parsed, const std::string& text, MailboxId mailbox) {
  NewMessage made;
  made.mailbox = mailbox;
  made.data = text;
  made.parsed = &parsed;
  made.partTree = message::encode(parsed.root);
  return made;
}

/// Made-up words, some often and most seldom, as in a language; each message with ids of its own in its header.
class Prose {
 public:
  Prose() {
    for (int i = 0; i < 20'000; ++i) {
      std::string word;
      for (auto letters = 2 + random_() % 9; letters > 0; --letters) word += "etaoinshrdlucmfwypvbgkjqxz"[random_() % (random_() % 26 + 1)];
      words_.push_back(word);
    }
  }
  std::string message(int i, bool attachment) {
    auto head = fmt::format("Received: from mail{}.example.net by mx.example.org with ESMTPS id {:x}{:x}\r\nFrom: {} <{}@example.net>\r\n"
                            "To: Alice <alice@example.org>\r\nSubject: {}\r\nMessage-ID: <{:x}{:x}@example.net>\r\n",
                            i % 50, random_(), random_(), word(), word(), words(40), random_(), random_());
    if (!attachment) return head + "\r\n" + words(4'000) + "\r\n";
    std::string bytes;
    while (bytes.size() < 30'000) bytes += static_cast<char>(random_());
    return head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n" + words(2'000) +
           "\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" + base64(bytes) + "\r\n--b--\r\n";
  }

 private:
  const std::string& word() { return words_[random_() % (random_() % words_.size() + 1)]; }
  std::string words(std::size_t octets) {
    std::string out;
    while (out.size() < octets) out += word() + ' ';
    return out;
  }
  std::mt19937 random_{1};
  std::vector<std::string> words_;
};

constexpr const char* childVariable = "MOX_SEARCH_TEST_CHILD";

struct SearchFixture : AccountFixture {
  MessageId add(const std::string& text) {
    auto parsed = message::parse(text);
    auto delivered = account->deliver({incoming(parsed, text, inbox)});
    CHECK(delivered.has_value());
    return delivered->front().id;
  }
  MessageId addBody(const std::string& body) { return add("Subject: s\r\n\r\n" + body + "\r\n"); }

  void indexAll() {
    while (account->updateSearch(true)) {
    }
  }

  std::optional<Ids> candidates(const std::vector<std::string>& needles) {
    std::vector<std::string> folded;
    for (const auto& needle : needles) folded.push_back(message::searchFold(needle));
    return account->reader().searchCandidates(folded);
  }

  /// What the candidates are once each is checked.
  Ids hits(const std::string& needle) {
    auto found = candidates({needle});
    return matching(found ? *found : all(), needle);  // of short words the index cannot tell
  }

  Ids matching(const Ids& messages, const std::string& needle) {
    auto look = account->reader();
    Ids matching;
    for (auto id : messages) {
      auto content = look.content(id);
      auto text = message::searchText(message::parse(content.view()).root, content.view(), true).text;
      if (text.find(message::searchFold(needle)) != std::string::npos) matching.push_back(id);
    }
    return matching;
  }

  Ids all() {
    Ids ids;
    auto look = account->reader();
    for (const auto& mailbox : look.mailboxes())
      look.forEach(mailbox.id, Uid(1), [&](const MessageRow& row) { return ids.push_back(row.id), true; });
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  std::string path() { return directory / "alice/search.db"; }
};

/// Text of several scripts, made of few words so that needles are found.
class Texts {
 public:
  explicit Texts(unsigned seed) : random_(seed) {}

  unsigned below(std::size_t limit) { return static_cast<unsigned>(random_() % limit); }

  std::string words(std::size_t count) {
    static const std::vector<std::string> known{"Report", "meeting", "STRASSE", "straße", "Übung", "naïve", "café", "привет", "МОСКВА",
                                                "ελλάδα", "日本語", "会議", "検索", "한국어", "สวัสดี", "x=1", "a@b.example", "😀😀", "über"};
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += known[below(known.size())] + (below(9) == 0 ? "\r\n" : " ");
    return out;
  }

  std::string message() {
    std::string subject = "Subject: " + (below(2) == 0 ? "=?utf-8?b?" + base64(words(2)) + "?=" : std::string("plain words"));
    subject.erase(std::remove(subject.begin(), subject.end(), '\r'), subject.end());
    subject.erase(std::remove(subject.begin(), subject.end(), '\n'), subject.end());
    switch (below(4)) {
      case 0: return subject + "\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + words(30);
      case 1: return subject + "\r\nContent-Type: text/plain; charset=koi8-r\r\n\r\n\xf0\xf2\xe9\xf7\xe5\xf4 \xed\xef\xf3\xeb\xf7\xe1\r\n";
      case 2:
        return subject + "\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
               base64("<p>" + words(10) + "<b>mee</b>ting &amp; more</p>");
      default:
        return subject + "\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + words(5) +
               "\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nplain\r\n--b--\r\n";
    }
  }

  /// A piece of some text, from three characters on.
  std::string needle() {
    auto text = words(2);
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i <= text.size(); ++i)
      if (i == text.size() || (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) starts.push_back(i);
    auto from = below(starts.size() - 3), to = from + 3 + below(starts.size() - from - 3);
    return text.substr(starts[from], starts[to] - starts[from]);
  }

 private:
  std::mt19937 random_;
};

/// Indexes and forgets what it indexed until it is killed.
[[noreturn]] void indexForever(bool reset, const std::string& directory) {
  SystemFiles files;
  SystemClock clock;
  FakeRandom random;
  Environment environment;
  environment.files = &files;
  environment.clock = &clock;
  environment.random = &random;
  Account account("alice", directory + "/alice", directory + "/tmp", environment);
  if (reset) account.resetSearch();
  if (::write(3, "x", 1) < 0) ::_exit(1);
  for (;;) {
    account.updateSearch(true);
    account.resetSearch();
  }
}

/// Before main(): a child of killed() does what it was made for.
[[maybe_unused]] const bool childOrders = [] {
  const char* orders = std::getenv(childVariable);
  if (orders == nullptr) return false;
  auto [verb, directory] = cut(orders, ' ').value();
  indexForever(verb == "reset", std::string(directory));
}();

}  // namespace

struct SearchTest : mox::test::Suite<SearchTest> {
  static void list(List& l) {
    l.add("tokens", &SearchTest::tokens);
    l.add("candidates", &SearchTest::candidates);
    l.add("new mail is found before it is indexed", &SearchTest::unindexed);
    l.add("copies, moves and expunges", &SearchTest::copies);
    l.add("the index finds what a scan finds", &SearchTest::model);
    l.add("shards that are gone are cleared away", &SearchTest::stale);
    l.add("postings are merged and free pages given back", &SearchTest::merged);
    l.add("mail comes together before it is indexed", &SearchTest::delay);
    l.add("it is small beside the text, and very small beside attachments", &SearchTest::bounded);
    l.add("damage is repaired", &SearchTest::damage);
    l.add("another format or database", &SearchTest::foreign);
    l.add("killed while indexing", &SearchTest::killed);
    l.add("what cannot be understood is a candidate", &SearchTest::scanned);
    l.add("texts cut off stay candidates", &SearchTest::cut);
    l.add("fed in the background", &SearchTest::background);
  }

  void tokens() {
    SearchTokens tokens;
    auto count = [&](const std::string& text) { return tokens.of(text).size(); };
    CHECK_EQ(std::size_t(0), count(""));
    CHECK_EQ(std::size_t(0), count("ab"));
    CHECK_EQ(std::size_t(1), count("abc"));
    CHECK_EQ(std::size_t(2), count("abcabc") - 1);
    CHECK_EQ(std::size_t(0), count("a bc de\r\nfg"));
    CHECK_EQ(std::size_t(2), count("abc 123"));
    CHECK_EQ(std::size_t(3), count("1.2.3"));
    CHECK_EQ(std::size_t(0), count("日"));
    CHECK_EQ(std::size_t(1), count("日本"));
    CHECK_EQ(std::size_t(2), count("日本語"));
    CHECK_EQ(std::size_t(1), count("при"));
    CHECK_EQ(std::size_t(4), SearchTokens::word(tokens.of("abc")[0]).size());
    // Of every piece of a text that has tokens, all are tokens of the text; octets that are no UTF-8 included.
    std::string text = "ab 日本語x привет\xff\xfe 語a";
    auto copy = tokens.of(text);
    std::set<std::uint32_t> whole(copy.begin(), copy.end());
    for (std::size_t from = 0; from < text.size(); ++from) {
      if ((static_cast<unsigned char>(text[from]) & 0xc0) == 0x80) continue;
      for (std::size_t to = from; to <= text.size(); ++to) {
        if (to < text.size() && (static_cast<unsigned char>(text[to]) & 0xc0) == 0x80) continue;
        for (auto token : tokens.of(std::string_view(text).substr(from, to - from))) CHECK(whole.contains(token));
      }
    }
  }

  void candidates() {
    SearchFixture f;
    auto first = f.add("Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\r\nThe quick brown fox\r\n");
    auto second = f.add("Subject: other\r\n\r\nthe lazy dog\r\n");
    auto third = f.add("Subject: \xE4\xBC\x9A\xE8\xAD\xB0\r\n\r\nx\r\n");
    CHECK(!f.candidates({"quick"}));  // no index yet
    f.indexAll();
    CHECK(f.candidates({"quick"}) == Ids{first});
    CHECK(f.candidates({"QUICK b"}) == Ids{first});
    CHECK(f.candidates({"grüSSe"}) == Ids{first});
    CHECK(f.candidates({"subject: oth"}) == Ids{second});
    CHECK(!f.candidates({"o b"}));
    CHECK((f.candidates({"the"}) == Ids{first, second}));
    CHECK(f.candidates({"the", "lazy"}) == Ids{second});
    CHECK(f.candidates({"lazy", "quick"}) == Ids{});
    CHECK(f.candidates({"会議"}) == Ids{third});
    CHECK(!f.candidates({"qu"}));
    CHECK(!f.candidates({}));
    CHECK(f.candidates({"x", "lazy"}) == Ids{second});
    f.checkSound();
    CHECK(f.account->checkSearch().empty());
  }

  void unindexed() {
    SearchFixture f;
    f.addBody("needle one");
    f.indexAll();
    auto fresh = f.addBody("other");
    CHECK(f.candidates({"lost words"}) == Ids{fresh});
    f.indexAll();
    CHECK(f.candidates({"lost words"}) == Ids{});
  }

  void copies() {
    SearchFixture f;
    auto first = f.addBody("needle one");
    f.indexAll();
    auto copied = f.account->copy(f.inbox, {Uid(1)}, f.sent);
    CHECK(copied.has_value());
    auto both = *f.candidates({"needle"});
    CHECK_EQ(std::size_t(2), both.size());
    CHECK_EQ(first.value, both[0].value);
    CHECK(f.account->expunge(f.inbox, {Uid(1)}, false).has_value());
    CHECK(f.candidates({"needle"}) == Ids{both[1]});
    CHECK(f.account->expunge(f.sent, copied->to, false).has_value());
    CHECK(f.candidates({"needle"}) == Ids{});
  }

  void model() {
    SearchFixture f;
    Texts texts(7);
    for (int round = 0; round < 12; ++round) {
      for (int i = 0; i < 20; ++i) f.add(texts.message());
      auto uids = f.uids(f.inbox);
      if (round % 3 == 1) CHECK(f.account->copy(f.inbox, {uids[texts.below(uids.size())], uids[texts.below(uids.size())]}, f.sent).has_value());
      if (round % 3 == 2) CHECK(f.account->expunge(f.inbox, {uids[texts.below(uids.size())], uids[0]}, false).has_value());
      if (round % 4 != 3) f.indexAll();  // sometimes much is not indexed
      if (round == 8) f.account->resetSearch();
      auto all = f.all();
      for (int i = 0; i < 30; ++i) {
        auto needle = texts.needle();
        auto found = f.candidates({needle});
        if (!found) continue;  // the index was just thrown away
        CHECK(std::is_sorted(found->begin(), found->end()));
        CHECK_MSG(needle, f.matching(*found, needle) == f.matching(all, needle));
      }
    }
    CHECK(f.account->checkSearch().empty());
  }

  void stale() {
    SearchFixture f;
    // More than a shard holds, one in ten with a word of its own.
    std::vector<message::Parsed> parsed;
    std::vector<std::string> bodies;
    for (const char* word : {"common", "seldom"}) bodies.push_back(std::string("Subject: s\r\n\r\n") + word + " words\r\n");
    for (const auto& body : bodies) parsed.push_back(message::parse(body));
    const std::size_t total = static_cast<std::size_t>(searchShardContents) + 500;
    std::vector<NewMessage> batch;
    for (std::size_t i = 0; i < total; ++i) batch.push_back(incoming(parsed[i % 10 == 0], bodies[i % 10 == 0], f.inbox));
    CHECK(f.account->deliver(batch).has_value());
    f.indexAll();
    auto shards = [&] {
      Db db(f.path());
      std::vector<std::string> lines;
      auto row = db.prepare("SELECT first||' '||next||' '||count FROM shard ORDER BY first");
      while (row.step()) lines.push_back(row.text(0));
      return store::test::show(lines);
    };
    auto end = std::to_string(total + 1), full = std::to_string(searchShardContents), second = std::to_string(searchShardContents + 1);
    CHECK_EQ("1 " + second + " " + full + "; " + second + " " + end + " 500", shards());
    std::vector<Uid> gone;
    for (std::uint32_t uid = 1; uid <= static_cast<std::uint32_t>(searchShardContents); ++uid)
      if (uid % 10 != 1) gone.emplace_back(uid);
    CHECK(f.account->expunge(f.inbox, gone, false).has_value());
    auto before = f.hits("seldom");
    f.clock.advance(std::chrono::minutes(1));
    f.indexAll();
    CHECK_EQ("1 " + second + " " + std::to_string(searchShardContents - static_cast<std::int64_t>(gone.size())) + "; " + second + " " + end + " 500", shards());
    CHECK(f.hits("seldom") == before);
    CHECK(!before.empty());
    CHECK(f.account->checkSearch().empty());
  }

  void merged() {
    SearchFixture f;
    Texts texts(5);
    for (int i = 0; i < 600; ++i) f.addBody(texts.words(60));
    f.indexAll();
    f.account.reset();
    Db db(f.path());
    CHECK_EQ(std::int64_t{600}, db.scalar("SELECT merged FROM shard"));
    // FTS5 keeps a row of the id 10, which says what segments there are, and one of each page; all are of one segment.
    CHECK_EQ(std::int64_t{1}, db.scalar("SELECT count(DISTINCT id>>37) FROM text_1_data WHERE id>10"));
    CHECK(db.scalar("PRAGMA freelist_count") < 64);
  }

  void delay() {
    SearchFixture f;
    f.addBody("one");
    CHECK(!f.account->updateSearch());
    CHECK(!f.candidates({"one"}) || f.candidates({"nothing of it"})->size() == 1);
    f.clock.advance(std::chrono::seconds(searchDelaySeconds));
    f.account->updateSearch();
    CHECK(f.candidates({"nothing of it"}) == Ids{});
    for (int i = 0; i < searchTogether; ++i) f.addBody("more");
    f.account->updateSearch();
    CHECK(f.candidates({"nothing of it"}) == Ids{});
  }

  /// The bounds that are promised: 60 % of the text, and 8 % of mail with attachments.
  void bounded() {
    Prose prose;
    for (bool attachments : {false, true}) {
      SearchFixture f;
      double mail = 0, text = 0;
      for (int i = 0; i < 800; ++i) {
        auto message = prose.message(i, attachments);
        auto parsed = message::parse(message);
        mail += static_cast<double>(message.size());
        text += static_cast<double>(message::searchText(parsed.root, message, true).text.size());
        CHECK(f.account->deliver({incoming(parsed, message, f.inbox)}).has_value());
      }
      f.indexAll();
      f.account->maintain();
      f.account->maintain();  // closes the writer: all is in the file
      auto size = static_cast<double>(f.files.size(f.path()) + std::max<std::int64_t>(0, f.files.size(f.path() + "-wal")));
      CHECK_MSG(fmt::format("{} of {} octets of text", size, text), size < 0.6 * text);
      if (attachments) CHECK_MSG(fmt::format("{} of {} octets of mail", size, mail), size < 0.08 * mail);
    }
  }

  void damage() {
    for (int where = 0; where < 3; ++where) {
      SearchFixture f;
      auto id = f.addBody("needle");
      for (int i = 0; i < 200; ++i) f.addBody("hay " + std::to_string(i * 7919));
      f.indexAll();
      f.account.reset();
      {
        std::fstream file(f.path(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(where == 0 ? 0 : where == 1 ? 4096 : 8192);
        file << std::string(where == 2 ? 40'000 : 4096, 'Z');
      }
      f.reopen();
      auto found = f.candidates({"needle"});  // cannot tell, or is right
      CHECK(!found || std::find(found->begin(), found->end(), id) != found->end());
      for (int i = 0; i < 10; ++i) f.indexAll();
      f.addBody("later");
      for (int i = 0; i < 10; ++i) f.indexAll();
      CHECK(f.hits("needle") == Ids{id});
      f.account->checkSearch();  // may find what nobody had read yet; then it is made anew
      f.indexAll();
      CHECK(f.account->checkSearch().empty());
      CHECK(f.candidates({"needle"}) == Ids{id});
      f.checkSound();
    }
  }

  void foreign() {
    SearchFixture f;
    auto id = f.addBody("needle");
    f.indexAll();
    f.account.reset();
    {
      Db db(f.path());
      db.exec("PRAGMA user_version=77");
    }
    f.reopen();
    CHECK(!f.candidates({"needle"}));
    f.indexAll();
    CHECK(f.candidates({"needle"}) == Ids{id});
    // The account was restored from a backup older than the index.
    f.account.reset();
    {
      Db db(f.path());
      db.exec("UPDATE shard SET next=1000");
    }
    f.reopen();
    CHECK(!f.candidates({"needle"}));
    f.indexAll();
    CHECK(f.candidates({"needle"}) == Ids{id});
    f.account.reset();
    std::ofstream(f.path(), std::ios::trunc) << "not a database, but long enough to look at; " << std::string(4096, 'x');
    f.reopen();
    f.indexAll();
    f.indexAll();
    CHECK(f.candidates({"needle"}) == Ids{id});
  }

  void killed() {
    SearchFixture f;
    Texts texts(3);
    for (int i = 0; i < 400; ++i) f.add(texts.message());
    f.account.reset();
    for (int round = 0; round < 6; ++round) {
      int ready[2];
      CHECK(::pipe2(ready, O_CLOEXEC) == 0);
      auto child = mox::test::spawnSelf(childVariable, (round % 2 == 0 ? "reset " : "keep ") + f.directory.path(), ready[1]);
      char byte = 0;
      CHECK(::read(ready[0], &byte, 1) == 1);
      ::usleep(static_cast<useconds_t>(3'000 * (round + 1)));
      ::kill(child, SIGKILL);
      ::waitpid(child, nullptr, 0);
      ::close(ready[0]);
      ::close(ready[1]);
      f.reopen();
      auto all = f.all();
      for (int i = 0; i < 5; ++i) {
        auto needle = texts.needle();
        if (auto found = f.candidates({needle})) CHECK(f.matching(*found, needle) == f.matching(all, needle));
        f.indexAll();
        CHECK(f.hits(needle) == f.matching(all, needle));
      }
      CHECK(f.account->checkSearch().empty());
      f.account.reset();
    }
  }

  void scanned() {
    SearchFixture f;
    auto odd = f.deliver(store::test::Mail(), f.inbox).id;  // its stored tree cannot be read
    auto id = f.addBody("needle");
    f.indexAll();
    CHECK((f.candidates({"needle"}) == Ids{odd, id}));
  }

  void cut() {
    SearchFixture f;
    auto id = f.addBody(std::string(message::maxSearchText, 'x'));
    f.indexAll();
    CHECK(f.candidates({"needle"}) == Ids{id});
  }

  void background() {
    store::test::TempDirectory directory;
    SystemFiles files;
    SystemClock clock;
    FakeRandom random;
    Metrics metrics;
    Environment environment;
    environment.files = &files;
    environment.clock = &clock;
    environment.random = &random;
    environment.metrics = &metrics;
    Accounts accounts(directory.path(), environment);
    auto account = *accounts.open("alice");
    account->ensureMailboxes({{"Inbox", 0}});
    auto inbox = account->reader().mailbox("Inbox")->id;
    std::string text = "Subject: s\r\n\r\nneedle\r\n";
    auto parsed = message::parse(text);
    CHECK(account->deliver(std::vector<NewMessage>(static_cast<std::size_t>(searchTogether), incoming(parsed, text, inbox))).has_value());
    for (int i = 0; i < 2'000 && account->searchProgress().done < searchTogether; ++i) ::usleep(10'000);
    CHECK_EQ(searchTogether, account->searchProgress().done);
    CHECK_EQ(static_cast<double>(searchTogether), metrics.value("mox_search_indexed_total"));
    CHECK(account->reader().searchCandidates({"nothing"})->empty());
  }
};
SUITE(SearchTest);
