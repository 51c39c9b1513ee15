// What the sources of Scheduler share. Private to the room.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <unordered_set>

#include "dns/Remembered.h"
#include "net/Thread.h"
#include "queue/Notices.h"
#include "queue/Scheduler.h"

namespace mox::queue {

struct Scheduler::State {
  State(SchedulerOptions o, SchedulerServices s);

  const SchedulerOptions options;
  const SchedulerServices services;
  const Log log;
  QueueMetrics metrics;
  Storage storage;
  Notices notices;
  Planner planner;
  Dispatcher dispatcher;

  std::mutex mutex;  ///< of the members below
  std::condition_variable wake;      ///< of the claiming thread
  std::condition_variable jobsDone;
  Lanes lanes;
  std::unordered_set<QueueId> active;
  std::size_t jobs = 0;  ///< in the pool
  bool claiming = false;  ///< a round is under way
  Time sleepsUntil = Time::min();  ///< the claiming thread, if it does
  bool woken = false, started = false, stopping = false, stopped = false;

  std::mutex resultMutex;  ///< of the members below; never taken with `mutex` held
  std::condition_variable resultWake;
  std::vector<Record> records;
  std::vector<Claim> released;
  bool finishing = false;

  std::mutex upkeepMutex;
  std::condition_variable upkeepWake;
  bool upkeepOver = false;

  std::unique_ptr<net::Thread> claimer, recorder, upkeep;

  // Taking.
  bool mayJump(const NewMessage& message, Time now, std::map<std::string, std::size_t>& places);
  std::vector<QueueId> addClaimed(const NewMessage& message, Time now, const std::map<std::string, std::size_t>& places);

  // Claiming.
  void runClaimer();
  void waitForWork(std::unique_lock<std::mutex>& hold);
  bool round();
  void planSoon(std::vector<Claim> claims);
  void planInPool(std::vector<Claim> claims);
  void plan(dns::Resolver& resolver, const std::vector<Claim>& claims);
  void jobOver();
  bool isStopping();
  void wakeUp();
  void wakeIfDue();

  // Results.
  void runRecorder();
  void settle(std::vector<Record> some, std::vector<Claim> undone);
  void notify(std::vector<Record>& some);
  std::set<QueueId> present(const std::vector<Record>& some);
  /// None if the disk says no; else what Storage::record() gave.
  std::optional<std::map<QueueId, Time>> write(const std::vector<Record>& some, const std::vector<Claim>& undone);
  /// `next`: of records to be tried again; `due`: of claims undone.
  void forget(const std::vector<Record>& some, const std::map<QueueId, Time>& next, const std::vector<Claim>& undone, Time due);
  void pushRecords(std::vector<Record> more);
  void pushReleased(std::vector<Claim> more);

  void runUpkeep();
  void noteLanes();

  /// Runs `change` on what matches, after taking it back from those who wait to send it.
  std::size_t change(const Filter& filter, const std::function<std::size_t(const std::vector<QueueId>&)>& one);
  void takeBack(const std::vector<QueueId>& ids);
};

}  // namespace mox::queue
