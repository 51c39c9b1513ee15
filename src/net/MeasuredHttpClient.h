// MeasuredHttpClient: an HttpClient whose requests are counted and timed, mox_httpclient_request_duration_seconds.
//
// Labels: who asks and by which method are our own words; of the status, which is the server's, what is three digits from 100 to 599,
// else "other"; "0" if there was no answer. Thread safe if the client is.
#pragma once

#include <string>

#include "base/Clock.h"
#include "base/Metrics.h"
#include "net/HttpClient.h"

namespace mox::net {

class MeasuredHttpClient final : public HttpClient {
 public:
  /// `room`: on whose behalf. References outlive this.
  MeasuredHttpClient(HttpClient& client, std::string room, Metrics& metrics, const Clock& clock);
  Result<HttpResponse> send(const HttpRequest& request) override;

 private:
  HttpClient& client_;
  const std::string room_;
  Metrics& metrics_;
  const Clock& clock_;
};

}  // namespace mox::net
