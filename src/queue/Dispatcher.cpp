#include "queue/Dispatcher.h"

#include <algorithm>
#include <utility>

#include "base/Text.h"
#include "queue/Courier.h"

namespace mox::queue {

namespace {

/// Transactions after which a connection makes room if others wait for one and its destination has more than its part.
constexpr unsigned fairShare = 20;
/// Waiting messages that are worth another connection.
constexpr std::size_t worthConnection = 4;

/// A message joins the parcel of its other recipients while that waits.
bool joins(const Parcel& parcel, const Claim& claim, bool joinDomains) {
  const auto& first = parcel.claims.front();
  return parcel.message->id == claim.message->id && parcel.claims.size() < maxParcelRecipients && first.attempts == claim.attempts &&
         first.requireTls == claim.requireTls && (joinDomains || first.lane == claim.lane);
}

}  // namespace

Dispatcher::Dispatcher(DispatcherOptions options, net::Engine& engine, Storage& storage, const Clock& clock, Random& random,
                       QueueMetrics& metrics, Log log, Sink sink)
    : options_(std::move(options)),
      engine_(engine),
      storage_(storage),
      clock_(clock),
      random_(random),
      metrics_(metrics),
      log_(std::move(log)),
      sink_(std::move(sink)) {}

Dispatcher::~Dispatcher() = default;

void Dispatcher::enqueue(std::vector<Planned> planned) {
  Starts starts;
  std::vector<Claim> late;
  {
    std::lock_guard hold(mutex_);
    std::map<std::string, DestinationPtr> touched;
    for (auto& [claim, plan] : planned) {
      if (stopping_) {
        late.push_back(std::move(claim));
        continue;
      }
      auto& destination = destinations_[plan->key];
      if (!destination) {
        destination = std::make_shared<Destination>();
        destination->plan = plan;
        destination->limit = options_.firstPerDestination;
      }
      touched[plan->key] = destination;
      auto& waiting = destination->waiting;
      if (!waiting.empty() && joins(waiting.back(), claim, plan->joinDomains)) {
        waiting.back().claims.push_back(std::move(claim));
      } else {
        auto message = claim.message;
        waiting.push_back({std::move(message), {std::move(claim)}, 0, {}, clock_.now(), clock_.steady(), 0});
      }
    }
    for (const auto& [key, destination] : touched) staff(key, destination, starts);
  }
  if (!late.empty()) sink_.released(std::move(late));
  start(starts);
}

void Dispatcher::refuse(const Claim& claim, const Refusal& refusal) {
  Parcel none{claim.message, {}, 0, {}, clock_.now(), clock_.steady(), 0};
  auto record = makeRecord(claim, none, {refusal, "", ""});
  tell(record, nullptr, "none");
  sink_.done({std::move(record)});
}

/// That a later host gave no answer must not hide the one before.
Record Dispatcher::makeRecord(const Claim& claim, const Parcel& parcel, const Answer& last) {
  auto heard = parcel.heard.find(claim.id);
  const auto& answer = heard != parcel.heard.end() && last.why.code == 0 && !last.why.permanent ? heard->second : last;
  const auto& why = answer.why;
  Record record{claim, Verdict::retry, {}, answer.host, parcel.dialled};
  if (why.permanent || claim.attempts >= claim.maxAttempts) record.verdict = Verdict::failed;
  auto& attempt = record.attempt;
  attempt.start = parcel.start;
  attempt.duration = clock_.steady() - parcel.started;
  attempt.code = why.code;
  attempt.enhanced = why.enhanced;
  attempt.text = why.text;
  attempt.remote = answer.remote;
  return record;
}

void Dispatcher::tell(const Record& record, const Plan* plan, const std::string& tlsMode) {
  bool ok = record.verdict == Verdict::delivered;
  std::string result = ok ? "ok" : record.verdict == Verdict::failed ? "permanent" : "temporary";
  auto seconds = std::chrono::duration<double>(record.attempt.duration).count();
  metrics_.delivery(record.claim.attempts, plan != nullptr ? plan->transport : record.claim.transport, tlsMode, result, seconds);
  log_.info("delivery attempt", {{"id", record.claim.id.value},
                                 {"domain", record.claim.lane},
                                 {"attempt", record.claim.attempts},
                                 {"result", result},
                                 {"code", record.attempt.code},
                                 {"enhanced", record.attempt.enhanced},
                                 {"text", printable(record.attempt.text)},
                                 {"remote", record.attempt.remote}});
}

std::vector<Claim> Dispatcher::withdraw(const std::set<QueueId>& ids) {
  std::vector<Claim> out;
  std::lock_guard hold(mutex_);
  for (auto& [key, destination] : destinations_) {
    for (auto* line : {&destination->waiting, &destination->later}) {
      for (auto& parcel : *line)
        std::erase_if(parcel.claims, [&](Claim& claim) {
          if (!ids.contains(claim.id)) return false;
          out.push_back(std::move(claim));
          return true;
        });
      std::erase_if(*line, [](const Parcel& parcel) { return parcel.claims.empty(); });
    }
  }
  return out;
}

/// For what waits.
std::size_t Dispatcher::connectionsWorth(const Destination& d) { return (d.waiting.size() + worthConnection - 1) / worthConnection; }

bool Dispatcher::isHungry(const Destination& d) {
  if (!d.later.empty() && d.laterCouriers == 0) return true;
  auto wanted = d.busy + connectionsWorth(d);
  return !d.waiting.empty() && d.couriers < std::min<std::size_t>(d.limit, wanted);
}

/// The part of all connections that each destination may have when there are not enough for all.
std::size_t Dispatcher::part() const { return std::max<std::size_t>(1, options_.maxConnections / std::max<std::size_t>(1, destinations_.size())); }

bool Dispatcher::isBelowPart(const Destination& d) const {
  return d.couriers + d.laterCouriers < part() || (!d.later.empty() && d.laterCouriers == 0);
}

/// With more destinations than connections they take turns.
bool Dispatcher::isAbovePart(const Destination& d) const {
  return d.couriers + d.laterCouriers > part() || destinations_.size() > options_.maxConnections;
}

/// Wakes parked connections for what waits, the last parked first: so the others come to their end when there is little to
/// do. Those whose time is up are about to say QUIT.
void Dispatcher::rouse(const Destination& destination, Starts& starts) {
  auto wanted = connectionsWorth(destination);
  if (wanted == 0 || parked_.empty()) return;
  for (const auto& one : parked_)
    if (one.destination == &destination && one.woken && --wanted == 0) return;
  auto now = clock_.steady();
  for (auto one = parked_.rbegin(); one != parked_.rend() && wanted > 0; ++one) {
    if (one->destination != &destination || one->woken || one->until <= now) continue;
    one->woken = true;
    starts.wake.push_back(one->waker);
    --wanted;
  }
}

/// Has the connection that was parked first make room for a destination that has none: it is not parked again.
void Dispatcher::evict(Starts& starts) {
  auto first = std::find_if(parked_.begin(), parked_.end(), [this](const Parked& one) { return !one.woken && isAbovePart(*one.destination); });
  if (first == parked_.end()) first = std::find_if(parked_.begin(), parked_.end(), [](const Parked& one) { return !one.woken; });
  if (first == parked_.end()) return;
  first->woken = true;
  starts.wake.push_back(first->waker);
}

std::optional<Dispatcher::Parked> Dispatcher::unpark(const Courier& courier) {
  auto found = std::find_if(parked_.begin(), parked_.end(), [&](const Parked& one) { return one.courier == &courier; });
  if (found == parked_.end()) return std::nullopt;
  auto out = std::move(*found);
  parked_.erase(found);
  return out;
}

/// Gives the destination the connections it deserves: parked ones, then new ones, or a place among those who wait for one.
void Dispatcher::staff(const std::string& key, const DestinationPtr& destination, Starts& starts) {
  auto& d = *destination;
  if (!stopping_) rouse(d, starts);
  while (!stopping_ && isHungry(d)) {
    if (total_ >= options_.maxConnections) {
      // Who has its part and wants more waits until a place is free: its messages go meanwhile.
      if (!isBelowPart(d)) return;
      if (!std::exchange(d.starving, true)) starving_.push_back(key);
      return evict(starts);
    }
    bool first = !d.waiting.empty() && d.couriers < d.limit && (d.later.empty() || d.laterCouriers > 0 || d.couriers == 0);
    ++(first ? d.couriers : d.laterCouriers);
    ++total_;
    auto courier = std::make_shared<Courier>(*this, key, destination, first ? 0 : d.later.front().firstHost);
    couriers_.insert(courier);
    starts.dial.push_back(std::move(courier));
  }
}

void Dispatcher::serveStarving(Starts& starts) {
  for (auto turns = starving_.size(); turns > 0 && total_ < options_.maxConnections; --turns) {
    auto key = std::move(starving_.front());
    starving_.pop_front();
    auto found = destinations_.find(key);
    if (found == destinations_.end()) continue;
    found->second->starving = false;
    staff(key, found->second, starts);
  }
}

void Dispatcher::start(const Starts& starts) {
  for (const auto& waker : starts.wake) waker->wake();
  for (const auto& courier : starts.dial) courier->start();
}

void Dispatcher::forgetIfIdle(const std::string& key) {
  auto found = destinations_.find(key);
  if (found == destinations_.end()) return;
  const auto& d = *found->second;
  if (d.couriers == 0 && d.laterCouriers == 0 && d.waiting.empty() && d.later.empty()) destinations_.erase(found);
}

void Dispatcher::shrink(Destination& destination) {
  destination.limit = std::max(1u, destination.limit / 2);
  destination.successes = 0;
}

bool Dispatcher::mayWork(const Courier& courier, unsigned transactions) const {
  const auto& d = *courier.destination();
  if (stopping_ || (transactions >= fairShare && !starving_.empty() && isAbovePart(d))) return false;
  return courier.firstHost() != 0 || d.couriers <= d.limit;
}

std::variant<Parcel, smtp::Idle> Dispatcher::next(Courier& courier, unsigned transactions, const std::shared_ptr<net::Waker>& waker) {
  std::lock_guard hold(mutex_);
  auto parked = unpark(courier);
  // One that was woken in the last moment has a message waiting for it.
  bool timeIsUp = parked && !parked->woken && !waker;
  if (timeIsUp || !mayWork(courier, transactions)) return smtp::Idle::quit;
  if (auto parcel = pick(courier)) return std::move(*parcel);
  if (!waker || courier.firstHost() != 0 || !starving_.empty()) return smtp::Idle::quit;
  parked_.push_back({&courier, courier.destination().get(), waker, clock_.steady() + options_.timeouts.parked});
  return smtp::Idle::park;
}

std::optional<Parcel> Dispatcher::pick(Courier& courier) {
  auto& d = *courier.destination();
  std::optional<Parcel> out;
  if (courier.firstHost() == 0 && !d.waiting.empty()) {
    out = std::move(d.waiting.front());
    d.waiting.pop_front();
  } else {
    auto fit = std::find_if(d.later.begin(), d.later.end(), [&](const Parcel& parcel) { return parcel.firstHost <= courier.host(); });
    if (fit == d.later.end()) return std::nullopt;
    out = std::move(*fit);
    d.later.erase(fit);
  }
  if (courier.firstHost() == 0) ++d.busy;
  if (out->dialled.empty()) {
    out->start = clock_.now();
    out->started = clock_.steady();
  }
  return out;
}

void Dispatcher::putBack(Parcel parcel, Destination& destination) {
  auto& line = parcel.firstHost == 0 ? destination.waiting : destination.later;
  line.push_front(std::move(parcel));
}

void Dispatcher::onTransaction(Courier& courier, bool healthy, bool delivered, std::vector<Record> records, std::optional<Parcel> again,
                               std::optional<Parcel> elsewhere) {
  Starts starts;
  std::vector<Claim> late;
  {
    std::lock_guard hold(mutex_);
    auto& d = *courier.destination();
    if (courier.firstHost() == 0) --d.busy;
    if (!healthy) shrink(d);
    if (healthy && delivered && !d.waiting.empty() && ++d.successes >= d.limit && d.limit < options_.mostPerDestination) {
      ++d.limit;
      d.successes = 0;
    }
    for (auto* rest : {&again, &elsewhere}) {
      if (!*rest) continue;
      if (stopping_) late.insert(late.end(), (*rest)->claims.begin(), (*rest)->claims.end());
      else putBack(std::move(**rest), d);
    }
    staff(courier.key(), courier.destination(), starts);
  }
  if (!records.empty()) sink_.done(std::move(records));
  if (!late.empty()) sink_.released(std::move(late));
  start(starts);
}

void Dispatcher::onEnded(const std::shared_ptr<Courier>& courier, bool exhausted) {
  Starts starts;
  std::deque<Parcel> failed;
  auto destination = courier->destination();
  auto& d = *destination;
  {
    std::lock_guard hold(mutex_);
    bool first = courier->firstHost() == 0;
    --(first ? d.couriers : d.laterCouriers);
    unpark(*courier);
    if (exhausted) {
      shrink(d);
      // While others of its kind stand, or may yet, one too many was refused, and nothing is said of the messages: the last
      // to end speaks for all.
      if (!first) failed.swap(d.later);
      else if (d.couriers == 0) failed.swap(d.waiting);
    }
  }
  std::vector<Record> records;
  for (auto& parcel : failed) {
    for (const auto& dial : courier->dialled()) parcel.dialled.push_back(dial);
    for (const auto& claim : parcel.claims) {
      records.push_back(makeRecord(claim, parcel, courier->answerFor(parcel, claim)));
      tell(records.back(), d.plan.get(), "none");
    }
  }
  if (!records.empty()) sink_.done(std::move(records));
  {
    std::lock_guard hold(mutex_);
    --total_;
    serveStarving(starts);
    staff(courier->key(), destination, starts);
    forgetIfIdle(courier->key());
  }
  start(starts);
  std::lock_guard hold(mutex_);
  couriers_.erase(courier);
  // Under the lock: whoever waits may destroy us as soon as it has it.
  idle_.notify_all();
}

bool Dispatcher::stopping() {
  std::lock_guard hold(mutex_);
  return stopping_;
}

/// Everything dialled from now on would end at once. What waits is released by stop().
void Dispatcher::engineIsGone() {
  std::lock_guard hold(mutex_);
  stopping_ = true;
}

void Dispatcher::stop() {
  std::vector<Claim> claims;
  Starts starts;
  {
    std::lock_guard hold(mutex_);
    stopping_ = true;
    for (auto& [key, destination] : destinations_)
      for (auto* line : {&destination->waiting, &destination->later}) {
        for (auto& parcel : *line) std::move(parcel.claims.begin(), parcel.claims.end(), std::back_inserter(claims));
        line->clear();
      }
    starving_.clear();
    for (const auto& one : parked_) starts.wake.push_back(one.waker);
  }
  start(starts);
  if (!claims.empty()) sink_.released(std::move(claims));
}

bool Dispatcher::waitIdle(Duration patience) {
  std::unique_lock hold(mutex_);
  return idle_.wait_for(hold, patience, [this] { return couriers_.empty(); });
}

void Dispatcher::cancelAll() {
  std::vector<std::shared_ptr<Courier>> all;
  {
    std::lock_guard hold(mutex_);
    all.assign(couriers_.begin(), couriers_.end());
  }
  for (const auto& courier : all) courier->cancel();
}

std::size_t Dispatcher::countParked() const {
  return static_cast<std::size_t>(std::count_if(parked_.begin(), parked_.end(), [](const Parked& one) { return !one.woken; }));
}

std::size_t Dispatcher::parked() {
  std::lock_guard hold(mutex_);
  return countParked();
}

std::size_t Dispatcher::working() {
  std::lock_guard hold(mutex_);
  return total_ - countParked();
}

std::size_t Dispatcher::connections() {
  std::lock_guard hold(mutex_);
  return total_;
}

}  // namespace mox::queue
