// How many connections a source network may make and hold. For AcceptFilter.
#pragma once

#include <memory>

#include "net/WindowLimiter.h"

namespace mox::net {

struct ConnectionLimits {
  NetworkLimits perMinute{300, 900, 2700};
  NetworkLimits concurrent{30, 90, 270};
  std::size_t maxNetworks = WindowLimiter::defaultMaxNetworks;
};

class ConnectionLimiter {
 public:
  explicit ConnectionLimiter(ConnectionLimits limits);
  ~ConnectionLimiter();

  enum class Verdict { admitted, rate, concurrent };
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
  const NetworkLimits concurrent_;
  std::shared_ptr<Held> held_;
};

}  // namespace mox::net
