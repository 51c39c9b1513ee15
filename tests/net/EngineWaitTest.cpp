// What sessions wait for: pauses, jobs, wakes, tarpits; dialling, listeners under pressure and the end of an engine.
#include <netinet/in.h>

#include <set>

#include "Peer.h"
#include "net/ConnectionLimiter.h"
#include "net/JobPool.h"

using namespace mox;
using namespace mox::net;
using namespace mox::net::test;
using namespace std::chrono_literals;

struct EngineWaitTest : mox::test::Suite<EngineWaitTest> {
  static void list(List& l) {
    l.add("pause holds input and resumes on time", &EngineWaitTest::pause);
    l.add("slow: a second before each read, a byte a second, the rest before the stall", &EngineWaitTest::slow);
    l.add("offload runs in the pool and comes back", &EngineWaitTest::offload);
    l.add("a full pool says no", &EngineWaitTest::fullPool);
    l.add("a job that throws ends its connection only", &EngineWaitTest::throwingJob);
    l.add("a job outlives its connection and the engine", &EngineWaitTest::jobOutlives);
    l.add("a peer that goes away during a job is noticed", &EngineWaitTest::goneDuringJob);
    l.add("wakes from four threads, none lost", &EngineWaitTest::wakes);
    l.add("a stalled reader is woken all the same", &EngineWaitTest::wakeStalled);
    l.add("dial: open, refused, timeout, cancel", &EngineWaitTest::dial);
    l.add("dial from a source address", &EngineWaitTest::dialSource);
    l.add("accept backs off without descriptors and recovers", &EngineWaitTest::acceptBackOff);
    l.add("filters refuse, leases are held", &EngineWaitTest::filter);
    l.add("more than maxConnections are told so", &EngineWaitTest::busy);
    l.add("stress shortens deadlines", &EngineWaitTest::stress);
    l.add("shutdown lets sessions finish, then ends them", &EngineWaitTest::shutdown);
    l.add("shutdown under load", &EngineWaitTest::shutdownUnderLoad);
    l.add("workers grow while all are busy", &EngineWaitTest::growth);
    l.add("IPv6 listener and adopted sockets", &EngineWaitTest::adopt);
  }

  void pause() {
    World world;
    auto at = world.listen([](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view text) {
        if (text != "pause") return c.write(std::string(text) + "\r\n");
        c.write("wait\r\n");
        c.pause(5s, [](Channel& d) { d.write("on\r\n"); });
      };
    });
    Peer peer(at);
    peer.send("pause\r\nnext\r\n");
    CHECK_EQ(std::string("wait\r\n"), peer.line());
    world.allIdle();
    world.advance(4s);
    world.allIdle();
    CHECK_EQ(std::size_t(0), peer.arrived());
    world.advance(1s);
    CHECK_EQ(std::string("on\r\n"), peer.line());
    CHECK_EQ(std::string("next\r\n"), peer.line());
  }

  void slow() {
    World world;
    auto at = world.listen([](ScriptSession& s) {
      s.open = [](Channel& c) {
        c.setSlow(true);
        c.write("0123456789012345678901234567890123456789\r\n");
      };
      s.line = [](ScriptSession&, Channel& c, std::string_view) {
        c.setSlow(false);
        c.write("fast again\r\n");
      };
    });
    Peer peer(at);
    CHECK_EQ(std::string("0"), peer.bytes(1));
    CHECK_EQ(std::size_t(0), peer.arrived());
    for (int i = 1; i < 25; ++i) {
      world.advance(1s);
      CHECK_EQ(std::string(1, static_cast<char>('0' + i % 10)), peer.bytes(1));
      CHECK_EQ(std::size_t(0), peer.arrived());
    }
    world.advance(1s);
    CHECK_EQ(std::string("567890123456789\r\n"), peer.line());
    peer.send("line\r\n");
    std::size_t steps = 0;
    eventually(
        [&] {
          world.advance(100ms);
          ++steps;
          return peer.arrived() > 0;
        },
        "the slow read");
    CHECK_MSG(std::to_string(steps), steps >= 10);
    CHECK_EQ(std::string("fast again\r\n"), peer.line());
  }

  void offload() {
    World world;
    JobPool pool({.name = "test"}, world.metrics, Log());
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view text) {
        auto here = std::this_thread::get_id();
        bool taken = c.offload(pool, [here, name = std::string(text)]() -> Resume {
          bool elsewhere = std::this_thread::get_id() != here;
          return [name, elsewhere](Channel& d) { d.write(name + (elsewhere ? " elsewhere\r\n" : " here\r\n")); };
        });
        CHECK(taken);
      };
    });
    Peer peer(at);
    std::string all, expected;
    for (int i = 0; i < 500; ++i) {
      all += std::to_string(i) + "\r\n";
      expected += std::to_string(i) + " elsewhere\r\n";
    }
    peer.send(all);
    CHECK_EQ(expected, peer.bytes(expected.size()));
  }

  void fullPool() {
    World world;
    Mailbox<int> started, release;
    JobPool pool({.name = "test", .maxThreads = 1, .maxQueued = 1}, world.metrics, Log());
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view) {
        bool taken = c.offload(pool, [&]() -> Resume {
          started.put(1);
          release.take();
          return [](Channel& d) { d.write("250 done\r\n"); };
        });
        if (!taken) c.write("451 busy\r\n");
      };
    });
    Peer first(at), second(at), third(at);
    first.send("a\r\n");
    started.take();
    second.send("b\r\n");
    eventually([&] { return pool.queued() == 1; }, "one waits");
    third.send("c\r\n");
    CHECK_EQ(std::string("451 busy\r\n"), third.line());
    world.allIdle();
    release.put(1);
    release.put(1);
    CHECK_EQ(std::string("250 done\r\n"), first.line());
    CHECK_EQ(std::string("250 done\r\n"), second.line());
    CHECK_EQ(1.0, world.metrics.value("mox_jobpool_full_total", {{"pool", "test"}}));
  }

  void throwingJob() {
    World world;
    JobPool pool({.name = "test"}, world.metrics, Log());
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view) {
        CHECK(c.offload(pool, []() -> Resume { throw std::runtime_error("no luck"); }));
      };
    });
    Peer peer(at);
    peer.send("x\r\n");
    CHECK_EQ(std::string(), peer.rest());
    CHECK_EQ(std::string("internal error"), world.ends.take().detail);
  }

  void jobOutlives() {
    Metrics metrics;
    Mailbox<int> started, release;
    auto pool = std::make_unique<JobPool>(JobPoolOptions{.name = "test"}, metrics, Log());
    {
      World world;
      auto at = world.listen([&](ScriptSession& s) {
        s.line = [&](ScriptSession&, Channel& c, std::string_view) {
          CHECK(c.offload(*pool, [&]() -> Resume {
            started.put(1);
            release.take();
            return [](Channel&) { throw std::logic_error("never called"); };
          }));
        };
      });
      Peer peer(at);
      peer.send("x\r\n");
      started.take();
      world.engine->shutdown(0s);
      auto end = world.ends.take().end;  // onShutdown() closes, if it comes before the force does
      CHECK(end == End::shutdown || end == End::closed);
    }
    release.put(1);
    pool.reset();
  }

  void goneDuringJob() {
    World world;
    Mailbox<int> started, release;
    JobPool pool({.name = "test"}, world.metrics, Log());
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view) {
        CHECK(c.offload(pool, [&]() -> Resume {
          started.put(1);
          release.take();
          return {};
        }));
      };
    });
    {
      Peer peer(at);
      peer.send("x\r\n");
      started.take();
      linger hard{1, 0};
      ::setsockopt(peer.stream.fd(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);  // close resets
    }
    CHECK(world.ends.take().end == End::reset);
    release.put(1);
  }

  // Each wake is preceded by one more piece of work; a session that is woken takes all there is. If the last wake
  // were lost, work would be left over.
  void wakes() {
    World world;
    constexpr int sessions = 8, threads = 4, each = 10'000;
    struct Slot {
      std::shared_ptr<Waker> waker;
      std::atomic<int> work{0};
      std::atomic<bool> ready{false};
    };
    std::array<Slot, sessions> slots;
    std::atomic<int> next{0}, done{0};
    auto at = world.listen([&](ScriptSession& s) {
      Slot& slot = slots[static_cast<std::size_t>(next++)];
      s.open = [&slot](Channel& c) {
        slot.waker = c.waker();
        CHECK(slot.waker == c.waker());
        slot.ready = true;
      };
      s.wake = [&](Channel& c) {
        int count = slot.work.exchange(0);
        done += count;
        if (count > 0) c.write(std::string(static_cast<std::size_t>(count), 'w'));
      };
    });
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < sessions; ++i) peers.push_back(std::make_unique<Peer>(at));
    for (auto& slot : slots) eventually([&] { return slot.ready.load(); }, "all open");
    std::vector<std::thread> running;
    for (int t = 0; t < threads; ++t) {
      running.emplace_back([&slots, t] {
        for (int i = 0; i < each; ++i) {
          Slot& slot = slots[static_cast<std::size_t>(i * threads + t) % sessions];
          ++slot.work;
          slot.waker->wake();
        }
      });
    }
    for (auto& thread : running) thread.join();
    eventually([&] { return done == threads * each; }, "every wake has been heard");
    std::size_t bytes = 0;
    for (auto& peer : peers) bytes += peer->bytes(static_cast<std::size_t>(each) * threads / sessions).size();
    CHECK_EQ(std::size_t(threads * each), bytes);
  }

  void wakeStalled() {
    World world;
    Mailbox<int> woken;
    std::shared_ptr<Waker> waker;
    std::atomic<bool> ready{false};
    auto at = world.listen([&](ScriptSession& s) {
      s.open = [&](Channel& c) {
        waker = c.waker();
        c.write(std::string(20'000'000, 'x'));  // more than the socket takes
        ready = true;
      };
      s.wake = [&](Channel&) { woken.put(1); };
    });
    Peer peer(at, 4096);
    eventually([&] { return ready.load(); }, "open");
    world.allIdle();
    waker->wake();
    CHECK_EQ(1, woken.take());
  }

  void dial() {
    World world;
    auto at = world.listen([](ScriptSession& s) { s.open = [](Channel& c) { c.write("hello\r\n"); }; });
    Mailbox<std::string> got;
    auto echo = world.engine->dial({.to = at}, world.client([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view text) {
        got.put(std::string(text) + " from " + c.remote().text());
        CHECK(c.local().port != 0);
        c.close();
      };
    }));
    CHECK_EQ("hello from " + at.text(), got.take());
    world.ends.take();
    world.ends.take();

    Endpoint nobody;
    {  // a port that was free a moment ago
      auto closed = listenTcp(loopback(), 1).value();
      nobody = localEndpoint(closed.get());
    }
    auto refused = world.engine->dial({.to = nobody}, world.client([](ScriptSession&) {}));
    auto ended = world.ends.take();
    CHECK(ended.end == End::refused);
    CHECK_MSG(ended.detail, ended.detail.find("refused") != std::string::npos);

    // A listener whose backlog is full leaves SYNs unanswered.
    auto full = listenTcp(loopback(), 0).value();
    std::vector<std::shared_ptr<Dialled>> dials;
    std::atomic<int> open{0};
    constexpr int attempts = 4;
    for (int i = 0; i < attempts; ++i)
      dials.push_back(world.engine->dial({.to = localEndpoint(full.get()), .timeout = 10s},
                                         world.client([&](ScriptSession& s) { s.open = [&](Channel&) { ++open; }; })));
    eventually([&] { return open > 0; }, "the backlog takes one");
    world.allIdle();
    dials.back()->cancel();
    ended = world.ends.take();
    CHECK(ended.end == End::closed);
    CHECK_EQ(std::string("cancelled"), ended.detail);
    eventually(
        [&] {
          world.advance(11s);
          return !world.ends.empty();
        },
        "a dial times out");
    CHECK(world.ends.take().end == End::timeout);
  }

  void dialSource() {
    World world;
    Mailbox<std::string> from;
    auto at = world.listen([&](ScriptSession& s) { s.open = [&](Channel& c) { from.put(c.remote().ip.text()); }; });
    auto source = IpAddress::v4({127, 0, 0, 9});
    auto dialled = world.engine->dial({.to = at, .source = source}, world.client([](ScriptSession&) {}));
    CHECK_EQ(std::string("127.0.0.9"), from.take());
    auto bad = world.engine->dial({.to = at, .source = IpAddress::v4({192, 0, 2, 1})}, world.client([](ScriptSession&) {}));
    CHECK(world.ends.take().end == End::refused);
  }

  void acceptBackOff() {
    std::atomic<bool> full{false};
    std::atomic<int> calls{0};
    EngineOptions options;
    options.accept = [&](int fd, sockaddr* address, socklen_t* length) {
      ++calls;
      if (full) {
        errno = EMFILE;
        return -1;
      }
      return ::accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    };
    World world(options);
    auto at = world.listen([](ScriptSession& s) { s.open = [](Channel& c) { c.write("hi\r\n"); }; });
    Peer first(at);
    CHECK_EQ(std::string("hi\r\n"), first.line());
    world.allIdle();
    full = true;
    Peer shed(at), waiting(at);
    CHECK_EQ(std::string(), shed.rest());  // let go with the reserve descriptor
    world.allIdle();
    int before = calls;
    world.allIdle();
    CHECK_EQ(before, calls.load());  // rests, no spin
    CHECK(world.metrics.value("mox_net_accept_backoff_total", {{"listener", "test"}}) >= 1.0);
    full = false;
    world.advance(1s);
    CHECK_EQ(std::string("hi\r\n"), waiting.line());
  }

  void filter() {
    World world;
    ConnectionLimiter limiter({.perMinute = {100, 0, 0}, .concurrent = {2, 0, 0}, .maxNetworks = 100});
    auto at = world.listen([](ScriptSession& s) { s.open = [](Channel& c) { c.write("220\r\n"); }; }, nullptr,
                           [&](const ConnectionMeta& meta) {
                             auto admitted = limiter.admit(meta.remote.ip, world.clock.now());
                             return Admission{admitted.lease != nullptr, "421 too many\r\n", admitted.lease};
                           });
    {
      Peer a(at), b(at), c(at);
      CHECK_EQ(std::string("220\r\n"), a.line());
      CHECK_EQ(std::string("220\r\n"), b.line());
      CHECK_EQ(std::string("421 too many\r\n"), c.rest());
    }
    world.ends.take();
    world.ends.take();
    eventually([&] { return world.engine->connections() == 0; }, "leases are back");
    Peer again(at);
    CHECK_EQ(std::string("220\r\n"), again.line());
  }

  void busy() {
    EngineOptions options;
    options.maxConnections = 2;
    World world(options);
    auto at = world.listen([](ScriptSession& s) { s.open = [](Channel& c) { c.write("220\r\n"); }; }, nullptr, {}, "421 busy\r\n");
    Peer a(at), b(at);
    a.line();
    b.line();
    Peer c(at);
    CHECK_EQ(std::string("421 busy\r\n"), c.rest());
  }

  void stress() {
    EngineOptions options;
    options.maxConnections = 4;
    options.stressFraction = 0.5;
    options.stressFactor = 0.1;
    World world(options);
    auto at = world.listen([](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view) {
        c.setDeadline(100s);
        c.write("ok\r\n");
      };
      s.deadline = [](Channel& c) { c.write("late\r\n"); };
    });
    Peer a(at), b(at);
    a.send("x\r\n");
    a.line();
    Peer c(at);
    b.send("x\r\n");
    eventually([&] { return world.engine->connections() == 3; }, "three");
    b.line();
    b.send("x\r\n");
    b.line();
    world.advance(11s);
    CHECK_EQ(std::string("late\r\n"), b.line());
    CHECK_EQ(std::size_t(0), a.arrived());
  }

  void shutdown() {
    World world;
    std::atomic<int> asked{0};
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [](ScriptSession&, Channel& c, std::string_view) { c.write("ok\r\n"); };
      s.stop = [&](Channel& c) {
        if (asked++ > 0) return;  // one is stubborn
        c.write("421 bye\r\n");
        c.close();
      };
    });
    Peer a(at), b(at);
    a.send("x\r\n");
    b.send("x\r\n");
    a.line();
    b.line();
    std::thread stopper([&] { world.engine->shutdown(3s); });
    CHECK(world.ends.take().end == End::closed);
    CHECK(world.ends.empty());
    eventually(
        [&] {
          world.advance(1s);
          return !world.ends.empty();
        },
        "the grace is over");
    CHECK(world.ends.take().end == End::shutdown);
    stopper.join();
    std::string said = a.rest() + b.rest();
    CHECK_EQ(std::string("421 bye\r\n"), said);
    world.engine->shutdown(3s);
    CHECK_EQ(0u, world.engine->idleWorkers());
    auto late = world.engine->dial({.to = at}, world.client([](ScriptSession&) {}));
    CHECK(world.ends.take().end == End::shutdown);
    CHECK(!world.engine->listen(loopback(), {}, [](const ConnectionMeta&) { return nullptr; }));
  }

  void shutdownUnderLoad() {
    World world;
    auto at = world.listen({});
    std::atomic<bool> stop{false};
    std::vector<std::thread> clients;
    for (int i = 0; i < 3; ++i) {
      clients.emplace_back([&] {
        while (!stop) {
          try {
            Peer peer(at);
            peer.send("x\r\n");
            peer.line();
          } catch (const std::runtime_error&) {
            return;  // refused or reset: the server is gone
          }
        }
      });
    }
    for (int i = 0; i < 20; ++i) world.ends.take();
    world.engine->shutdown(0s);
    stop = true;
    for (auto& client : clients) client.join();
    CHECK_EQ(std::size_t(0), world.engine->connections());
  }

  void growth() {
    EngineOptions options;
    options.minWorkers = 1;
    options.maxWorkers = 3;
    World world(options);
    Mailbox<int> inside, release;
    auto at = world.listen([&](ScriptSession& s) {
      s.line = [&](ScriptSession&, Channel& c, std::string_view) {  // as if our disk were slow
        inside.put(1);
        release.take();
        c.write("ok\r\n");
      };
    });
    Peer a(at), b(at);
    a.send("x\r\n");
    b.send("x\r\n");
    inside.take();
    inside.take();  // both at the same time
    CHECK(world.engine->workers() >= 2u);
    CHECK(world.engine->workers() <= 3u);
    release.put(1);
    release.put(1);
    a.line();
    b.line();
  }

  void adopt() {
    World world;
    auto session = [](const ConnectionMeta& meta) {
      auto out = std::make_unique<ScriptSession>();
      out->open = [name = meta.listener](Channel& c) { c.write(name + " " + c.remote().ip.text() + "\r\n"); };
      return out;
    };
    auto passed = listenTcp(loopback(), 5).value();
    auto at = world.engine->adopt(passed.release(), {.name = "passed"}, session).value();
    Peer peer(at);
    CHECK_EQ(std::string("passed 127.0.0.1\r\n"), peer.line());
    CHECK(!world.engine->adopt(::socket(AF_INET, SOCK_STREAM, 0), {}, session));
    auto six = world.engine->listen({*IpAddress::parse("::1"), 0}, {.name = "six"}, session);
    if (!six) return;  // a machine without IPv6
    Peer peer6(*six);
    CHECK_EQ(std::string("six ::1\r\n"), peer6.line());
  }
};
SUITE(EngineWaitTest);
