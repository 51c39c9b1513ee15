#include "queue/Dispatcher.h"

#include <algorithm>
#include <utility>

#include "base/Text.h"
#include "queue/Courier.h"

namespace mox::queue {

namespace {

/// Transactions after which a connection makes room if others wait for one.
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
    if (lingering_ > 0) arrived_.notify_all();
  }
  if (!late.empty()) sink_.released(std::move(late));
  start(starts);
}

void Dispatcher::refuse(const Claim& claim, const Refusal& refusal) {
  Parcel none{claim.message, {}, 0, {}, clock_.now(), clock_.steady(), 0};
  auto record = makeRecord(claim, none, refusal, "");
  tell(record, nullptr, "none");
  sink_.done({std::move(record)});
}

Record Dispatcher::makeRecord(const Claim& claim, const Parcel& parcel, const Refusal& why, const std::string& remote) {
  Record record{claim, Verdict::retry, {}, "", parcel.dialled};
  if (why.permanent || claim.attempts >= claim.maxAttempts) record.verdict = Verdict::failed;
  auto& attempt = record.attempt;
  attempt.start = parcel.start;
  attempt.duration = clock_.steady() - parcel.started;
  attempt.code = why.code;
  attempt.enhanced = why.enhanced;
  attempt.text = why.text;
  attempt.remote = remote;
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

bool Dispatcher::isHungry(const Destination& d) {
  if (!d.later.empty() && d.laterCouriers == 0) return true;
  auto wanted = d.busy + (d.waiting.size() + worthConnection - 1) / worthConnection;
  return !d.waiting.empty() && d.couriers < std::min<std::size_t>(d.limit, wanted);
}

/// Gives the destination the connections it deserves, or a place among those who wait for one.
void Dispatcher::staff(const std::string& key, const DestinationPtr& destination, Starts& starts) {
  auto& d = *destination;
  while (!stopping_ && isHungry(d)) {
    if (total_ >= options_.maxConnections) {
      if (!std::exchange(d.starving, true)) starving_.push_back(key);
      return;
    }
    bool first = !d.waiting.empty() && d.couriers < d.limit && (d.later.empty() || d.laterCouriers > 0 || d.couriers == 0);
    ++(first ? d.couriers : d.laterCouriers);
    ++total_;
    auto courier = std::make_shared<Courier>(*this, key, destination, first ? 0 : d.later.front().firstHost);
    couriers_.insert(courier);
    starts.push_back(std::move(courier));
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
  for (const auto& courier : starts) courier->start();
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

void Dispatcher::onEstablished(Courier& courier) {
  std::lock_guard hold(mutex_);
  if (courier.firstHost() == 0) ++courier.destination()->established;
}

bool Dispatcher::mayWork(const Courier& courier, unsigned transactions) const {
  const auto& d = *courier.destination();
  if (stopping_ || (transactions >= fairShare && !starving_.empty())) return false;
  return courier.firstHost() != 0 || d.couriers <= d.limit;
}

std::optional<Parcel> Dispatcher::next(Courier& courier, unsigned transactions) {
  std::unique_lock hold(mutex_);
  if (!mayWork(courier, transactions)) return std::nullopt;
  auto out = pick(courier);
  if (out || courier.firstHost() != 0 || lingering_ >= mostLingering) return out;
  hold.unlock();
  if (!sink_.feeding()) return std::nullopt;
  hold.lock();
  ++lingering_;
  arrived_.wait_for(hold, lingerTime, [&] { return !mayWork(courier, transactions) || (out = pick(courier)).has_value(); });
  --lingering_;
  return out;
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

void Dispatcher::onEnded(const std::shared_ptr<Courier>& courier, const std::optional<Refusal>& exhausted) {
  Starts starts;
  std::deque<Parcel> failed;
  auto destination = courier->destination();
  auto& d = *destination;
  {
    std::lock_guard hold(mutex_);
    bool first = courier->firstHost() == 0;
    --(first ? d.couriers : d.laterCouriers);
    if (first && courier->established()) --d.established;
    if (exhausted) {
      shrink(d);
      // If other connections stand, one too many was refused, and nothing is said of the messages.
      if (!first) failed.swap(d.later);
      else if (d.established == 0) failed.swap(d.waiting);
    }
  }
  std::vector<Record> records;
  for (auto& parcel : failed) {
    for (const auto& dial : courier->dialled()) parcel.dialled.push_back(dial);
    for (const auto& claim : parcel.claims) {
      records.push_back(makeRecord(claim, parcel, *exhausted, courier->remote()));
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
  {
    std::lock_guard hold(mutex_);
    stopping_ = true;
    for (auto& [key, destination] : destinations_)
      for (auto* line : {&destination->waiting, &destination->later}) {
        for (auto& parcel : *line) std::move(parcel.claims.begin(), parcel.claims.end(), std::back_inserter(claims));
        line->clear();
      }
    starving_.clear();
  }
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

std::size_t Dispatcher::connections() {
  std::lock_guard hold(mutex_);
  return total_;
}

}  // namespace mox::queue
