// The counters of the room, names as in mox.
#pragma once

#include <map>
#include <string>

#include "base/Guarded.h"
#include "base/Metrics.h"
#include "smtp/ReplyTimes.h"

namespace mox::queue {

/// Thread safe.
class QueueMetrics {
 public:
  QueueMetrics(Metrics& metrics, const Clock& clock);

  /// "ok", or where it failed: "connect", "greeting", "hello", "starttls", "handshake", "auth".
  void connection(const std::string& result);
  /// One attempt for one recipient. Result: "ok", "temporary", "permanent".
  void delivery(int attempt, const std::string& transport, const std::string& tlsMode, const std::string& result, double seconds);
  Counter& plaintextFallback;
  Counter& requireTlsNoSupport;
  Gauge& hold;
  smtp::ReplyTimes replyTimes;

 private:
  Metrics& metrics_;
  Guarded<std::map<std::string, Counter*>> connections_;
  Guarded<std::map<std::string, Histogram*>> deliveries_;
};

}  // namespace mox::queue
