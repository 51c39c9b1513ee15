#include "net/JobPool.h"

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <system_error>

#include "net/Thread.h"

namespace mox::net {

struct JobPool::State {
  State(JobPoolOptions o, Metrics& metrics, Log l)
      : options(std::move(o)),
        log(std::move(l)),
        queuedGauge(metrics.gauge("mox_jobpool_queued", "Jobs waiting for a thread.", {{"pool", options.name}})),
        fullCounter(metrics.counter("mox_jobpool_full_total", "Jobs refused because the queue was full.", {{"pool", options.name}})),
        failedCounter(metrics.counter("mox_jobpool_failed_total", "Jobs that threw.", {{"pool", options.name}})) {}

  const JobPoolOptions options;
  Log log;
  Gauge& queuedGauge;
  Counter& fullCounter;
  Counter& failedCounter;

  mutable std::mutex mutex;  // guards all below
  std::condition_variable work;
  std::deque<std::function<void()>> queue;
  std::list<std::unique_ptr<Thread>> running, ended;
  unsigned idle = 0;
  bool stopping = false;

  void startThread();
  void serve(std::list<std::unique_ptr<Thread>>::iterator self);
  void runOne(std::function<void()> job);
};

JobPool::JobPool(JobPoolOptions options, Metrics& metrics, Log log)
    : state_(std::make_unique<State>(std::move(options), metrics, std::move(log))) {}

JobPool::~JobPool() {
  std::unique_lock hold(state_->mutex);
  state_->stopping = true;
  state_->work.notify_all();
  for (auto* list : {&state_->running, &state_->ended}) {
    while (!list->empty()) {
      auto thread = std::move(list->front());
      list->pop_front();
      hold.unlock();
      thread->join();
      hold.lock();
    }
  }
}

bool JobPool::submit(std::function<void()> job) {
  std::unique_lock hold(state_->mutex);
  if (state_->queue.size() >= state_->options.maxQueued) {
    state_->fullCounter.inc();
    return false;
  }
  state_->queue.push_back(std::move(job));
  state_->queuedGauge.set(static_cast<double>(state_->queue.size()));
  if (state_->idle < state_->queue.size() && state_->running.size() < state_->options.maxThreads) state_->startThread();
  state_->work.notify_one();
  return true;
}

std::size_t JobPool::queued() const {
  std::lock_guard hold(state_->mutex);
  return state_->queue.size();
}

unsigned JobPool::threads() const {
  std::lock_guard hold(state_->mutex);
  return static_cast<unsigned>(state_->running.size());
}

// With the lock held.
void JobPool::State::startThread() {
  for (auto& thread : ended) thread->join();  // they hold no lock any more and are on their last lines
  ended.clear();
  running.emplace_front();
  auto self = running.begin();
  try {
    *self = std::make_unique<Thread>("job-" + options.name, options.stackBytes, [this, self] { serve(self); });
  } catch (const std::system_error& error) {
    running.erase(self);
    log.error("cannot start a job thread", {{"pool", options.name}, {"err", error.what()}});
    if (running.empty()) {
      queue.pop_back();
      throw;
    }
  }
}

// `self` is only used under the lock while not stopping: the destructor takes the list apart.
void JobPool::State::serve(std::list<std::unique_ptr<Thread>>::iterator self) {
  std::unique_lock hold(mutex);
  for (;;) {
    if (queue.empty()) {
      if (stopping) return;
      ++idle;
      bool woken = work.wait_for(hold, options.idle, [this] { return !queue.empty() || stopping; });
      --idle;
      if (!woken) {
        ended.splice(ended.end(), running, self);
        return;
      }
      continue;
    }
    auto job = std::move(queue.front());
    queue.pop_front();
    queuedGauge.set(static_cast<double>(queue.size()));
    hold.unlock();
    runOne(std::move(job));
    hold.lock();
  }
}

void JobPool::State::runOne(std::function<void()> job) {
  try {
    job();
  } catch (const std::exception& error) {
    failedCounter.inc();
    log.error("job failed", {{"pool", options.name}, {"err", error.what()}});
  }
}

}  // namespace mox::net
