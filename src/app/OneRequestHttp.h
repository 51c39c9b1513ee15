// OneRequestHttp: the least HTTP/1.1 that a monitor or a provider of certificates needs: one GET or HEAD a connection.
//
// RFC 9112 as strictly as can be: CRLF line ends, exactly one Host, no body, a head of at most headLimit octets. No
// keep-alive, so nothing can be smuggled behind a request.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "net/Session.h"

namespace mox::app {

struct HttpReply {
  int status = 200;
  std::string contentType = "text/plain; charset=utf-8";
  std::string body;
  bool headOnly = false;  ///< HEAD: the length is told, the body is not sent

  /// With the status's own words, or these, and a line end.
  static HttpReply plain(int status, std::string_view text = "");
};

/// Answers for a path, without its query. Called on workers, by several at once; what it refers to outlives the sessions.
using HttpPages = std::function<HttpReply(std::string_view path)>;

/// What a monitor is shown.
struct MetricsSource {
  std::function<std::string()> metrics;
  std::function<bool()> ready;  ///< false while the server starts or stops: 503

  /// GET /metrics, /livez and /readyz.
  HttpReply page(std::string_view path) const;
};

class OneRequestSession final : public net::Session {
 public:
  static constexpr std::size_t headLimit = 8 * 1024;            ///< octets of request line and fields
  static constexpr Duration deadline = std::chrono::seconds(15);  ///< for request and reply

  explicit OneRequestSession(HttpPages pages) : pages_(std::move(pages)) {}

  void onOpen(net::Channel& channel) override;
  std::size_t onInput(net::Channel& channel, std::string_view input) override;
  void onDeadline(net::Channel& channel) override;
  void onOverrun(net::Channel& channel) override;
  std::size_t inputLimit() const override { return headLimit; }

 private:
  HttpReply answer(std::string_view head) const;
  const HttpPages pages_;
};

}  // namespace mox::app
