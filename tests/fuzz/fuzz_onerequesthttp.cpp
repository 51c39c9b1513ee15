// room: app
// The HTTP responder: whole or in pieces, the same request gets the same answer, exactly one, with a true length, and
// then the connection closes. Nothing of the request comes back.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "app/OneRequestHttp.h"
#include "base/Text.h"

using namespace mox;

namespace {

/// Only what the session may use.
class Recorder final : public net::Channel {
 public:
  void write(std::string_view bytes) override { closed ? abort() : void(out += bytes); }
  void stream(std::unique_ptr<net::Producer>) override { abort(); }
  void startTls(std::shared_ptr<net::TlsContext>, std::string_view) override { abort(); }
  void startCompression() override {}
  bool compressed() const override { return false; }
  void close() override { closed = true; }
  void setDeadline(Duration) override {}
  bool offload(net::JobPool&, std::function<net::Resume()>) override { abort(); }
  void pause(Duration, net::Resume) override { abort(); }
  void setSlow(bool) override { abort(); }
  void holdInput(bool) override { abort(); }
  std::shared_ptr<net::Waker> waker() override { abort(); }
  const Endpoint& remote() const override { return endpoint; }
  const Endpoint& local() const override { return endpoint; }
  const net::TlsInfo* tls() const override { return nullptr; }
  ConnectionId id() const override { return ConnectionId(1); }
  std::size_t unsent() const override { return 0; }

  std::string out;
  bool closed = false;
  Endpoint endpoint;
};

const app::MetricsSource source{[] { return std::string("mox_x 1\n"); }, [] { return true; }};

std::string answer(std::string_view request, std::size_t step) {
  app::OneRequestSession session([](std::string_view path) { return source.page(path); });
  Recorder channel;
  session.onOpen(channel);
  for (std::size_t have = std::min(step, request.size());; have = std::min(have + step, request.size())) {
    if (session.onInput(channel, request.substr(0, have)) > 0 && !channel.closed) abort();
    if (channel.closed || have == request.size()) break;
  }
  return channel.out;
}

void check(const std::string& reply) {
  if (reply.empty()) return;
  auto end = reply.find("\r\n\r\n");
  auto at = reply.find("\r\nContent-Length: ");
  if (!reply.starts_with("HTTP/1.1 ") || end == std::string::npos || at == std::string::npos) abort();
  at += 18;
  auto length = parseUnsigned(std::string_view(reply).substr(at, reply.find('\r', at) - at));
  auto body = reply.size() - end - 4;
  if (!length || (body != *length && body != 0)) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view request(reinterpret_cast<const char*>(data), std::min<std::size_t>(size, app::OneRequestSession::headLimit));
  auto whole = answer(request, request.size() + 1);
  check(whole);
  // A request in pieces ends where its head does; what follows it is never read.
  if (answer(request, 1) != whole || answer(request, 7) != whole) abort();
  return 0;
}
