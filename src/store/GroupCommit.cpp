#include "store/GroupCommit.h"

#include <semaphore.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace mox::store {

namespace {

/// Works one transaction takes at most, so that the first caller does not wait for a crowd.
constexpr std::size_t batchLimit = 256;
/// A leader that had company of late waits for as many again, but no longer than a commit takes, nor than this: one
/// forced write for six costs less than two for three. Who is alone never waits.
constexpr std::chrono::microseconds gatherLimit(1'000);
/// WAL pages left after a background checkpoint from which on it is finished while no one writes.
constexpr int walPagesToFinish = 8'192;

/// Where one caller sleeps. Shared with whoever wakes it, since it is woken after the lock of the group was let go, when the
/// caller may have seen that it is done and be gone. Woken under that lock, each would only run into it and sleep again.
class Bed {
 public:
  Bed() { sem_init(&called_, 0, 0); }
  ~Bed() { sem_destroy(&called_); }
  Bed(const Bed&) = delete;
  Bed& operator=(const Bed&) = delete;

  /// Until wake(), which may have come before.
  void sleep() {
    while (sem_wait(&called_) != 0) {  // only a signal ends it early
    }
  }
  void wake() { sem_post(&called_); }

 private:
  sem_t called_;  // a condition variable would make its waker's lock be met once more
};

struct Waiter {
  const std::function<void(WriteTx&)>* work = nullptr;
  Durability durability = Durability::forced;
  Transaction transaction = Transaction::shared;
  std::exception_ptr error;
  std::vector<std::function<void()>> hooks;
  std::atomic<bool> done{false};
  std::shared_ptr<Bed> bed = std::make_shared<Bed>();
};

}  // namespace

struct GroupCommit::State {
  State(std::unique_ptr<Db> database, DbOptions dbOptions, std::function<void(Db&)> onChange)
      : path(database->path()), options(dbOptions), stamp(std::move(onChange)), db(std::move(database)) {
    db->rewriteWal();
  }

  const std::string path;
  const DbOptions options;
  const std::function<void(Db&)> stamp;
  std::unique_ptr<Db> db;  ///< used only by the leader; null if it could not be opened again
  std::mutex mutex;
  std::deque<Waiter*> queue;
  bool leading = false;
  std::size_t company = 1;                      ///< works a batch has had of late; one less after each wait in vain
  std::chrono::nanoseconds commitTime{0};       ///< what commits take of late
  std::condition_variable arrived;              ///< somebody joined the queue of a leader that gathers
  std::condition_variable idle;  ///< leading became false
  std::atomic<bool> inDoubt{false};       ///< the last commit failed at its fsync
  std::atomic<bool> needsReopening{false};  ///< a checkpoint did
  std::atomic<std::uint64_t> commits{0}, works{0}, statements{0}, forced{0};
  bool fullSync = true;                   ///< what `db` is set to; used only by the leader
  std::atomic<bool> riders{false};
  std::atomic<int> walPages{0};

  std::mutex checkpointMutex;
  std::unique_ptr<Db> checkpointer;  // under checkpointMutex

  void connect();
  void disconnect();
  void commit(const std::vector<Waiter*>& batch);
  void runOne(Waiter& waiter, bool alone);
  void setSync(bool full);
  void committed(bool isForced, std::int64_t changesBefore);
  static void runHooks(const std::vector<Waiter*>& batch) noexcept;
  void runBatch(const std::vector<Waiter*>& batch);
  void lead(std::unique_lock<std::mutex>& lock, Waiter& me);
  void gather(std::unique_lock<std::mutex>& lock);
  std::vector<Waiter*> takeBatch();
  /// Ends the leadership. Whom to wake, once the lock is let go: the next leader.
  std::shared_ptr<Bed> handOver();
  /// Runs `work` while no batch does.
  void alone(const std::function<void()>& work);
};

GroupCommit::GroupCommit(std::unique_ptr<Db> db, const DbOptions& options, std::function<void(Db&)> stamp)
    : state_(std::make_unique<State>(std::move(db), options, std::move(stamp))) {}
GroupCommit::~GroupCommit() {
  if (state_->inDoubt || state_->needsReopening) state_->disconnect();
}

void GroupCommit::State::connect() {
  auto fresh = std::make_unique<Db>(path, options);
  fresh->rewriteWal();
  db = std::move(fresh);
  fullSync = true;
}

/// Leaves the WAL for whoever opens the database next.
void GroupCommit::State::disconnect() {
  if (checkpointer) checkpointer->stopCheckpoints();
  checkpointer.reset();
  if (db) db->stopCheckpoints();
  db.reset();
}

void GroupCommit::State::runOne(Waiter& waiter, bool alone) {
  WriteTx tx(*db, fullSync);
  if (!alone) db->prepare("SAVEPOINT work").run();
  try {
    (*waiter.work)(tx);
  } catch (...) {
    waiter.error = std::current_exception();
    // Disk full and I/O errors may have rolled back everything; then the whole batch is lost.
    if (!db->inTransaction()) throw;
    if (alone) return;
    db->prepare("ROLLBACK TO work").run();
  }
  if (!alone) db->prepare("RELEASE work").run();
  if (!waiter.error) waiter.hooks = std::move(tx.hooks_);
}

/// noexcept: what is on disk but not told to those who hold views could only be repaired by starting anew.
void GroupCommit::State::runHooks(const std::vector<Waiter*>& batch) noexcept {
  for (auto* waiter : batch)
    if (!waiter->error)
      for (auto& hook : waiter->hooks) hook();
}

/// Not possible inside a transaction.
void GroupCommit::State::setSync(bool full) {
  if (full == fullSync) return;
  db->exec(full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
  fullSync = full;
}

/// A commit that changed nothing writes nothing, and so forces nothing.
void GroupCommit::State::committed(bool isForced, std::int64_t changesBefore) {
  ++commits;
  if (isForced) ++forced;
  if (db->totalChanges() != changesBefore) riders = !isForced;
}

void GroupCommit::State::commit(const std::vector<Waiter*>& batch) {
  if (!db) connect();
  if (inDoubt) db->rewriteWal();
  setSync(inDoubt || std::any_of(batch.begin(), batch.end(), [](const Waiter* w) { return w->durability == Durability::forced; }));
  auto changesBefore = db->totalChanges();
  Tx tx(*db);
  for (auto* waiter : batch) runOne(*waiter, batch.size() == 1);
  if (batch.size() == 1 && batch.front()->error) return;
  if (stamp && db->totalChanges() != changesBefore) stamp(*db);
  // Something must be written over the commit that failed, whatever the work was.
  if (inDoubt) db->exec(("PRAGMA user_version=" + std::to_string(db->scalar("PRAGMA user_version"))).c_str());
  tx.commit();  // after this line the work is on disk, or rides
  inDoubt = false;
  walPages = db->walPages();
  committed(fullSync, changesBefore);
  works += batch.size();
}

void GroupCommit::State::runBatch(const std::vector<Waiter*>& batch) {
  auto before = db ? db->statementsRun() : 0;
  try {
    commit(batch);
  } catch (const DatabaseError& error) {
    if (error.isFailedSync()) inDoubt = true;
    for (auto* waiter : batch)
      if (!waiter->error) waiter->error = std::current_exception();
  } catch (...) {
    for (auto* waiter : batch)
      if (!waiter->error) waiter->error = std::current_exception();
  }
  if (db && db->checkpointFailed()) {
    db->stopCheckpoints();
    needsReopening = true;
  }
  if (db) statements += db->statementsRun() - before;
  runHooks(batch);
}

std::shared_ptr<Bed> GroupCommit::State::handOver() {
  leading = false;
  idle.notify_one();
  return queue.empty() ? nullptr : queue.front()->bed;
}

void GroupCommit::State::gather(std::unique_lock<std::mutex>& lock) {
  if (queue.size() >= company || queue.front()->transaction == Transaction::own) return;
  auto patience = std::min<std::chrono::nanoseconds>(commitTime, gatherLimit);
  if (!arrived.wait_for(lock, patience, [&] { return queue.size() >= company; })) --company;
}

std::vector<Waiter*> GroupCommit::State::takeBatch() {
  auto isOwn = [](const Waiter* waiter) { return waiter->transaction == Transaction::own; };
  auto end = queue.begin() + static_cast<std::ptrdiff_t>(std::min(queue.size(), batchLimit));
  end = isOwn(queue.front()) ? queue.begin() + 1 : std::find_if(queue.begin(), end, isOwn);
  std::vector<Waiter*> batch(queue.begin(), end);
  queue.erase(queue.begin(), end);
  return batch;
}

void GroupCommit::State::lead(std::unique_lock<std::mutex>& lock, Waiter& me) {
  leading = true;
  gather(lock);
  auto batch = takeBatch();
  lock.unlock();
  auto start = std::chrono::steady_clock::now();
  runBatch(batch);
  auto took = std::chrono::steady_clock::now() - start;
  lock.lock();
  if (me.transaction == Transaction::shared) {
    company = std::max(company, batch.size());
    commitTime = (commitTime * 7 + took) / 8;
  }
  auto next = handOver();
  lock.unlock();
  for (auto* waiter : batch) {
    auto bed = waiter->bed;
    waiter->done = true;  // from here on it may be gone
    if (waiter != &me) bed->wake();
  }
  if (next) next->wake();
}

void GroupCommit::submit(const std::function<void(WriteTx&)>& work, Durability durability, Transaction transaction) {
  Waiter me;
  me.work = &work;
  me.durability = durability;
  me.transaction = transaction;
  std::unique_lock lock(state_->mutex);
  state_->queue.push_back(&me);
  if (state_->leading && state_->queue.size() >= state_->company) state_->arrived.notify_one();
  auto mayLead = [&] { return !state_->leading && state_->queue.front() == &me; };
  while (!me.done && !mayLead()) {
    lock.unlock();
    me.bed->sleep();
    if (me.done) break;
    lock.lock();
  }
  if (!me.done) state_->lead(lock, me);
  if (me.error) std::rethrow_exception(me.error);
}

void GroupCommit::State::alone(const std::function<void()>& work) {
  std::unique_lock lock(mutex);
  if (leading) idle.wait(lock, [&] { return !leading; });
  leading = true;
  lock.unlock();
  std::exception_ptr error;
  try {
    work();
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  auto next = handOver();
  lock.unlock();
  if (next) next->wake();
  if (error) std::rethrow_exception(error);
}

void GroupCommit::checkpoint() {
  auto& s = *state_;
  std::lock_guard one(s.checkpointMutex);
  if (s.needsReopening) return;
  try {
    if (!s.checkpointer) s.checkpointer = std::make_unique<Db>(s.path, s.options);
    if (s.checkpointer->checkpoint() < walPagesToFinish) return;
    // Writers were faster: the WAL starts over only when all of it has been moved at a moment nobody writes.
    s.alone([&] { s.checkpointer->checkpoint(); });
  } catch (const DatabaseError& error) {
    if (error.isFailedSync()) {
      s.needsReopening = true;
      s.alone([&] {
        if (s.db) s.db->stopCheckpoints();
      });
    }
    throw;
  }
}

void GroupCommit::settle() {
  if (isInDoubt()) submit([](WriteTx&) {});
}

bool GroupCommit::reopen(const WhileClosed& whileClosed) {
  auto& s = *state_;
  std::lock_guard one(s.checkpointMutex);
  if (!s.needsReopening) return true;
  settle();  // otherwise the failed commit would come back, behind the back of all that was told
  bool done = false;
  s.alone([&] {
    if (s.inDoubt) return;
    done = whileClosed([&] {
      s.disconnect();
      s.needsReopening = false;
      s.connect();
    });
  });
  return done;
}

std::size_t GroupCommit::waiting() const {
  std::lock_guard lock(state_->mutex);
  return state_->queue.size();
}

bool GroupCommit::isWalLong() const { return state_->walPages >= walPagesToFinish; }
bool GroupCommit::isInDoubt() const { return state_->inDoubt; }
bool GroupCommit::needsReopening() const { return state_->needsReopening; }
bool GroupCommit::hasRiders() const { return state_->riders; }
GroupCommit::Counts GroupCommit::counts() const { return {state_->commits, state_->works, state_->statements, state_->forced}; }

}  // namespace mox::store
