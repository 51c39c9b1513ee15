#include "queue/QueueMetrics.h"

namespace mox::queue {

QueueMetrics::QueueMetrics(Metrics& metrics, const Clock& clock)
    : plaintextFallback(metrics.counter("mox_queue_plaintext_fallback_total", "Connections made again without TLS after TLS failed.")),
      requireTlsNoSupport(metrics.counter("mox_queue_requiretls_unsupported_total", "Messages with REQUIRETLS that could not be sent.",
                                          {{"reason", "norequiretls"}})),
      hold(metrics.gauge("mox_queue_hold", "Entries on hold.")),
      replyTimes(metrics, clock),
      metrics_(metrics) {}

void QueueMetrics::connection(const std::string& result) {
  auto known = connections_.lock();
  auto& counter = (*known)[result];
  if (counter == nullptr) counter = &metrics_.counter("mox_queue_connection_total", "Connections for deliveries.", {{"result", result}});
  counter->inc();
}

void QueueMetrics::delivery(int attempt, const std::string& transport, const std::string& tlsMode, const std::string& result, double seconds) {
  auto number = std::to_string(attempt);
  auto known = deliveries_.lock();
  auto& histogram = (*known)[number + "|" + transport + "|" + tlsMode + "|" + result];
  if (histogram == nullptr)
    histogram = &metrics_.histogram("mox_queue_delivery_duration_seconds", "Attempts to deliver, a recipient each.",
                                    {{"attempt", number}, {"transport", transport}, {"tlsmode", tlsMode}, {"result", result}},
                                    {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 60, 120});
  histogram->observe(seconds);
}

}  // namespace mox::queue
