// What connections and listeners of one engine share. Internal to net.
#pragma once

#include <atomic>
#include <memory>

#include "net/Engine.h"
#include "net/Reactor.h"

namespace mox::net {

struct EngineShared {
  EngineShared(EngineOptions o, std::shared_ptr<Reactor> r, Metrics& m, Log l);

  const EngineOptions options;
  const std::shared_ptr<Reactor> reactor;
  Metrics& metrics;
  const Log log;
  std::atomic<std::size_t> sessions{0};
  std::atomic<std::uint64_t> lastId{0};
  Gauge& sessionsGauge;
  Counter& tlsFailures;
  Counter& stalls;
  Counter& internalErrors;

  /// A deadline, shortened under stress.
  Duration stressed(Duration time) const;
  void countSession(int by);
};

}  // namespace mox::net
