// How many connections a source network may make and hold, and all of them together. For AcceptFilter.
#pragma once

#include <memory>

#include "net/WindowLimiter.h"

namespace mox::net {

struct ConnectionLimits {
  NetworkLimits perMinute{300, 900, 2700};
  NetworkLimits concurrent{30, 90, 270};
  std::size_t maxNetworks = WindowLimiter::defaultMaxNetworks;
  std::uint64_t maxHeld = 0;  ///< of all networks; 0: no limit
};

class ConnectionLimiter {
 public:
  explicit ConnectionLimiter(ConnectionLimits limits);
  ~ConnectionLimiter();
  const ConnectionLimits& limits() const { return limits_; }

  enum class Verdict { admitted, rate, concurrent, busy };
  struct Admitted {
    Verdict verdict = Verdict::admitted;
    /// While it lives the connection counts as held; may outlive the limiter. Null if not admitted.
    std::shared_ptr<void> lease;
  };
  /// Counts the connection if it may come in. One refused for concurrency has used up none of its rate.
  [[nodiscard]] Admitted admit(const IpAddress& ip, Time now);

 private:
  struct Held;
  WindowLimiter rate_;
  const ConnectionLimits limits_;
  std::shared_ptr<Held> held_;
};

}  // namespace mox::net
