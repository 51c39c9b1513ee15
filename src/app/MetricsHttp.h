// MetricsHttp: the least HTTP/1.1 that a monitor needs: GET /metrics, /livez and /readyz, one request a connection.
//
// RFC 9112 as strictly as can be: CRLF line ends, exactly one Host, no body, a head of at most headLimit octets. No
// keep-alive, so nothing can be smuggled behind a request.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/Session.h"

namespace mox::app {

/// What is shown; outlives the sessions. Called on workers, by several at once.
struct MetricsSource {
  std::function<std::string()> metrics;
  std::function<bool()> ready;  ///< false while the server starts or stops: 503
};

struct HttpReply {
  int status = 200;
  std::string contentType = "text/plain; charset=utf-8";
  std::string body;
  bool headOnly = false;  ///< HEAD: the length is told, the body is not sent
};

class MetricsSession final : public net::Session {
 public:
  static constexpr std::size_t headLimit = 8 * 1024;            ///< octets of request line and fields
  static constexpr Duration deadline = std::chrono::seconds(15);  ///< for request and reply

  explicit MetricsSession(const MetricsSource& source) : source_(source) {}

  void onOpen(net::Channel& channel) override;
  std::size_t onInput(net::Channel& channel, std::string_view input) override;
  void onDeadline(net::Channel& channel) override;
  void onOverrun(net::Channel& channel) override;
  std::size_t inputLimit() const override { return headLimit; }

 private:
  HttpReply answer(std::string_view head) const;
  const MetricsSource& source_;
};

}  // namespace mox::app
