// Scheduler: the Queue behind its interface. Takes what is due, writes its next attempt, sends it, writes what came of it.
//
//   add() → row and entries on disk, claimed in the same commit if nothing else of their domain is due; else
//         ─ due ─▶ claim (next attempt on disk) ─▶ plan (DNS, in the pool) ─▶ Dispatcher
//         ◀─ entry gone, or an attempt more ─ results, many in one commit ◀─ smtp::ClientSession on the engine
//
// Results are gathered for as long as the commit before them takes, a few milliseconds. A crash between the peer's 250 and
// that commit means that the message is sent again (RFC 1047): never lost, seldom twice.
//
// Three threads: one claims, one writes results and sends reports, one moves the WAL. start() and stop() once each, from
// one thread; all else is thread safe. The engine, the pool and all services outlive it.
#pragma once

#include <memory>
#include <string>

#include "config/Source.h"
#include "dns/Resolver.h"
#include "net/Engine.h"
#include "net/JobPool.h"
#include "queue/Backoff.h"
#include "queue/Dispatcher.h"
#include "queue/Lanes.h"
#include "queue/Queue.h"
#include "store/Accounts.h"

namespace mox::queue {

/// Patience of one reply; smtp.md §13. The message as a whole has ClientTimeouts::transfer.
smtp::ClientTimeouts queueTimeouts();

struct SchedulerOptions {
  std::string directory;  ///< data/queue
  /// Everything goes there and not to MX hosts: for localserve, so that mail comes back.
  std::optional<Endpoint> deliverAllTo;
  std::uint16_t smtpPort = 25;  ///< of MX hosts
  int maxAttempts = defaultMaxAttempts;
  DispatcherOptions dispatcher{100, 2, 20, std::chrono::seconds(30), queueTimeouts()};
  LaneLimits lanes;
  /// For tests with a fake clock: only tick() and changes wake the claiming thread.
  bool manualTimers = false;
  const char* vfs = nullptr;  ///< for fault tests
};

struct SchedulerServices {
  config::ConfigSource& config;
  store::Accounts& accounts;
  dns::Resolver& resolver;
  net::JobPool& pool;  ///< waits for DNS
  net::Engine& engine;
  store::Files& files;
  const Clock& clock;
  Random& random;
  Metrics& metrics;
  Log log;
};

class Scheduler final : public Queue {
 public:
  /// Opens the queue; nothing is sent before start(). Throws if the database cannot be used.
  Scheduler(SchedulerOptions options, SchedulerServices services);
  /// stop() without grace.
  ~Scheduler() override;

  void start();
  /// Begins no more transactions; does not wait. Comes before Engine::shutdown() where that is called before or beside stop():
  /// what the engine cuts off is no attempt then.
  void beginStop();
  /// Sends no more. Transactions under way may end within `grace`, the others are cut off; entries that came to no
  /// attempt are due again at once. add() and the rest go on working.
  void stop(Duration grace);
  /// The clock has moved: looks for what is due.
  void tick();

  std::vector<QueueId> add(const NewMessage& message) override;
  std::vector<Entry> list(const Filter& filter) override;
  std::size_t setHold(const Filter& filter, bool hold) override;
  std::size_t schedule(const Filter& filter, Duration by, bool fromNow) override;
  std::size_t setTransport(const Filter& filter, const std::string& transport) override;
  std::size_t setRequireTls(const Filter& filter, std::optional<bool> requireTls) override;
  /// Entries in a transaction at this moment are left alone.
  std::size_t fail(const Filter& filter) override;
  /// Entries in a transaction at this moment are delivered all the same, if the peer takes them; if not, nobody is told.
  std::size_t drop(const Filter& filter) override;
  Result<std::string> dump(QueueId id) override;
  std::size_t size() override;
  store::BackupCounts backup(const std::string& directory) override;

  /// Entries taken for an attempt whose result is not on disk: for tests and metrics.
  std::size_t active();
  /// Nothing is due, taken or under way, and no connection at work but parked ones at most: for tests.
  bool isQuiet();
  std::size_t connections();
  /// Those of them that wait for a message.
  std::size_t parked();
  /// Connections dialled since the start.
  std::uint64_t dials() const;
  Storage& storage();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::queue
