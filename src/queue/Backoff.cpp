#include "queue/Backoff.h"

#include <algorithm>

namespace mox::queue {

namespace {
/// 7.5 minutes times 2^10 is five days: longer makes no sense, and must not overflow.
constexpr int maxDoublings = 10;
}  // namespace

Duration backoff(int attempts) { return firstBackoff * (std::int64_t{1} << std::clamp(attempts - 1, 0, maxDoublings)); }

Duration backoff(int attempts, Random& random) {
  auto span = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(2 * backoffJitter).count());
  return backoff(attempts) - backoffJitter + std::chrono::milliseconds(random.below(span + 1));
}

Time lastAttemptTime(Time next, int attempts, int maxAttempts) {
  for (int n = attempts + 1; n < maxAttempts; ++n) next += std::chrono::duration_cast<std::chrono::microseconds>(backoff(n));
  return next;
}

}  // namespace mox::queue
