#include "net/MeasuredHttpClient.h"

namespace mox::net {

namespace {

std::string code(const Result<HttpResponse>& answer) {
  if (!answer) return "0";
  return answer->status >= 100 && answer->status <= 599 ? std::to_string(answer->status) : "other";
}

std::string result(const Result<HttpResponse>& answer) {
  if (!answer) return answer.error().code == Errc::timeout ? "timeout" : "error";
  switch (answer->status / 100) {
    case 2: return "ok";
    case 4: return "usererror";
    case 5: return "servererror";
    default: return "other";
  }
}

}  // namespace

MeasuredHttpClient::MeasuredHttpClient(HttpClient& client, std::string room, Metrics& metrics, const Clock& clock)
    : client_(client), room_(std::move(room)), metrics_(metrics), clock_(clock) {}

Result<HttpResponse> MeasuredHttpClient::send(const HttpRequest& request) {
  auto began = clock_.steady();
  auto answer = client_.send(request);
  std::chrono::duration<double> took = clock_.steady() - began;
  metrics_
      .histogram("mox_httpclient_request_duration_seconds", "HTTP requests to servers of others.",
                 {{"pkg", room_}, {"method", request.method}, {"code", code(answer)}, {"result", result(answer)}}, {0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30})
      .observe(took.count());
  return answer;
}

}  // namespace mox::net
