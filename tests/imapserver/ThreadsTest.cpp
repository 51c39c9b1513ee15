// Sessions in threads of their own over one account, each with a client that believes what it is told: numbers must mean the
// messages the client thinks they mean, whatever the others do meanwhile (RFC 9051 §7.5.1, hostile-inputs: pipelined STORE,
// EXPUNGE and FETCH by number with concurrent expunge). Run under the thread sanitizer, it also shows races.
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <thread>

#include "base/Text.h"
#include "imap/NumberSet.h"
#include "imapserver/ImapWorld.h"
#include "support/Test.h"

using namespace mox;

namespace {

class Client {
 public:
  Client(test::ImapWorld& world, std::string name, bool qresync)
      : session_(world.connect()), channel_(std::make_unique<test::FakeChannel>(*session_, world.clock())), name_(std::move(name)), random_(static_cast<unsigned>(name_.back())) {
    channel_->openTls();
    say("LOGIN mjl@mox.example test1234");
    if (qresync) say("ENABLE QRESYNC");
    say("SELECT Inbox");
  }

  void work(unsigned commands) {
    for (unsigned i = 0; i < commands; ++i) step();
  }

  void settle() { say("NOOP"); }
  const std::vector<std::uint32_t>& uids() const { return uids_; }

 private:
  unsigned below(std::size_t count) { return static_cast<unsigned>(random_() % count); }

  /// Who is told of what vanished by UID must know the UIDs, RFC 7162 §3.2.10; it takes what comes meanwhile as well.
  void learn() {
    while (std::find(uids_.begin(), uids_.end(), 0) != uids_.end()) {
      auto known = std::find_if(uids_.rbegin(), uids_.rend(), [](std::uint32_t uid) { return uid != 0; });
      say(fmt::format("UID FETCH {}:* (UID)", known == uids_.rend() ? 1 : *known + 1));
    }
  }

  void step() {
    auto number = uids_.empty() ? 1 : 1 + below(uids_.size());
    switch (below(9)) {
      case 0: say("NOOP"); break;
      case 1: say("FETCH 1:* (UID FLAGS)"); break;
      case 2: say(fmt::format("STORE {} +FLAGS (\\Deleted)", number)); break;
      case 3: say("EXPUNGE"); break;
      case 4: say("APPEND Inbox {20+}\r\nSubject: a thread\r\n\r"); break;
      case 5: say("UID SEARCH NOT DELETED"); break;
      case 6: say(fmt::format("MOVE {} Archive", number)); break;
      // Two in one packet: the second means what the first left.
      case 7: say(fmt::format("STORE {} +FLAGS.SILENT (\\Flagged)\r\nx FETCH {} (UID FLAGS)", number, number)); break;
      default: say(fmt::format("UID STORE {} -FLAGS (\\Deleted)", uids_.empty() ? 1 : uids_[number - 1])); break;
    }
  }

  void say(const std::string& command) {
    auto tag = fmt::format("t{}", ++tags_);
    channel_->feed(tag + " " + command + "\r\n");
    auto said = channel_->take();
    bool mayExpunge = !startsWithAny(command, {"FETCH", "STORE", "SEARCH"});
    for (auto line : split(said, '\n'))
      if (line.starts_with("* ")) hear(trim(line.substr(2)), mayExpunge, command);
    if (!command.starts_with("UID FETCH")) learn();
    if (said.find(tag + " ") == std::string::npos) fail("no tagged answer", command, said);
    if (said.find("SERVERBUG") != std::string::npos || said.find("UNAVAILABLE") != std::string::npos) fail("the server failed", command, said);
  }

  static bool startsWithAny(const std::string& text, std::initializer_list<const char*> words) {
    for (const auto* word : words)
      if (text.starts_with(word)) return true;
    return false;
  }

  void hear(std::string_view line, bool mayExpunge, const std::string& command) {
    auto words = split(line, ' ');
    if (words[0] == "VANISHED") {
      if (words[1] == "(EARLIER)") return;
      auto gone = imap::NumberSet::parse(words[1]);
      if (!gone || !mayExpunge) fail("VANISHED", command, line);
      std::erase_if(uids_, [&](std::uint32_t uid) { return uid != 0 && gone->contains(uid); });
      return;
    }
    auto number = parseUnsigned(words[0]);
    if (!number || words.size() < 2) return;
    if (words[1] == "EXISTS") {
      if (*number < uids_.size()) fail("EXISTS shrinks", command, line);
      uids_.resize(*number);
    } else if (words[1] == "EXPUNGE") {
      if (!mayExpunge || *number == 0 || *number > uids_.size()) fail("EXPUNGE", command, line);
      uids_.erase(uids_.begin() + static_cast<std::ptrdiff_t>(*number - 1));
    } else if (words[1] == "FETCH") {
      if (*number == 0 || *number > uids_.size()) fail("FETCH of nothing", command, line);
      auto uid = static_cast<std::uint32_t>(*parseUnsigned(words[3].substr(0, words[3].find(')'))));
      auto& known = uids_[*number - 1];
      if (known != 0 && known != uid) fail("the number means another message", command, line);
      known = uid;
    }
  }

  [[noreturn]] void fail(const std::string& why, const std::string& command, std::string_view said) const {
    throw std::runtime_error(name_ + ": " + why + ": " + command + ": " + printable(std::string(said), 500));
  }

  std::unique_ptr<net::Session> session_;
  std::unique_ptr<test::FakeChannel> channel_;
  std::string name_;
  std::mt19937 random_;
  unsigned tags_ = 0;
  std::vector<std::uint32_t> uids_;  ///< 0: not told yet
};

}  // namespace

struct ImapThreadsTest : test::Suite<ImapThreadsTest> {
  static void list(List& l) {
    l.add("numbers keep their meaning while others append, expunge and move", &ImapThreadsTest::numbers);
    l.add("VANISHED comes in lines of about 4 KiB", &ImapThreadsTest::longVanished);
  }

  test::ImapWorld world;

  void numbers() {
    world.deliverAll("mjl", "Inbox", std::vector<std::string>(200, "Subject: one of many\r\n\r\nab\r\n"));
    std::vector<std::unique_ptr<Client>> clients;
    for (int i = 0; i < 4; ++i) clients.push_back(std::make_unique<Client>(world, fmt::format("client {}", i), i >= 2));
    std::vector<std::exception_ptr> wrong(clients.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t i = 0; i < clients.size(); ++i)
        threads.emplace_back([&, i] {
          try {
            clients[i]->work(250);
          } catch (...) {
            wrong[i] = std::current_exception();
          }
        });
    }
    for (const auto& one : wrong)
      if (one) std::rethrow_exception(one);
    auto view = world.account().snapshot(world.mailboxId("Inbox"));
    std::vector<std::uint32_t> truth;
    view->forEach([&](const store::ViewEntry& entry) { truth.push_back(entry.uid.value); });
    for (auto& client : clients) {
      client->settle();
      CHECK(client->uids() == truth);
    }
  }

  void longVanished() {
    world.deliverAll("mjl", "Inbox", std::vector<std::string>(3'000, "Subject: one of many\r\n\r\nab\r\n"));
    auto session = world.connect();
    test::FakeChannel channel(*session, world.clock());
    channel.openTls();
    channel.feed("a LOGIN mjl@mox.example test1234\r\nb ENABLE QRESYNC\r\nc SELECT Inbox\r\n");
    channel.take();
    std::vector<Uid> odd;
    for (std::uint32_t uid = 1; uid <= 3'000; uid += 2) odd.push_back(Uid(uid));
    CHECK(world.account().expunge(world.mailboxId("Inbox"), odd, false).has_value());
    for (std::string command : {"NOOP", "UID FETCH 1:* (UID) (CHANGEDSINCE 1 VANISHED)"}) {
      channel.feed("d " + command + "\r\n");
      std::uint64_t told = 0;
      std::size_t lines = 0;
      auto said = channel.take();
      for (auto line : split(said, '\n')) {
        if (!line.starts_with("* VANISHED ")) continue;
        ++lines;
        CHECK(line.size() < 4'300);
        told += imap::NumberSet::parse(trim(line.substr(line.rfind(' ') + 1))).value().count();
      }
      CHECK_EQ(std::uint64_t{1'500}, told);
      CHECK_MSG(std::to_string(lines), lines >= 2 && lines <= 4);
    }
  }
};
SUITE(ImapThreadsTest);
