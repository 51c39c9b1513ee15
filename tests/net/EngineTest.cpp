// The engine on real loopback sockets and a fake clock: plain connections.
#include "net/Engine.h"

#include "Peer.h"
#include "net/JobPool.h"

using namespace mox;
using namespace mox::net;
using namespace mox::net::test;
using namespace std::chrono_literals;

namespace {

/// `left` bytes in pieces of 64 KB; says how far it was asked.
class Filler final : public Producer {
 public:
  Filler(std::size_t total, std::atomic<std::size_t>& made) : left_(total), made_(made) {}
  bool produce(std::string& out) override {
    std::size_t piece = std::min<std::size_t>(left_, 64 * 1024);
    out.append(piece, 'x');
    left_ -= piece;
    made_ += piece;
    return left_ > 0;
  }

 private:
  std::size_t left_;
  std::atomic<std::size_t>& made_;
};

}  // namespace

struct EngineTest : mox::test::Suite<EngineTest> {
  static void list(List& l) {
    l.add("echo, greeting first", &EngineTest::echo);
    l.add("pipelined lines are answered in order", &EngineTest::pipelined);
    l.add("input in single bytes", &EngineTest::bytewise);
    l.add("half-sent input and idle peers hold no worker", &EngineTest::halfSent);
    l.add("a stalled reader holds no worker and little memory, then is cut off", &EngineTest::stalledReader);
    l.add("a stream keeps its order, holds input and tells when it is sent", &EngineTest::streamOrder);
    l.add("what a peer said before it broke a stream off is heard", &EngineTest::unheard);
    l.add("deadlines fire, are replaced and cleared", &EngineTest::deadlines);
    l.add("close sends what is queued, even with input unread", &EngineTest::closeSends);
    l.add("the peer closing is End::peer, output still leaves", &EngineTest::peerCloses);
    l.add("input beyond the limit is an overrun", &EngineTest::overrun);
    l.add("holdInput", &EngineTest::held);
    l.add("a session that throws is ended, the rest lives", &EngineTest::throwing);
    l.add("busy peers do not starve others", &EngineTest::fairness);
  }

  void echo() {
    World world;
    auto at = world.listen([](ScriptSession& s) { s.open = [](Channel& c) { c.write("220 hi\r\n"); }; });
    Peer peer(at);
    CHECK_EQ(std::string("220 hi\r\n"), peer.line());
    peer.send("hello\r\n");
    CHECK_EQ(std::string("hello\r\n"), peer.line());
  }

  void pipelined() {
    World world;
    auto at = world.listen({});
    Peer peer(at);
    std::string all;
    for (int i = 0; i < 20000; ++i) all += "line " + std::to_string(i) + "\r\n";
    std::thread sender([&] { peer.send(all); });
    std::string got = peer.bytes(all.size());
    sender.join();
    CHECK(all == got);
  }

  void bytewise() {
    World world;
    auto at = world.listen({});
    Peer peer(at);
    for (char c : std::string_view("one\r\ntwo\r\n")) peer.send({&c, 1});
    CHECK_EQ(std::string("one\r\n"), peer.line());
    CHECK_EQ(std::string("two\r\n"), peer.line());
  }

  void halfSent() {
    World world;
    auto at = world.listen([](ScriptSession& s) { s.open = [](Channel& c) { c.write("220\r\n"); }; });
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 200; ++i) {
      peers.push_back(std::make_unique<Peer>(at));
      CHECK_EQ(std::string("220\r\n"), peers.back()->line());
      peers.back()->send("half a li");
    }
    world.allIdle();
    peers[100]->send("ne\r\n");
    CHECK_EQ(std::string("half a line\r\n"), peers[100]->line());
    CHECK_EQ(std::size_t(200), world.engine->connections());
  }

  void stalledReader() {
    World world;
    std::atomic<std::size_t> made{0};
    constexpr std::size_t total = 200'000'000;
    auto at = world.listen([&](ScriptSession& s) { s.open = [&](Channel& c) { c.stream(std::make_unique<Filler>(total, made)); }; });
    Peer peer(at, 4096);
    std::size_t before = 1;
    eventually(
        [&] {  // stands still while everybody idles
          std::size_t now = made;
          bool still = now == before && now > 0 && world.engine->idleWorkers() == world.engine->workers();
          before = now;
          return still;
        },
        "the stream stalls");
    world.allIdle();
    CHECK(made < 20'000'000);  // what the kernel buffers plus 256 KB
    world.advance(29s);
    CHECK(world.ends.empty());
    // The kernel may have taken a last bit meanwhile, which starts the time anew.
    eventually(
        [&] {
          world.advance(31s);
          return !world.ends.empty();
        },
        "the stalled peer is cut off");
    CHECK(world.ends.take().end == End::timeout);
    CHECK_EQ(1.0, world.metrics.value("mox_net_write_stall_total"));
  }

  void streamOrder() {
    World world;
    std::atomic<std::size_t> made{0};
    constexpr std::size_t total = 5'000'000;
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view text) {
        if (text != "get") return c.write(std::string(text) + "\r\n");
        c.write("<");
        c.stream(std::make_unique<Filler>(total, made));
        c.write(">");
      };
      s.drained = [](Channel& c) { c.write("[sent]"); };
    });
    Peer peer(at);
    peer.send("get\r\nnext\r\n");
    std::string got = peer.bytes(total + 2);
    CHECK_EQ('<', got.front());
    CHECK_EQ('>', got.back());
    CHECK_EQ(std::string("[sent]next\r\n"), peer.line());
  }

  void unheard() {
    World world;
    Mailbox<std::string> heard;
    std::atomic<std::size_t> made{0};
    auto at = world.listen([&](ScriptSession& s) {
      s.open = [&](Channel& c) { c.stream(std::make_unique<Filler>(200'000'000, made)); };
      s.unheard = [&](std::string input) { heard.put(std::move(input)); };
    });
    {
      Peer peer(at, 4096);
      eventually([&] { return peer.arrived() > 0; }, "the stream begins");
      peer.send("552 too much\r\n");
    }  // with input unread: a reset
    CHECK_EQ(std::string("552 too much\r\n"), heard.take());
    CHECK(world.ends.take().end == End::reset);
    // Of one that takes no more of it, too.
    Peer stuck(at, 4096);
    eventually([&] { return stuck.arrived() > 0; }, "the stream begins");
    stuck.send("552 still too much\r\n");
    eventually(
        [&] {
          world.advance(31s);
          return !world.ends.empty();
        },
        "the stalled peer is cut off");
    CHECK(world.ends.take().end == End::timeout);
    CHECK_EQ(std::string("552 still too much\r\n"), heard.take());
  }

  void deadlines() {
    World world;
    Mailbox<int> fired;
    auto at = world.listen([&](ScriptSession& s) {
      s.open = [](Channel& c) {
        c.setDeadline(60s);
        c.write("hi\r\n");
      };
      s.line = [](ScriptSession&, Channel& c, std::string_view text) {
        if (text == "longer") c.setDeadline(300s);
        else if (text == "shorter") c.setDeadline(5s);
        else c.setDeadline(Duration::max());
        c.write("ok\r\n");
      };
      s.deadline = [&](Channel& c) {
        c.write("late\r\n");
        fired.put(1);
      };
    });
    Peer peer(at);
    peer.line();
    peer.send("longer\r\n");
    peer.line();
    world.advance(61s);  // the old one passes unheard
    world.allIdle();
    CHECK(fired.empty());
    peer.send("shorter\r\n");
    peer.line();
    world.advance(6s);
    CHECK_EQ(std::string("late\r\n"), peer.line());
    fired.take();
    peer.send("longer\r\n");
    peer.line();
    peer.send("clear\r\n");
    peer.line();
    world.advance(10000s);
    peer.send("x\r\n");
    CHECK_EQ(std::string("ok\r\n"), peer.line());
    CHECK(fired.empty());
  }

  void closeSends() {
    World world;
    auto at = world.listen([](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view) {
        c.write(std::string(500'000, 'y') + "\r\n");
        c.close();
        c.write("not this");
      };
    });
    Peer peer(at);
    peer.send("quit\r\n" + std::string(30'000, 'z'));  // the rest stays unread, which must not reset
    CHECK_EQ(std::size_t(500'002), peer.rest().size());
    CHECK(world.ends.take().end == End::closed);
  }

  void peerCloses() {
    World world;
    auto at = world.listen([](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view) { c.write(std::string(400'000, 'y')); };
    });
    Peer peer(at);
    peer.send("go\r\n");
    ::shutdown(peer.stream.fd(), SHUT_WR);
    CHECK_EQ(std::size_t(400'000), peer.rest().size());
    CHECK(world.ends.take().end == End::peer);
    eventually([&] { return world.engine->connections() == 0; }, "no connection");
  }

  void overrun() {
    World world;
    auto at = world.listen([](ScriptSession& s) {
      s.limit = 1000;
      s.overrun = [](Channel& c) {
        c.write("500 line too long\r\n");
        c.close();
      };
    });
    Peer peer(at);
    peer.send(std::string(999, 'a'));
    world.allIdle();
    peer.send(std::string(5000, 'a'));
    CHECK_EQ(std::string("500 line too long\r\n"), peer.rest());
  }

  void held() {
    World world;
    std::shared_ptr<Waker> waker;
    auto at = world.listen([&](ScriptSession& s) {
      s.open = [&](Channel& c) {
        c.holdInput(true);
        waker = c.waker();
        c.write("held\r\n");
      };
      s.wake = [](Channel& c) {
        c.write("free\r\n");
        c.holdInput(false);
      };
    });
    Peer peer(at);
    CHECK_EQ(std::string("held\r\n"), peer.line());
    peer.send("now\r\n");
    world.allIdle();
    CHECK_EQ(std::size_t(0), peer.arrived());
    waker->wake();
    CHECK_EQ(std::string("free\r\n"), peer.line());
    CHECK_EQ(std::string("now\r\n"), peer.line());
  }

  void throwing() {
    World world;
    auto at = world.listen([](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view text) {
        if (text == "bug") throw std::runtime_error("a bug");
        c.write("fine\r\n");
      };
    });
    Peer bad(at), good(at);
    bad.send("bug\r\n");
    CHECK_EQ(std::string(), bad.rest());
    CHECK_EQ(std::string("internal error"), world.ends.take().detail);
    good.send("x\r\n");
    CHECK_EQ(std::string("fine\r\n"), good.line());
    CHECK_EQ(1.0, world.metrics.value("mox_net_internal_error_total"));
  }

  void fairness() {
    EngineOptions options;
    options.minWorkers = options.maxWorkers = 1;
    World world(options);
    auto at = world.listen([](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view text) {
        if (text.size() < 100) c.write("pong\r\n");
      };
    });
    Peer greedy(at), modest(at);
    std::atomic<bool> stop{false};
    std::thread flood([&] {
      std::string big = std::string(60'000, 'g') + "\n";
      while (!stop) greedy.send(big);
    });
    for (int i = 0; i < 50; ++i) {
      modest.send("ping\r\n");
      CHECK_EQ(std::string("pong\r\n"), modest.line());
    }
    stop = true;
    flood.join();
  }
};
SUITE(EngineTest);
