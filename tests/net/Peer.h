// What the net tests share: a clock other threads may read while it moves, sessions that do what a test says, and a
// blocking client. Waits end by events; the ten-second cap is only for a test that fails.
#pragma once

#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "base/Log.h"
#include "base/Metrics.h"
#include "net/Engine.h"
#include "net/TlsContext.h"
#include "net/TlsStream.h"
#include "support/Test.h"

namespace mox::net::test {

class TestClock final : public Clock {
 public:
  Time now() const override { return Time(std::chrono::seconds(1'800'000'000)) + std::chrono::duration_cast<std::chrono::microseconds>(Duration(moved_)); }
  Steady steady() const override { return Steady(std::chrono::hours(1)) + Duration(moved_); }
  void advance(Duration by) { moved_ += by.count(); }

 private:
  std::atomic<Duration::rep> moved_{0};
};

inline Endpoint loopback(std::uint16_t port = 0) { return {IpAddress::v4({127, 0, 0, 1}), port}; }

/// Spins until `done`; throws when that takes far too long.
inline void eventually(const std::function<bool()>& done, const char* what) {
  auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!done()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error(std::string("never happened: ") + what);
    std::this_thread::yield();
  }
}

/// Hands values from session to test.
template <class T>
class Mailbox {
 public:
  void put(T value) {
    std::lock_guard hold(mutex_);
    values_.push_back(std::move(value));
    changed_.notify_all();
  }
  T take() {
    std::unique_lock hold(mutex_);
    if (!changed_.wait_for(hold, std::chrono::seconds(10), [this] { return !values_.empty(); })) throw std::runtime_error("nothing came");
    T value = std::move(values_.front());
    values_.erase(values_.begin());
    return value;
  }
  bool empty() {
    std::lock_guard hold(mutex_);
    return values_.empty();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<T> values_;
};

struct Ended {
  End end;
  std::string detail;
};

/// Takes lines; each line and event goes to a function the test may give.
class ScriptSession : public Session {
 public:
  using Line = std::function<void(ScriptSession&, Channel&, std::string_view line)>;
  using Event = std::function<void(Channel&)>;
  Line line;
  Event open, wake, deadline, drained, stop, overrun;
  std::function<void(Channel&, const TlsInfo&)> tls;
  std::function<void(Ended)> end;
  std::function<void(std::string)> unheard;
  std::size_t limit = 64 * 1024;

  void onOpen(Channel& c) override { call(open, c); }
  std::size_t onInput(Channel& c, std::string_view input) override {
    auto eol = input.find('\n');
    if (eol == std::string_view::npos) return 0;
    auto text = input.substr(0, eol);
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    if (line) line(*this, c, text);
    else c.write(std::string(text) + "\r\n");
    return eol + 1;
  }
  void onTls(Channel& c, const TlsInfo& info) override {
    if (tls) tls(c, info);
  }
  void onWake(Channel& c) override { call(wake, c); }
  void onDrained(Channel& c) override { call(drained, c); }
  void onDeadline(Channel& c) override {
    if (deadline) deadline(c);
    else c.close();
  }
  void onShutdown(Channel& c) override {
    if (stop) stop(c);
    else Session::onShutdown(c);
  }
  void onOverrun(Channel& c) override {
    if (overrun) overrun(c);
    else Session::onOverrun(c);
  }
  std::size_t inputLimit() const override { return limit; }
  void onUnheard(std::string_view input) override {
    if (unheard) unheard(std::string(input));
  }
  void onEnd(End e, std::string_view detail) override {
    if (end) end({e, std::string(detail)});
  }

 private:
  static void call(const Event& event, Channel& c) {
    if (event) event(c);
  }
};

/// A blocking client on a non-blocking stream.
class Peer {
 public:
  explicit Peer(const Endpoint& to, int receiveBuffer = 0) {
    sockaddr_storage address{};
    socklen_t length = toSockaddr(to, address);
    Fd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receiveBuffer > 0) ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &receiveBuffer, sizeof receiveBuffer);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0) throw std::runtime_error("connect");
    stream.attach(std::move(fd));
  }
  void startTls(std::shared_ptr<TlsContext> context, std::string_view name = {}) {
    if (!stream.startTls(std::move(context), name)) throw std::runtime_error(stream.error());
    for (;;) {
      Io io = stream.handshake();
      if (io == Io::done) return;
      wait(io);
    }
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      std::size_t put = 0;
      Io io = stream.write(bytes, put);
      if (io == Io::done) bytes.remove_prefix(put);
      else wait(io);
    }
  }
  /// Up to and with the next LF.
  std::string line() {
    for (;;) {
      auto eol = buffer_.find('\n');
      if (eol != std::string::npos) return take(eol + 1);
      if (!more()) throw std::runtime_error("closed after: " + buffer_);
    }
  }
  std::string bytes(std::size_t count) {
    while (buffer_.size() < count)
      if (!more()) throw std::runtime_error("closed after: " + buffer_);
    return take(count);
  }
  /// All until the peer closes or resets.
  std::string rest() {
    while (more()) {
    }
    return take(buffer_.size());
  }
  /// Bytes that are there without waiting.
  std::size_t arrived() {
    char byte[4096];
    auto got = ::recv(stream.fd(), byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  TlsStream stream;

 private:
  std::string take(std::size_t count) {
    std::string out = buffer_.substr(0, count);
    buffer_.erase(0, count);
    return out;
  }
  bool more() {
    std::string some(64 * 1024, '\0');
    for (;;) {
      std::size_t got = 0;
      Io io = stream.read(some.data(), some.size(), got);
      if (io == Io::done) {
        buffer_.append(some, 0, got);
        return true;
      }
      if (io != Io::wantRead && io != Io::wantWrite) return false;
      wait(io);
    }
  }
  void wait(Io io) {
    if (io != Io::wantRead && io != Io::wantWrite) throw std::runtime_error("peer: " + stream.error());
    pollfd one{stream.fd(), static_cast<short>(io == Io::wantRead ? POLLIN : POLLOUT), 0};
    if (::poll(&one, 1, 10'000) <= 0) throw std::runtime_error("peer waited in vain");
  }
  std::string buffer_;
};

/// An engine on a fake clock.
struct World {
  TestClock clock;
  Metrics metrics;
  Mailbox<Ended> ends;
  std::unique_ptr<Engine> engine;

  explicit World(EngineOptions options = {}) {
    options.manualTimers = true;
    engine = std::make_unique<Engine>(std::move(options), clock, metrics, Log());
  }
  ~World() { engine.reset(); }

  using Prepare = std::function<void(ScriptSession&)>;
  /// Sessions report their end to `ends`.
  Endpoint listen(Prepare prepare, std::shared_ptr<TlsContext> tls = nullptr, AcceptFilter filter = {}, std::string busy = "") {
    ListenerOptions options;
    options.name = "test";
    options.tls = std::move(tls);
    options.busyReply = std::move(busy);
    auto factory = [this, prepare](const ConnectionMeta&) {
      auto session = std::make_unique<ScriptSession>();
      session->end = [this](Ended e) { ends.put(std::move(e)); };
      if (prepare) prepare(*session);
      return session;
    };
    return engine->listen(loopback(), std::move(options), factory, std::move(filter)).value();
  }
  std::unique_ptr<ScriptSession> client(Prepare prepare) {
    auto session = std::make_unique<ScriptSession>();
    session->end = [this](Ended e) { ends.put(std::move(e)); };
    prepare(*session);
    return session;
  }
  /// Moves the clock and lets deadlines fire. Lets workers come to rest first, so that what they are about to wait
  /// for is known.
  void advance(Duration by) {
    allIdle();
    clock.advance(by);
    engine->tick();
  }
  void allIdle() {
    eventually([this] { return engine->idleWorkers() == engine->workers(); }, "all workers idle");
  }
};

}  // namespace mox::net::test
