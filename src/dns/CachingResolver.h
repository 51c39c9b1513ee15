// Remembers answers, and asks only once for what several threads want at the same time.
//
// Positive answers are kept for their TTL but at most maxPositiveTtl, "not there" for what the SOA allows but
// at most maxNegativeTtl (RFC 2308 §5); failures are not kept. Bounded in entries and octets; the least
// recently used goes first. Thread safe; no lock is held while another resolver is asked.
#pragma once

#include <memory>

#include "base/Metrics.h"
#include "dns/Resolver.h"

namespace mox::dns {

inline constexpr std::chrono::seconds maxPositiveTtl{3600};
inline constexpr std::chrono::seconds maxNegativeTtl{300};

class CachingResolver final : public Resolver {
 public:
  struct Options {
    std::size_t maxEntries = 10'000;
    std::size_t maxOctets = 16 << 20;
  };

  /// `inner` and `clock` outlive this. With metrics: mox_dns_lookup_duration_seconds{pkg,type,result} of each
  /// query, those answered from memory included; result is ok, nxdomain, nodata, timeout, temporary, bogus or error.
  CachingResolver(Resolver& inner, const Clock& clock, Metrics* metrics, Options options);
  CachingResolver(Resolver& inner, const Clock& clock, Metrics* metrics = nullptr);
  ~CachingResolver() override;

  Lookup<Record> query(Type type, std::string_view name, const Ask& ask) override;
  std::optional<Lookup<Record>> recall(Type type, std::string_view name, const Ask& ask) override;

  std::size_t entries() const;
  void clear();

 private:
  struct State;
  Lookup<Record> cachedOrAsked(Type type, std::string_view name, const Ask& ask);
  void observe(Type type, const Ask& ask, const Lookup<Record>& result, Steady start) const;
  Resolver& inner_;
  const Clock& clock_;
  Metrics* metrics_;
  std::unique_ptr<State> state_;
};

}  // namespace mox::dns
