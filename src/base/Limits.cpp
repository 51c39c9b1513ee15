#include "base/Limits.h"

#include "base/Text.h"

namespace mox {

void LimitHits::hit(const Limit& limit, std::string_view key) {
  std::string name(limit.name);
  metrics_.counter("mox_limit_hits_total", "Times a named limit was hit.", {{"limit", name}}).inc();
  log_.info("limit hit", {{"limit", limit.name}, {"value", limit.value}, {"unit", limit.unit}, {"key", printable(key)}});
}

}  // namespace mox
