#include "net/LimitedFilter.h"

namespace mox::net {

namespace {

using Verdict = ConnectionLimiter::Verdict;

/// The limit a refusal is for.
struct Hit {
  const char* name;
  std::uint64_t value;
  const char* unit;
};
Hit hitOf(Verdict verdict, const ConnectionLimits& limits) {
  if (verdict == Verdict::rate) return {"-connection-rate", limits.perMinute[0], "connections/minute"};
  if (verdict == Verdict::concurrent) return {"-connections", limits.concurrent[0], "connections"};
  return {"-connections-in-all", limits.maxHeld, "connections"};
}

}  // namespace

AcceptFilter limitedFilter(std::string kind, std::shared_ptr<ConnectionLimiter> limiter, LimitReplies replies, const Clock& clock, LimitHits& hits) {
  return [kind = std::move(kind), limiter = std::move(limiter), replies = std::move(replies), &clock, &hits](const ConnectionMeta& meta) -> Admission {
    auto admitted = limiter->admit(meta.remote.ip, clock.now());
    if (admitted.verdict == Verdict::admitted) return {true, "", std::move(admitted.lease)};
    auto hit = hitOf(admitted.verdict, limiter->limits());
    auto name = kind + hit.name;
    hits.hit({name, static_cast<std::int64_t>(hit.value), hit.unit}, meta.remote.ip.text());
    return {false, admitted.verdict == Verdict::busy ? replies.busy : replies.tooMany, nullptr};
  };
}

}  // namespace mox::net
