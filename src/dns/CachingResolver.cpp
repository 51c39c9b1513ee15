#include "dns/CachingResolver.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <tuple>

#include "base/Guarded.h"
#include "base/Text.h"

namespace mox::dns {

namespace {

using Key = std::pair<Type, std::string>;
using Shared = std::shared_ptr<const Lookup<Record>>;

std::chrono::seconds lifetime(const Lookup<Record>& result) {
  if (result) return std::min(result->ttl, maxPositiveTtl);
  return result.error().notFound() ? std::min(result.error().ttl, maxNegativeTtl) : std::chrono::seconds(0);
}

/// A fair guess of the memory an entry takes.
std::size_t weight(const Key& key, const Lookup<Record>& result) {
  std::size_t octets = 256 + 2 * key.second.size();
  if (!result) return octets + result.error().text.size() + result.error().extendedText.size();
  for (const auto& record : result->records) {
    octets += sizeof(Record);
    if (const auto* text = std::get_if<std::string>(&record)) octets += text->size();
    if (const auto* tlsa = std::get_if<Tlsa>(&record)) octets += tlsa->data.size();
    if (const auto* caa = std::get_if<Caa>(&record)) octets += caa->tag.size() + caa->value.size();
  }
  return octets;
}

const char* resultLabel(const Lookup<Record>& result) {
  if (result) return "ok";
  if (result.error().timeout) return "timeout";
  switch (result.error().failure) {
    case Failure::noName: return "nxdomain";
    case Failure::noData: return "nodata";
    case Failure::temporary: return "temporary";
    case Failure::bogus: return "bogus";
    case Failure::malformed: return "error";
  }
  return "error";
}

/// One lookup under way and those who wait for it.
class Flight {
 public:
  /// Null result: the leader threw.
  void land(Shared result) {
    {
      auto outcome = outcome_.lock();
      outcome->landed = true;
      outcome->result = std::move(result);
    }
    arrived_.notify_all();
  }

  /// True if it landed before the deadline.
  bool wait(const Clock& clock, Steady deadline, Shared& result) {
    auto outcome = outcome_.lock();
    arrived_.wait_for(outcome.lock(), deadline - clock.steady(), [&] { return outcome->landed; });
    result = outcome->result;
    return outcome->landed;
  }

 private:
  struct Outcome {
    bool landed = false;
    Shared result;
  };
  Guarded<Outcome> outcome_;
  std::condition_variable arrived_;
};

}  // namespace

struct CachingResolver::State {
  struct Entry {
    Shared result;
    Steady expires;
    std::size_t octets;
    std::list<Key>::iterator use;
  };
  struct Memory {
    std::map<Key, Entry> entries;
    std::list<Key> uses;  ///< most recent first
    std::map<Key, std::shared_ptr<Flight>> flights;
    std::size_t octets = 0;

    void forget(std::map<Key, Entry>::iterator entry) {
      octets -= entry->second.octets;
      uses.erase(entry->second.use);
      entries.erase(entry);
    }
  };

  explicit State(Options o) : options(o) {}
  Options options;
  Guarded<Memory> memory;
  /// Found again without making the labels: most lookups are only of what is remembered.
  Guarded<std::map<std::tuple<Type, std::string, std::string_view>, Histogram*>> histograms;

  Histogram& histogram(Metrics& metrics, Type type, std::string_view pkg, const char* result) {
    auto& made = (*histograms.lock())[{type, std::string(pkg), result}];
    if (made == nullptr)
      made = &metrics.histogram("mox_dns_lookup_duration_seconds", "DNS lookups.",
                                {{"pkg", std::string(pkg)}, {"type", lower(typeName(type))}, {"result", result}});
    return *made;
  }

  std::optional<Lookup<Record>> recall(Memory& held, const Key& key, const Ask& ask, Steady now) {
    auto found = held.entries.find(key);
    if (found == held.entries.end()) return std::nullopt;
    if (found->second.expires <= now || ask.fresh) {
      held.forget(found);
      return std::nullopt;
    }
    held.uses.splice(held.uses.begin(), held.uses, found->second.use);
    auto result = *found->second.result;
    auto left = std::chrono::ceil<std::chrono::seconds>(found->second.expires - now);
    (result ? result->ttl : result.error().ttl) = left;
    return result;
  }

  void remember(Memory& held, const Key& key, Shared result, Steady now) {
    auto keep = lifetime(*result);
    if (keep <= std::chrono::seconds(0)) return;
    if (auto old = held.entries.find(key); old != held.entries.end()) held.forget(old);
    auto octets = weight(key, *result);
    held.uses.push_front(key);
    held.entries.emplace(key, Entry{std::move(result), now + keep, octets, held.uses.begin()});
    held.octets += octets;
    while (!held.uses.empty() && (held.entries.size() > options.maxEntries || held.octets > options.maxOctets)) {
      held.forget(held.entries.find(held.uses.back()));
    }
  }
};

CachingResolver::CachingResolver(Resolver& inner, const Clock& clock, Metrics* metrics, Options options)
    : inner_(inner), clock_(clock), metrics_(metrics), state_(std::make_unique<State>(options)) {}
CachingResolver::CachingResolver(Resolver& inner, const Clock& clock, Metrics* metrics)
    : CachingResolver(inner, clock, metrics, Options()) {}
CachingResolver::~CachingResolver() = default;

Lookup<Record> CachingResolver::cachedOrAsked(Type type, std::string_view name, const Ask& ask) {
  Key key{type, lower(name)};
  for (;;) {
    std::shared_ptr<Flight> flight;
    {
      auto memory = state_->memory.lock();
      if (auto known = state_->recall(*memory, key, ask, clock_.steady())) return *known;
      auto& slot = memory->flights[key];
      if (slot) {
        flight = slot;
      } else {
        slot = std::make_shared<Flight>();
      }
    }
    if (!flight) break;  // ours to ask
    Shared result;
    if (!flight->wait(clock_, ask.deadline, result)) {
      LookupError error;
      error.text = "DNS lookup did not end in time";
      error.name = std::string(name);
      error.timeout = true;
      return tl::unexpected(std::move(error));
    }
    // The leader may have given up on a deadline earlier than ours: then we ask ourselves.
    if (result && (*result || !result->error().timeout)) return *result;
  }

  Shared result;
  auto land = [&] {
    std::shared_ptr<Flight> flight;
    {
      auto memory = state_->memory.lock();
      if (result) state_->remember(*memory, key, result, clock_.steady());
      auto slot = memory->flights.find(key);
      flight = std::move(slot->second);
      memory->flights.erase(slot);
    }
    flight->land(result);
  };
  try {
    result = std::make_shared<const Lookup<Record>>(inner_.query(type, name, ask));
  } catch (...) {
    land();  // those who wait try for themselves
    throw;
  }
  land();
  return *result;
}

Lookup<Record> CachingResolver::query(Type type, std::string_view name, const Ask& ask) {
  auto start = clock_.steady();
  auto result = cachedOrAsked(type, name, ask);
  observe(type, ask, result, start);
  return result;
}

std::optional<Lookup<Record>> CachingResolver::recall(Type type, std::string_view name, const Ask& ask) {
  auto start = clock_.steady();
  auto result = state_->recall(*state_->memory.lock(), {type, lower(name)}, ask, start);
  if (result) observe(type, ask, *result, start);
  return result;
}

void CachingResolver::observe(Type type, const Ask& ask, const Lookup<Record>& result, Steady start) const {
  if (metrics_ == nullptr) return;
  state_->histogram(*metrics_, type, ask.pkg, resultLabel(result)).observe(std::chrono::duration<double>(clock_.steady() - start).count());
}

std::size_t CachingResolver::entries() const { return state_->memory.lock()->entries.size(); }

void CachingResolver::clear() {
  auto memory = state_->memory.lock();
  memory->entries.clear();
  memory->uses.clear();
  memory->octets = 0;
}

}  // namespace mox::dns
