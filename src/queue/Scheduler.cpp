#include "queue/Scheduler.h"

#include <algorithm>
#include <utility>

#include "base/Text.h"
#include "queue/SchedulerState.h"

namespace mox::queue {

namespace {

/// However far away the next attempt is: wall time may jump.
constexpr auto longestSleep = std::chrono::minutes(1);
/// After the database or the pool said no.
constexpr auto troublePause = std::chrono::seconds(1);
constexpr auto upkeepInterval = std::chrono::seconds(1);
constexpr std::size_t claimerStack = 512 * 1024, recorderStack = 1024 * 1024;

}  // namespace

smtp::ClientTimeouts queueTimeouts() {
  smtp::ClientTimeouts out;
  out.greeting = out.command = out.dataStart = std::chrono::seconds(30);
  // Servers that scan what they got take their time before the last 250, and giving up there sends it twice.
  out.dataEnd = std::chrono::minutes(5);
  out.quit = std::chrono::seconds(5);
  return out;
}

Scheduler::State::State(SchedulerOptions o, SchedulerServices s)
    : options(std::move(o)),
      services(std::move(s)),
      log(services.log.room("queue")),
      metrics(services.metrics, services.clock),
      storage({options.directory, options.vfs, options.maxAttempts}, services.files, log),
      notices(services.config, services.accounts, storage, services.clock, services.random, log),
      planner({options.deliverAllTo, options.smtpPort, services.config.current()->authorities()}, services.clock, services.random, services.metrics),
      dispatcher(options.dispatcher, services.engine, storage, services.clock, services.random, metrics, log,
                 {[this](std::vector<Record> more) { pushRecords(std::move(more)); }, [this](std::vector<Claim> more) { pushReleased(std::move(more)); }}),
      lanes(options.lanes) {}

void Scheduler::State::wakeUp() {
  std::lock_guard hold(mutex);
  woken = true;
  wake.notify_one();
}

void Scheduler::State::waitForWork(std::unique_lock<std::mutex>& hold) {
  auto ready = [this] { return woken || stopping; };
  auto due = lanes.nextDue();
  auto now = services.clock.now();
  if (due && *due <= now) woken = true;
  if (options.manualTimers) {
    sleepsUntil = Time::max();
    wake.wait(hold, ready);
  } else {
    Duration sleep = longestSleep;
    if (due) sleep = std::clamp<Duration>(*due - now, Duration::zero(), longestSleep);
    sleepsUntil = now + std::chrono::duration_cast<std::chrono::microseconds>(sleep);
    wake.wait_for(hold, sleep, ready);
  }
  sleepsUntil = Time::min();
  woken = false;
}

/// Results come by the thousand, and seldom is there something to claim because of one.
void Scheduler::State::wakeIfDue() {
  auto due = lanes.nextDue();
  if (!due || *due >= sleepsUntil) return;
  woken = true;
  wake.notify_one();
}

void Scheduler::State::runClaimer() {
  std::unique_lock hold(mutex);
  while (!stopping) {
    waitForWork(hold);
    if (stopping) return;
    claiming = true;
    hold.unlock();
    bool fine = round();
    hold.lock();
    claiming = false;
    if (!fine) wake.wait_for(hold, troublePause, [this] { return stopping; });
  }
}

/// One commit of claims. False if the machine is in trouble.
bool Scheduler::State::round() {
  auto now = services.clock.now();
  std::unique_lock hold(mutex);
  auto requests = lanes.requests(now);
  hold.unlock();
  if (requests.empty()) return true;
  Claimed claimed;
  try {
    claimed = storage.claim(
        requests, now,
        [this](QueueId id) {
          std::lock_guard inner(mutex);
          return active.contains(id);
        },
        [this](int attempt) { return backoff(attempt, services.random); });
  } catch (const std::exception& error) {
    log.error("cannot take messages for delivery", {{"err", error.what()}});
    hold.lock();
    for (const auto& request : requests) lanes.note(request.lane, now);
    return false;
  }
  std::map<std::string, std::vector<Claim>> byLane;
  hold.lock();
  for (auto& claim : claimed.claims) {
    active.insert(claim.id);
    lanes.took(claim.lane, 1);
    byLane[claim.lane].push_back(std::move(claim));
  }
  for (const auto& [lane, due] : claimed.next) lanes.note(lane, due);
  hold.unlock();
  for (auto& [lane, claims] : byLane) {
    {
      std::lock_guard inner(mutex);
      ++jobs;
    }
    planSoon(std::move(claims));
  }
  return true;
}

/// Here if DNS need not be asked, else in the pool. Counted in `jobs` by the caller.
void Scheduler::State::planSoon(std::vector<Claim> claims) {
  try {
    dns::Remembered remembered(services.resolver);
    plan(remembered, claims);
  } catch (const dns::NotRemembered&) {
    return planInPool(std::move(claims));
  }
  jobOver();
}

void Scheduler::State::planInPool(std::vector<Claim> claims) {
  auto shared = std::make_shared<const std::vector<Claim>>(std::move(claims));
  bool taken = services.pool.submit([this, shared] {
    plan(services.resolver, *shared);
    jobOver();
  });
  if (taken) return;
  // So many domains at once: they come again when the pool had time.
  log.warn("too many lookups wait, messages are put off", {{"lane", shared->front().lane}});
  pushReleased(*shared);
  jobOver();
}

void Scheduler::State::plan(dns::Resolver& resolver, const std::vector<Claim>& claims) {
  std::vector<Dispatcher::Planned> planned;
  std::vector<std::pair<Claim, Refusal>> refused;
  try {
    planner.plan(resolver, *services.config.current(), claims, [&](const Claim& claim, tl::expected<std::shared_ptr<const Plan>, Refusal> made) {
      if (made) planned.push_back({claim, std::move(*made)});
      else refused.emplace_back(claim, made.error());
    });
    std::vector<Claim> notTried;
    for (const auto& [claim, why] : refused) {
      // Lookups end in errors when the server stops; that says nothing of the destination.
      if (!why.permanent && isStopping()) notTried.push_back(claim);
      else dispatcher.refuse(claim, why);
    }
    if (!notTried.empty()) pushReleased(notTried);
    if (!planned.empty()) dispatcher.enqueue(std::move(planned));
  } catch (const dns::NotRemembered&) {
    throw;  // nothing has happened yet
  } catch (const std::exception& error) {
    // The entries keep the next attempt that is on disk.
    log.error("planning deliveries failed", {{"err", error.what()}});
    for (const auto& claim : claims) dispatcher.refuse(claim, {false, 0, "4.3.0", "internal error"});
  }
}

bool Scheduler::State::isStopping() {
  std::lock_guard hold(mutex);
  return stopping;
}

void Scheduler::State::jobOver() {
  std::lock_guard hold(mutex);
  --jobs;
  jobsDone.notify_all();
}

void Scheduler::State::runUpkeep() {
  std::unique_lock hold(upkeepMutex);
  while (!upkeepWake.wait_for(hold, upkeepInterval, [this] { return upkeepOver; })) {
    hold.unlock();
    try {
      storage.maintain();
    } catch (const std::exception& error) {
      log.error("queue database cannot be checkpointed", {{"err", error.what()}});
    }
    hold.lock();
  }
}

void Scheduler::State::noteLanes() {
  auto all = storage.lanes();
  std::lock_guard hold(mutex);
  for (const auto& [lane, due] : all) lanes.note(lane, due);
  woken = true;
  wake.notify_one();
}

Scheduler::Scheduler(SchedulerOptions options, SchedulerServices services)
    : state_(std::make_unique<State>(std::move(options), std::move(services))) {
  state_->metrics.hold.set(static_cast<double>(state_->storage.held()));
}

Scheduler::~Scheduler() { stop(Duration::zero()); }

void Scheduler::start() {
  auto& s = *state_;
  s.noteLanes();
  {
    std::lock_guard hold(s.mutex);
    s.started = true;
  }
  s.recorder = std::make_unique<net::Thread>("queue-results", recorderStack, [&s] { s.runRecorder(); });
  s.claimer = std::make_unique<net::Thread>("queue", claimerStack, [&s] { s.runClaimer(); });
  s.upkeep = std::make_unique<net::Thread>("queue-upkeep", net::smallStack, [&s] { s.runUpkeep(); });
}

void Scheduler::beginStop() {
  auto& s = *state_;
  {
    std::lock_guard hold(s.mutex);
    s.stopping = true;
    s.wake.notify_all();
  }
  s.dispatcher.stop();
}

void Scheduler::stop(Duration grace) {
  auto& s = *state_;
  {
    std::lock_guard hold(s.mutex);
    if (std::exchange(s.stopped, true)) return;
  }
  beginStop();
  if (s.claimer) s.claimer->join();
  {
    // Lookups have a deadline of their own; what they find is released.
    std::unique_lock hold(s.mutex);
    s.jobsDone.wait(hold, [&s] { return s.jobs == 0; });
  }
  s.dispatcher.stop();
  if (!s.dispatcher.waitIdle(grace)) {
    do s.dispatcher.cancelAll();
    while (!s.dispatcher.waitIdle(troublePause));
  }
  {
    std::lock_guard hold(s.resultMutex);
    s.finishing = true;
    s.resultWake.notify_all();
  }
  if (s.recorder) s.recorder->join();
  {
    std::lock_guard hold(s.upkeepMutex);
    s.upkeepOver = true;
    s.upkeepWake.notify_all();
  }
  if (s.upkeep) s.upkeep->join();
}

void Scheduler::tick() { state_->wakeUp(); }

std::size_t Scheduler::active() {
  std::lock_guard hold(state_->mutex);
  return state_->active.size();
}

bool Scheduler::isQuiet() {
  auto& s = *state_;
  std::lock_guard hold(s.mutex);
  auto due = s.lanes.nextDue();
  bool isDue = due && *due <= s.services.clock.now();
  return !isDue && !s.woken && !s.claiming && s.active.empty() && s.jobs == 0 && s.dispatcher.working() == 0;
}

std::size_t Scheduler::connections() { return state_->dispatcher.connections(); }
std::size_t Scheduler::parked() { return state_->dispatcher.parked(); }
std::uint64_t Scheduler::dials() const { return state_->dispatcher.dials(); }
Storage& Scheduler::storage() { return state_->storage; }

}  // namespace mox::queue
