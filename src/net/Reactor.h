// The engine's heart: one epoll set, a few workers that wait on it, deadlines, and handlers that are called by
// one worker at a time. Internal to net; servers use Engine.
//
// Every event of a handler (socket, timer, other threads) is a bit in one atomic word. Who finds the word empty
// brings the handler to a worker; who finds it busy leaves the bit, and the worker inside looks again before it
// goes. So no wake is lost and no handler is entered twice, in whatever order re-arm, wake and event meet.
// Bits from other threads travel by a queue, and an eventfd if a worker waits, not by EPOLLOUT on the handler's socket: a peer that
// does not read never becomes writable and would never be woken.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/Clock.h"
#include "base/Guarded.h"
#include "base/Log.h"
#include "base/Metrics.h"
#include "net/Sockets.h"
#include "net/Thread.h"
#include "net/TimerQueue.h"

namespace mox::net {

class Reactor;

/// What a worker lends to the handler it calls, so that idle handlers need no buffer.
struct Worker {
  std::string scratch;
};

class Handler : public Timed, public std::enable_shared_from_this<Handler> {
 public:
  // Bits of signals. Those from `free` on are the handler's own.
  static constexpr std::uint32_t readable = 1, writable = 2, broken = 4, timer = 8, again = 16, free = 32;

  explicit Handler(std::shared_ptr<Reactor> reactor);
  /// From any thread: turn() follows on a worker with at least these bits.
  void signal(std::uint32_t bits);
  std::uint64_t key() const { return key_; }

 protected:
  /// On a worker, never twice at a time. Must not block on peers and must not throw.
  virtual void turn(std::uint32_t signals, Worker& worker) = 0;
  Reactor& reactor() { return *reactor_; }
  const std::shared_ptr<Reactor>& sharedReactor() const { return reactor_; }
  void onDue() override { signal(timer); }

 private:
  friend class Reactor;
  void enter(std::uint32_t bits, Worker& worker);
  void run(Worker& worker);

  std::shared_ptr<Reactor> reactor_;
  const std::uint64_t key_;
  std::atomic<std::uint32_t> signals_{0};
};

struct ReactorOptions {
  unsigned minWorkers = 2;
  unsigned maxWorkers = 32;
  std::size_t workerStack = smallStack;
  Duration workerIdle = std::chrono::seconds(10);
  std::size_t scratchBytes = 64 * 1024;
  bool manualTimers = false;
};

class Reactor {
 public:
  Reactor(const ReactorOptions& options, const Clock& clock, Metrics& metrics, Log log);
  ~Reactor();

  /// Keeps the handler until remove(). False if the reactor no longer takes any.
  bool add(const std::shared_ptr<Handler>& handler);
  void remove(Handler& handler);
  /// No more add().
  void refuseNew();
  std::size_t size() const { return size_; }
  std::vector<std::shared_ptr<Handler>> all();
  /// Blocks until `done` or `until` has passed; true if done. Looked at after remove(), poke() and tick().
  bool waitFor(const std::function<bool()>& done, Steady until);
  void poke();
  /// Ends workers and timers and joins them. Idempotent. Never from a worker.
  void stop();

  /// Adds (`op` EPOLL_CTL_ADD) or re-arms (EPOLL_CTL_MOD) a one-shot interest; throws std::system_error.
  void arm(Handler& handler, int fd, std::uint32_t events, int op);
  void setDue(Handler& handler, Steady due);
  /// Enters the handler from the worker that has just made it.
  static void enterNow(Handler& handler, std::uint32_t bits, Worker& worker) { handler.enter(bits, worker); }

  /// Fires what is due: with manual timers, the only thing that does.
  void tick();
  const Clock& clock() const { return clock_; }
  const Log& log() const { return log_; }
  unsigned workers() const { return workers_; }
  unsigned waitingWorkers() const { return waiting_; }

 private:
  friend class Handler;
  static constexpr std::size_t shards = 16;
  using Table = std::unordered_map<std::uint64_t, std::shared_ptr<Handler>>;
  struct Threads {
    std::unordered_map<unsigned, std::unique_ptr<Thread>> running;
    std::vector<std::unique_ptr<Thread>> ended;
    unsigned next = 0;
  };
  struct Sleep {
    bool poked = false;
  };

  void push(std::shared_ptr<Handler> handler);
  std::shared_ptr<Handler> pop();
  std::shared_ptr<Handler> find(std::uint64_t key);
  void notify();
  void grow();
  void work(unsigned index);
  void serve(std::uint64_t key, std::uint32_t events, Worker& worker);
  bool leave(unsigned index);
  void keepTime();
  void pokeTimer();

  const ReactorOptions options_;
  const Clock& clock_;
  Log log_;
  Gauge& workersGauge_;
  Fd epoll_, event_;
  std::array<Guarded<Table>, shards> tables_;
  std::atomic<std::uint64_t> lastKey_{0};  ///< never used again, so that a stale event never meets a new handler
  std::atomic<std::size_t> size_{0};
  std::atomic<bool> refusing_{false}, stopping_{false};
  Guarded<std::deque<std::shared_ptr<Handler>>> ready_;
  std::atomic<std::size_t> readyCount_{0};  ///< of ready_
  TimerQueue timers_;
  Guarded<Threads> threads_;
  std::atomic<unsigned> workers_{0}, waiting_{0};
  Guarded<Sleep> timerSleep_;
  std::condition_variable timerWake_;
  std::unique_ptr<Thread> timerThread_;
  Guarded<int> changeLock_;  ///< for changed_; guards no data of its own
  std::condition_variable changed_;
};

}  // namespace mox::net
