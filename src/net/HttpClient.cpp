#include "net/HttpClient.h"

#include <Poco/Exception.h>
#include <Poco/Net/HTTPClientSession.h>
#include <Poco/Net/HTTPRequest.h>
#include <Poco/Net/HTTPResponse.h>
#include <Poco/Net/NetException.h>
#include <Poco/Net/SocketAddress.h>
#include <Poco/URI.h>

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <istream>
#include <ostream>

#include "base/Text.h"
#include "net/TlsSocketImpl.h"

namespace mox::net {

namespace {

constexpr std::size_t maxUrl = 4096;  // octets

struct Target {
  std::string host, pathAndQuery;
  std::uint16_t port = 0;
  bool secure = false;
};

Result<Target> parseUrl(const std::string& url) {
  auto bad = [&] { return fail(Errc::syntax, "not an http or https URL: " + printable(url)); };
  for (char c : url)
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) return bad();
  if (url.size() > maxUrl) return bad();
  try {
    Poco::URI uri(url);
    if ((uri.getScheme() != "http" && uri.getScheme() != "https") || uri.getHost().empty() || !uri.getUserInfo().empty()) return bad();
    Target out{uri.getHost(), uri.getPathAndQuery(), uri.getPort(), uri.getScheme() == "https"};
    if (out.pathAndQuery.empty()) out.pathAndQuery = "/";
    return out;
  } catch (const Poco::Exception&) {
    return bad();
  }
}

Poco::Timespan left(const Clock& clock, Steady until) {
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(until - clock.steady()).count();
  if (micros <= 0) throw Poco::TimeoutException("no time left");
  return Poco::Timespan(micros);
}

void fill(Poco::Net::HTTPRequest& out, const HttpRequest& request, const std::string& userAgent) {
  for (const auto& [name, value] : request.fields) out.set(name, value);
  out.set("User-Agent", userAgent);
  out.setKeepAlive(false);
  if (!request.body.empty() || request.method == "POST") out.setContentLength(static_cast<std::streamsize>(request.body.size()));
}

Result<HttpResponse> receive(Poco::Net::HTTPClientSession& session, std::size_t limit, bool headOnly) {
  Poco::Net::HTTPResponse head;
  auto& in = session.receiveResponse(head);
  HttpResponse out;
  out.status = static_cast<int>(head.getStatus());
  for (const auto& [name, value] : head) out.fields.emplace(lower(name), value);
  std::array<char, 16 * 1024> buffer{};
  while (!headOnly && in) {
    in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    out.body.append(buffer.data(), static_cast<std::size_t>(in.gcount()));
    if (out.body.size() > limit) return fail(Errc::tooLong, "the answer is longer than " + std::to_string(limit) + " bytes");
  }
  // A stream swallows what its socket threw; half an answer must not pass for a whole one.
  if (const auto* failure = session.networkException()) failure->rethrow();
  if (head.hasContentLength() && !headOnly && static_cast<std::size_t>(head.getContentLength64()) != out.body.size())
    return fail(Errc::temporary, "the answer was cut off");
  return out;
}

}  // namespace

std::string HttpResponse::field(const std::string& name) const {
  auto found = fields.find(name);
  return found == fields.end() ? "" : found->second;
}

/// A socket that abort() finds while this lives.
class PocoHttpClient::Registered {
 public:
  Registered(Guarded<Sockets>& sockets, int fd) : sockets_(sockets), fd_(fd) {
    auto all = sockets_.lock();
    if (all->aborted) throw Poco::Net::ConnectionAbortedException("the server stops");
    all->open.insert(fd_);
  }
  ~Registered() { sockets_.lock()->open.erase(fd_); }
  Registered(const Registered&) = delete;
  Registered& operator=(const Registered&) = delete;

 private:
  Guarded<Sockets>& sockets_;
  const int fd_;
};

void PocoHttpClient::abort() {
  auto all = sockets_.lock();
  all->aborted = true;
  for (int fd : all->open) ::shutdown(fd, SHUT_RDWR);  // wakes who waits for it, in connect too
}

/// Plain connections too go by TlsSocketImpl: it has the absolute deadline that Poco's time-outs, good for one call, lack.
TlsSocket PocoHttpClient::connect(const std::vector<IpAddress>& addresses, std::uint16_t port, Steady until) {
  for (std::size_t i = 0;; ++i) {
    try {
      // Each address gets a fair part of the time, or a dead first one would take it all.
      Poco::Timespan share(std::max<Poco::Timespan::TimeDiff>(left(clock_, until).totalMicroseconds() / static_cast<std::int64_t>(addresses.size() - i), 1));
      Poco::Net::SocketAddress address(addresses[i].text(), port);
      Poco::Net::StreamSocket plain(address.family());
      Registered registered(sockets_, plain.impl()->sockfd());
      plain.connect(address, share);
      return TlsSocket(new TlsSocketImpl(plain, clock_, until));
    } catch (const Poco::Exception&) {
      if (i + 1 == addresses.size() || sockets_.lock()->aborted) throw;
    }
  }
}

PocoHttpClient::PocoHttpClient(std::shared_ptr<TlsContext> tls, HostLookup lookup, const Clock& clock, HttpClientOptions options)
    : tls_(std::move(tls)), lookup_(std::move(lookup)), clock_(clock), options_(std::move(options)) {}

Result<HttpResponse> PocoHttpClient::send(const HttpRequest& request) {
  auto target = parseUrl(request.url);
  if (!target) return tl::unexpected(target.error());
  auto until = clock_.steady() + options_.deadline;
  std::vector<IpAddress> addresses;
  if (auto literal = IpAddress::parse(target->host)) {
    addresses.push_back(*literal);
  } else {
    auto found = lookup_(target->host, until);
    if (!found) return fail(target->host, found.error());
    addresses = std::move(*found);
  }
  if (addresses.empty()) return fail(Errc::notFound, target->host + " has no address");
  try {
    auto socket = connect(addresses, target->port, until);
    Registered registered(sockets_, socket.impl()->sockfd());
    if (target->secure) socket.tlsImpl().startTls(tls_, target->host);
    Poco::Net::HTTPClientSession session(socket);
    Poco::Net::HTTPRequest out(request.method, target->pathAndQuery, Poco::Net::HTTPMessage::HTTP_1_1);
    bool standardPort = target->port == (target->secure ? 443 : 80);
    out.setHost(target->host + (standardPort ? "" : ":" + std::to_string(target->port)));
    fill(out, request, options_.userAgent);
    session.sendRequest(out) << request.body << std::flush;
    auto answer = receive(session, options_.bodyLimit, request.method == "HEAD");
    if (!answer) return fail(target->host, answer.error());
    return answer;
  } catch (const Poco::TimeoutException&) {
    return fail(Errc::timeout, target->host + " does not answer in time");
  } catch (const Poco::Net::MessageException&) {
    return fail(Errc::syntax, target->host + ": the answer is no HTTP");
  } catch (const Poco::Exception& error) {
    return fail(Errc::temporary, target->host + ": " + printable(error.displayText()));
  }
}

}  // namespace mox::net
