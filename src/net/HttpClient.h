// HttpClient: one request to a web server of somebody else, and its whole answer in memory.
//
// For what the server itself asks of others (certificates, later policies and webhooks), so: no redirects, no cookies, no
// proxy, no kept connection. Blocks: for job pools and threads of their own, never for an engine worker.
// RFC 9110, RFC 9112; https is verified against the roots of the context it is made with. A chunked answer that its server
// ends in order, but too early, is not told from a whole one (Poco 1.11 has no word for it); one that the network cuts is.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/Clock.h"
#include "base/Guarded.h"
#include "base/Ip.h"
#include "base/Result.h"
#include "net/TlsContext.h"

namespace mox::net {

class TlsSocket;

struct HttpRequest {
  std::string method = "GET";
  std::string url;                           ///< absolute, http or https
  std::map<std::string, std::string> fields;  ///< header fields beside Host, User-Agent, Content-Length and Connection
  std::string body;
};

struct HttpResponse {
  int status = 0;
  std::multimap<std::string, std::string> fields;  ///< names in lower case
  std::string body;

  /// The first field of that name (lower case); "" if there is none.
  std::string field(const std::string& name) const;
};

class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Any status is an answer. Errors: Errc::syntax (a URL that is none, an answer that is no HTTP), notFound (no address),
  /// timeout, tooLong (body), temporary (network, TLS).
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
};

struct HttpClientOptions {
  Duration deadline = std::chrono::seconds(30);  ///< for one request as a whole, name lookup included
  std::size_t bodyLimit = 1024 * 1024;           ///< octets of an answer's body
  std::string userAgent = "mox/" MOX_VERSION;
};

/// Addresses of a host, best first.
using HostLookup = std::function<Result<std::vector<IpAddress>>(const std::string& host, Steady deadline)>;

class PocoHttpClient final : public HttpClient {
 public:
  /// `tls`: a client context that verifies. `clock` outlives this. Thread safe.
  PocoHttpClient(std::shared_ptr<TlsContext> tls, HostLookup lookup, const Clock& clock, HttpClientOptions options = {});
  Result<HttpResponse> send(const HttpRequest& request) override;
  /// Ends the requests under way and refuses all to come (Errc::temporary): the server stops. From any thread.
  void abort();

 private:
  struct Sockets {
    bool aborted = false;
    std::set<int> open;
  };
  class Registered;
  TlsSocket connect(const std::vector<IpAddress>& addresses, std::uint16_t port, Steady until);

  std::shared_ptr<TlsContext> tls_;
  HostLookup lookup_;
  const Clock& clock_;
  HttpClientOptions options_;
  Guarded<Sockets> sockets_;
};

}  // namespace mox::net
