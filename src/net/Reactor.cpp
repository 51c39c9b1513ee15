#include "net/Reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace mox::net {

namespace {

constexpr std::uint64_t eventKey = 0;
constexpr std::uint32_t busy = 1u << 31;

[[noreturn]] void throwErrno(const char* what) { throw std::system_error(errno, std::generic_category(), what); }

}  // namespace

Handler::Handler(std::shared_ptr<Reactor> reactor) : reactor_(std::move(reactor)), key_(++reactor_->lastKey_) {}

void Handler::signal(std::uint32_t bits) {
  if ((signals_.fetch_or(bits | busy) & busy) == 0) reactor_->push(shared_from_this());
}

void Handler::enter(std::uint32_t bits, Worker& worker) {
  if ((signals_.fetch_or(bits | busy) & busy) == 0) run(worker);
}

// A handler that asked to go on goes to the end of the queue, so that one with endless input starves nobody.
void Handler::run(Worker& worker) {
  for (;;) {
    turn(signals_.exchange(busy) & ~busy, worker);
    std::uint32_t expected = busy;
    if (signals_.compare_exchange_strong(expected, 0)) return;
    if ((expected & again) != 0) return reactor_->push(shared_from_this());
  }
}

Reactor::Reactor(const ReactorOptions& options, const Clock& clock, Metrics& metrics, Log log)
    : options_(options),
      clock_(clock),
      log_(std::move(log)),
      workersGauge_(metrics.gauge("mox_net_workers", "Threads that serve connections.")),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  if (!epoll_) throwErrno("epoll_create1");
  if (!event_) throwErrno("eventfd");
  epoll_event interest{};
  // Edge triggered and never read: each write is one event for one worker.
  interest.events = EPOLLIN | EPOLLET;
  interest.data.u64 = eventKey;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &interest) != 0) throwErrno("epoll_ctl");
  for (unsigned i = 0; i < options_.minWorkers; ++i) grow();
  if (!options_.manualTimers) timerThread_ = std::make_unique<Thread>("net-timer", smallStack, [this] { keepTime(); });
}

Reactor::~Reactor() { stop(); }

bool Reactor::add(const std::shared_ptr<Handler>& handler) {
  auto table = tables_[handler->key() % shards].lock();
  if (refusing_) return false;
  table->emplace(handler->key(), handler);
  ++size_;
  return true;
}

void Reactor::remove(Handler& handler) {
  timers_.remove(handler);
  std::shared_ptr<Handler> last;  // destroyed after the lock is gone
  {
    auto table = tables_[handler.key() % shards].lock();
    auto found = table->find(handler.key());
    if (found == table->end()) return;
    last = std::move(found->second);
    table->erase(found);
  }
  --size_;
  poke();
}

void Reactor::poke() {
  auto hold = changeLock_.lock();
  changed_.notify_all();
}

void Reactor::refuseNew() {
  refusing_ = true;
  for (auto& table : tables_) auto through = table.lock();  // an add() that has not seen it is over now
}

std::vector<std::shared_ptr<Handler>> Reactor::all() {
  std::vector<std::shared_ptr<Handler>> out;
  for (auto& shard : tables_) {
    auto table = shard.lock();
    for (const auto& [key, handler] : *table) out.push_back(handler);
  }
  return out;
}

bool Reactor::waitFor(const std::function<bool()>& done, Steady until) {
  auto hold = changeLock_.lock();
  while (!done()) {
    if (clock_.steady() >= until) return false;
    if (options_.manualTimers || until == never) changed_.wait(hold.lock());
    else changed_.wait_until(hold.lock(), until);
  }
  return true;
}

void Reactor::stop() {
  if (stopping_.exchange(true)) return;
  notify();
  pokeTimer();
  if (timerThread_) timerThread_->join();
  for (;;) {
    std::unique_ptr<Thread> thread;
    {
      auto threads = threads_.lock();
      if (!threads->running.empty()) {
        thread = std::move(threads->running.begin()->second);
        threads->running.erase(threads->running.begin());
      } else if (!threads->ended.empty()) {
        thread = std::move(threads->ended.back());
        threads->ended.pop_back();
      }
    }
    if (!thread) break;
    thread->join();
  }
  workers_ = 0;
  workersGauge_.set(0);
  std::deque<std::shared_ptr<Handler>> left;
  ready_.lock()->swap(left);
}

void Reactor::arm(Handler& handler, int fd, std::uint32_t events, int op) {
  epoll_event interest{};
  interest.events = events | EPOLLONESHOT;
  interest.data.u64 = handler.key();
  if (::epoll_ctl(epoll_.get(), op, fd, &interest) != 0) throwErrno("epoll_ctl");
}

void Reactor::setDue(Handler& handler, Steady due) {
  if (timers_.set(handler, due)) pokeTimer();
}

void Reactor::tick() {
  timers_.fire(clock_.steady());
  poke();
}

void Reactor::push(std::shared_ptr<Handler> handler) {
  {
    auto ready = ready_.lock();
    if (stopping_) return;  // nobody would take it, and it keeps this reactor alive
    ready->push_back(std::move(handler));
    ++readyCount_;
  }
  // A worker that is not waiting yet looks at the count after it has counted itself as waiting: one of us sees the other.
  if (waiting_ > 0) notify();
}

std::shared_ptr<Handler> Reactor::pop() {
  auto ready = ready_.lock();
  if (ready->empty()) return nullptr;
  auto handler = std::move(ready->front());
  ready->pop_front();
  --readyCount_;
  if (!ready->empty() && waiting_ > 0) notify();  // others may help
  return handler;
}

std::shared_ptr<Handler> Reactor::find(std::uint64_t key) {
  auto table = tables_[key % shards].lock();
  auto found = table->find(key);
  return found != table->end() ? found->second : nullptr;
}

void Reactor::notify() {
  std::uint64_t one = 1;
  if (::write(event_.get(), &one, sizeof one) < 0 && errno != EAGAIN) throwErrno("eventfd");
}

// The lock is held while the thread starts, so that it finds itself in the map whenever it ends.
void Reactor::grow() {
  auto threads = threads_.lock();
  if (stopping_ || workers_ >= options_.maxWorkers) return;
  for (auto& thread : threads->ended) thread->join();
  threads->ended.clear();
  unsigned index = threads->next++;
  try {
    threads->running[index] = std::make_unique<Thread>("net-worker", options_.workerStack, [this, index] { work(index); });
  } catch (const std::system_error& error) {
    threads->running.erase(index);
    if (workers_ == 0) throw;
    log_.error("cannot start a worker thread", {{"err", error.what()}, {"workers", workers_.load()}});
    return;
  }
  workersGauge_.set(++workers_);
}

bool Reactor::leave(unsigned index) {
  auto threads = threads_.lock();
  auto self = threads->running.find(index);
  if (self == threads->running.end() || workers_ <= options_.minWorkers) return false;  // stop() joins us
  threads->ended.push_back(std::move(self->second));
  threads->running.erase(self);
  workersGauge_.set(--workers_);
  return true;
}

void Reactor::work(unsigned index) {
  Worker worker{std::string(options_.scratchBytes, '\0')};
  auto idle = static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(options_.workerIdle).count());
  while (!stopping_) {
    epoll_event event{};
    ++waiting_;
    bool ready = readyCount_ > 0;
    int count = ::epoll_wait(epoll_.get(), &event, 1, ready ? 0 : workers_ > options_.minWorkers ? idle : -1);
    int error = errno;
    bool last = waiting_.fetch_sub(1) == 1;
    if (count < 0 && error != EINTR) throw std::system_error(error, std::generic_category(), "epoll_wait");
    if (count == 0 && !ready && !stopping_ && leave(index)) return;
    if ((count <= 0 && !ready) || stopping_) continue;
    if (last && workers_ < options_.maxWorkers) grow();
    // By turns, so that neither sockets nor what other threads bring must wait for the other to come to an end.
    if (count > 0 && event.data.u64 != eventKey) serve(event.data.u64, event.events, worker);
    if (auto handler = pop()) handler->run(worker);
  }
  notify();  // the next worker must see it too
}

void Reactor::serve(std::uint64_t key, std::uint32_t events, Worker& worker) {
  auto handler = find(key);
  if (!handler) return;  // closed while the event was on its way
  std::uint32_t bits = 0;
  if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) bits |= Handler::readable;
  if ((events & EPOLLOUT) != 0) bits |= Handler::writable;
  if ((events & (EPOLLHUP | EPOLLERR)) != 0) bits |= Handler::broken;
  handler->enter(bits, worker);
}

void Reactor::keepTime() {
  while (!stopping_) {
    auto next = timers_.fire(clock_.steady());
    auto sleep = timerSleep_.lock();
    auto awake = [&] { return sleep->poked || stopping_.load(); };
    if (next) timerWake_.wait_until(sleep.lock(), *next, awake);
    else timerWake_.wait(sleep.lock(), awake);
    sleep->poked = false;
  }
}

void Reactor::pokeTimer() {
  if (options_.manualTimers) return;
  timerSleep_.lock()->poked = true;
  timerWake_.notify_one();
}

}  // namespace mox::net
