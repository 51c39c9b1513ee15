// The test support itself: a session that uses every part of the seam, and the dialogue language.
#include "support/FakeChannel.h"

#include "base/Text.h"
#include "support/Dialogue.h"
#include "support/Test.h"

using namespace mox;
using namespace std::chrono_literals;
using test::FakeChannel;

namespace {

// JobPool is opaque here and the fake never touches it.
struct alignas(16) PoolSpace {
  char bytes[16];
};
net::JobPool& anyPool() {
  static PoolSpace space;
  return reinterpret_cast<net::JobPool&>(space);
}

struct Counting final : net::Producer {
  int next = 0, last;
  explicit Counting(int count) : last(count) {}
  bool produce(std::string& out) override {
    out += std::to_string(++next) + "\r\n";
    return next < last;
  }
};

/// A line protocol: ECHO text, COUNT n (stream), JOB, WAIT (2 s), TLS, QUIT.
class EchoSession final : public net::Session {
 public:
  void onOpen(net::Channel& c) override {
    c.write("hello " + c.remote().ip.text() + "\r\n");
    c.setDeadline(10s);
  }
  std::size_t onInput(net::Channel& c, std::string_view input) override {
    auto end = input.find("\r\n");
    if (end == std::string_view::npos) return 0;
    command(c, input.substr(0, end));
    return end + 2;
  }
  void onTls(net::Channel& c, const net::TlsInfo& info) override { c.write("secure " + info.version + "\r\n"); }
  void onDrained(net::Channel& c) override { c.write("done\r\n"); }
  void onWake(net::Channel& c) override { c.write("* woken\r\n"); }
  void onDeadline(net::Channel& c) override {
    c.write("late\r\n");
    c.close();
  }
  void onEnd(net::End end, std::string_view) override { ended = end; }
  std::size_t inputLimit() const override { return 100; }
  void onOverrun(net::Channel& c) override {
    c.write("too long\r\n");
    c.close();
  }

  std::optional<net::End> ended;

 private:
  void command(net::Channel& c, std::string_view line) {
    if (line == "JOB") {
      bool ok = c.offload(anyPool(), [] { return [](net::Channel& again) { again.write("job done\r\n"); }; });
      if (!ok) c.write("busy\r\n");
    } else if (line == "WAIT") {
      c.pause(2s, [](net::Channel& again) { again.write("waited\r\n"); });
    } else if (line == "TLS") {
      c.write("go ahead\r\n");
      c.startTls(nullptr);
    } else if (line == "QUIT") {
      c.write("bye\r\n");
      c.close();
    } else if (line.substr(0, 6) == "COUNT ") {
      c.stream(std::make_unique<Counting>(static_cast<int>(parseUnsigned(line.substr(6)).value_or(1))));
    } else {
      c.write("you said " + std::string(line) + "\r\n");
    }
  }
};

struct EchoWorld final : test::DialogueWorld {
  std::unique_ptr<net::Session> connect() override { return std::make_unique<EchoSession>(); }
  std::map<std::string, std::string> variables() const override { return {{"name", "value"}}; }
};

}  // namespace

struct FakeChannelTest : test::Suite<FakeChannelTest> {
  static void list(List& l) {
    l.add("input waits for jobs, pauses and streams", &FakeChannelTest::waits);
    l.add("a full pool refuses", &FakeChannelTest::fullPool);
    l.add("TLS throws plaintext away", &FakeChannelTest::tls);
    l.add("timers fire in order", &FakeChannelTest::timers);
    l.add("a slow reader", &FakeChannelTest::slowReader);
    l.add("overrun, wake, ends", &FakeChannelTest::ends);
    l.add("breaches of the contract throw", &FakeChannelTest::breaches);
  }

  FakeClock clock;
  EchoSession session;
  FakeChannel channel{session, clock};

  void start() {
    channel.open();
    CHECK_EQ(std::string("hello 192.0.2.1\r\n"), channel.take());
  }

  void waits() {
    start();
    channel.setJobs(FakeChannel::Jobs::held);
    channel.feed("JOB\r\na\r\n");
    CHECK_EQ(std::string(), channel.take());
    CHECK(channel.waiting());
    channel.releaseJobs();
    CHECK_EQ(std::string("job done\r\nyou said a\r\n"), channel.take());
    channel.feed("WAIT\r\nb\r\n");
    channel.advance(1999ms);
    CHECK_EQ(std::string(), channel.take());
    channel.advance(1ms);
    CHECK_EQ(std::string("waited\r\nyou said b\r\n"), channel.take());
    channel.feed("COUNT 3\r\nc\r\n");
    CHECK_EQ(std::string("1\r\n2\r\n3\r\ndone\r\nyou said c\r\n"), channel.take());
  }

  void fullPool() {
    start();
    channel.setJobs(FakeChannel::Jobs::full);
    channel.feed("JOB\r\n");
    CHECK_EQ(std::string("busy\r\n"), channel.take());
  }

  void tls() {
    start();
    channel.feed("TLS\r\ninjected\r\n");
    CHECK_EQ(std::string("go ahead\r\nsecure TLSv1.3\r\n"), channel.take());
    CHECK_EQ(std::string(), channel.unread());
    EchoSession other;
    FakeChannel failing(other, clock);
    failing.open();
    failing.failTls("no shared cipher");
    failing.feed("TLS\r\n");
    CHECK(other.ended == net::End::tls);
  }

  void timers() {
    start();
    channel.feed("WAIT\r\n");
    channel.advance(1h);
    CHECK_EQ(std::string("waited\r\nlate\r\n"), channel.take());
    CHECK(session.ended == net::End::closed);
  }

  void slowReader() {
    start();
    channel.setReader(FakeChannel::Reader::steps);
    channel.feed("COUNT 2\r\nQUIT\r\n");
    CHECK(channel.drainStep());
    CHECK_EQ(std::string("1\r\n"), channel.take());
    CHECK(channel.drainStep());
    CHECK_EQ(std::size_t(11), channel.unsent());  // "done" and "bye": the stream is over, so input went on
    CHECK(!channel.ended());
    CHECK(channel.drainStep());
    CHECK_EQ(std::string("2\r\ndone\r\nbye\r\n"), channel.take());
    CHECK(!channel.drainStep());
    CHECK(channel.ended());
  }

  void ends() {
    start();
    channel.waker()->wake();
    channel.waker()->wake();
    CHECK_EQ(std::string("* woken\r\n"), channel.take());
    channel.feed(std::string(99, 'x'));
    CHECK_EQ(std::string(), channel.take());
    channel.feed("x");
    CHECK_EQ(std::string("too long\r\n"), channel.take());
    CHECK(session.ended == net::End::closed);
    EchoSession other;
    FakeChannel second(other, clock);
    second.open();
    second.peerCloses();
    CHECK(other.ended == net::End::peer);
  }

  void breaches() {
    start();
    CHECK_THROWS(std::logic_error, channel.write("outside"));
    struct Greedy final : net::Session {
      void onOpen(net::Channel&) override {}
      std::size_t onInput(net::Channel&, std::string_view input) override { return input.size() + 1; }
      void onDeadline(net::Channel&) override {}
    } greedy;
    FakeChannel second(greedy, clock);
    second.open();
    CHECK_THROWS(std::logic_error, second.feed("a"));
  }
};
SUITE(FakeChannelTest);

struct DialogueTest : test::Suite<DialogueTest> {
  static void list(List& l) {
    l.add("patterns", &DialogueTest::patterns);
    l.add("a whole dialogue in every split", &DialogueTest::whole);
    l.add("what goes wrong is told with its line", &DialogueTest::wrong);
    l.add("malformed files", &DialogueTest::malformed);
  }

  void patterns() {
    std::map<std::string, std::string> kept;
    CHECK(test::matchesLine("250 *", "250 ok", kept));
    CHECK(test::matchesLine("250 *", "250 ", kept));
    CHECK(!test::matchesLine("250 *", "250", kept));
    CHECK(test::matchesLine("a*b*c", "aXbbc", kept));
    CHECK(!test::matchesLine("ab*bc", "abc", kept));
    CHECK(test::matchesLine("* 3 EXISTS", "* 3 EXISTS", kept));
    CHECK(!test::matchesLine("* 3 EXISTS", "a 3 EXISTS", kept));
    CHECK(test::matchesLine("* OK [UIDVALIDITY {=v}] *", "* OK [UIDVALIDITY 77] x", kept));
    CHECK_EQ(std::string("77"), kept["v"]);
    CHECK(!test::matchesLine("250", "250 ok", kept));
  }

  static std::string run(const std::string& text, test::Split split = test::Split::lines) {
    EchoWorld world;
    return test::runDialogue(test::parseDialogue(text, "t"), "t", world, split);
  }

  void whole() {
    const std::string text =
        "# every kind of line\nS: hello *\nC: one\nC: {$name}\nS: you {=verb} one\nS: you {$verb} value\n"
        "C+: two\\x21\\r\\nthr\n! silence not\n";
    const std::string good =
        "# every kind of line\nS: hello {=ip}\nC: one\nC: {$name}\nS: you {=verb} one\nS: you {$verb} value\n"
        "C+: two\\x21\\r\\nthr\nS: you said two!\n! silence\nC: ee\nS: you said three\nC: COUNT 9\nS...\nS: done\n"
        "! repeat 3\nC: r\nS: you said r\n! end\nC: TLS\nS: go ahead\n! tls\nS: secure *\n! from 192.0.2.9\n"
        "! use second\nS: hello 192.0.2.9\nC: WAIT\n! silence\n! advance 2s\nS+: waited\\r\\n\nC: QUIT\nS: bye\n! close\n"
        "! use main\n! open\nS: hello *\n! advance 1m\nS: late\n! close\n";
    for (auto split : {test::Split::lines, test::Split::bytes, test::Split::joined}) CHECK_EQ(std::string(), run(good, split));
    CHECK(!run(text).empty());
  }

  void wrong() {
    auto tells = [](const std::string& text, const std::string& part) {
      std::string got = run(text);
      CHECK_MSG(got, got.find(part) != std::string::npos);
    };
    tells("S: hallo *\n", "t:1: expected: hallo *");
    tells("C: a\n", "left unread on main: hello");
    tells("S: hello *\nS: more\n", "t:2: no line");
    tells("S: hello *\n! close\n", "t:2: the server has not closed");
    tells("S: hello *\n! tls\n", "no TLS");
    tells("S: hello *\nC: x\n! silence\n", "expected silence");
    tells("S: hello *\n! dance\n", "unknown control line");
    tells("S: hello *\n! do something\n", "not understood");
    tells("S: hello *\nC: {$nobody}\n", "no variable");
    tells("S: hello *\nC: x\nS...\nS: y\n", "last line was: you said x");
  }

  void malformed() {
    for (const char* bad : {"X: a\n", "C:a\n", "C+: \\q\n", "C+: \\x1\n", "! repeat 0\n! end\n", "! end\n", "! repeat 2\nC: a\n"})
      CHECK_THROWS(std::runtime_error, test::parseDialogue(bad, "t"));
  }
};
SUITE(DialogueTest);
