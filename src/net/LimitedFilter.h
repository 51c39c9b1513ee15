// An AcceptFilter that asks a ConnectionLimiter, says why it refuses and has it on record.
#pragma once

#include <memory>
#include <string>

#include "base/Clock.h"
#include "base/Limits.h"
#include "net/ConnectionLimiter.h"
#include "net/Engine.h"

namespace mox::net {

/// What a refused client is told, one line with CRLF, or "" for nothing.
struct LimitReplies {
  std::string tooMany;  ///< from this network
  std::string busy;     ///< from all
};

/// Hits are of the limits KIND-connection-rate, KIND-connections and KIND-connections-in-all. `clock` and `hits` outlive it.
AcceptFilter limitedFilter(std::string kind, std::shared_ptr<ConnectionLimiter> limiter, LimitReplies replies, const Clock& clock, LimitHits& hits);

}  // namespace mox::net
