// Limits are named: when one is hit, a metric counts it under its name and a
// log line says for whom, so that an admin sees which bound to move.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/Log.h"
#include "base/Metrics.h"

namespace mox {

struct Limit {
  std::string_view name;  ///< "smtp-recipients"
  std::int64_t value;
  std::string_view unit;  ///< "recipients", "bytes", "seconds", "connections/minute"
};

/// Counts hits as mox_limit_hits_total{limit}. Thread safe.
class LimitHits {
 public:
  LimitHits(Metrics& metrics, Log log) : metrics_(metrics), log_(std::move(log)) {}
  /// `key`: whose limit, an address or account; never a secret.
  void hit(const Limit& limit, std::string_view key);

 private:
  Metrics& metrics_;
  Log log_;
};

}  // namespace mox
