// When an entry is tried again: 7.5 minutes after the first attempt, then twice as long each time, a few seconds more or
// less so that what failed together does not come back together.
#pragma once

#include "base/Clock.h"
#include "base/Random.h"

namespace mox::queue {

/// Attempts before an entry fails: the last is about 16 hours after the first.
inline constexpr int defaultMaxAttempts = 8;
/// After this many failed attempts the sender is told that it takes longer.
inline constexpr int delayNoticeAttempts = 5;
inline constexpr Duration firstBackoff = std::chrono::seconds(450);
inline constexpr Duration backoffJitter = std::chrono::seconds(5);

/// Without jitter: from attempt number `attempts` (1 is the first) to the next one.
Duration backoff(int attempts);
/// With jitter.
Duration backoff(int attempts, Random& random);
/// When the last of `maxAttempts` is due if the one after attempt number `attempts` is at `next`.
Time lastAttemptTime(Time next, int attempts, int maxAttempts);

}  // namespace mox::queue
