#include "net/Engine.h"

#include <algorithm>
#include <thread>

#include "net/Connection.h"
#include "net/Listener.h"

namespace mox::net {

namespace {

EngineOptions completed(EngineOptions options) {
  if (options.minWorkers == 0) options.minWorkers = std::max(2u, std::thread::hardware_concurrency());
  options.maxWorkers = std::max(options.maxWorkers, options.minWorkers);
  if (!options.accept)
    options.accept = [](int fd, sockaddr* address, socklen_t* length) { return ::accept4(fd, address, length, SOCK_NONBLOCK | SOCK_CLOEXEC); };
  return options;
}

std::shared_ptr<Reactor> makeReactor(const EngineOptions& options, const Clock& clock, Metrics& metrics, const Log& log) {
  ReactorOptions out;
  out.minWorkers = options.minWorkers;
  out.maxWorkers = options.maxWorkers;
  out.workerStack = options.workerStack;
  out.workerIdle = options.workerIdle;
  out.manualTimers = options.manualTimers;
  return std::make_shared<Reactor>(out, clock, metrics, log);
}

class DialledConnection final : public Dialled {
 public:
  DialledConnection(std::weak_ptr<Handler> connection, ConnectionId id) : connection_(std::move(connection)), id_(id) {}
  void cancel() override {
    if (auto connection = connection_.lock()) connection->signal(Connection::cancelled);
  }
  ConnectionId id() const override { return id_; }

 private:
  std::weak_ptr<Handler> connection_;
  ConnectionId id_;
};

}  // namespace

EngineShared::EngineShared(EngineOptions o, std::shared_ptr<Reactor> r, Metrics& m, Log l)
    : options(std::move(o)),
      reactor(std::move(r)),
      metrics(m),
      log(std::move(l)),
      sessionsGauge(m.gauge("mox_net_connections", "Connections with a session.")),
      tlsFailures(m.counter("mox_net_tls_handshake_failed_total", "TLS handshakes that failed.")),
      stalls(m.counter("mox_net_write_stall_total", "Connections cut off because the peer took no output.")),
      internalErrors(m.counter("mox_net_internal_error_total", "Connections ended by an exception.")) {}

Duration EngineShared::stressed(Duration time) const {
  bool stress = static_cast<double>(sessions) > options.stressFraction * static_cast<double>(options.maxConnections);
  if (!stress) return time;
  return Duration(static_cast<Duration::rep>(static_cast<double>(time.count()) * options.stressFactor));
}

void EngineShared::countSession(int by) {
  sessionsGauge.add(by);
  if (by > 0) {
    ++sessions;
    return;
  }
  --sessions;
  reactor->poke();
}

struct Engine::State {
  std::shared_ptr<EngineShared> shared;
  Guarded<std::vector<std::shared_ptr<Listener>>> listeners;
  Guarded<bool> stopped{false};  ///< held during shutdown(): a second caller waits for the first
};

Engine::Engine(EngineOptions options, const Clock& clock, Metrics& metrics, Log log) : state_(std::make_unique<State>()) {
  options = completed(std::move(options));
  auto reactor = makeReactor(options, clock, metrics, log);
  state_->shared = std::make_shared<EngineShared>(std::move(options), std::move(reactor), metrics, std::move(log));
}

Engine::~Engine() { shutdown(Duration::zero()); }

Result<Endpoint> Engine::listen(const Endpoint& at, ListenerOptions options, SessionFactory factory, AcceptFilter filter) {
  auto socket = listenTcp(at, options.backlog);
  if (!socket) return tl::unexpected(socket.error());
  return adopt(socket->release(), std::move(options), std::move(factory), std::move(filter));
}

Result<Endpoint> Engine::adopt(int fd, ListenerOptions options, SessionFactory factory, AcceptFilter filter) {
  Fd socket(fd);
  int listening = 0;
  socklen_t size = sizeof listening;
  if (::getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
    return fail(Errc::notFound, "descriptor " + std::to_string(fd) + " is no listening socket");
  setNonBlocking(fd);
  auto listener = std::make_shared<Listener>(state_->shared, std::move(socket), std::move(options), std::move(factory), std::move(filter));
  if (!state_->shared->reactor->add(listener)) return fail(Errc::conflict, "the engine stops");
  state_->listeners.lock()->push_back(listener);
  listener->signal(Listener::started);
  return listener->local();
}

bool Engine::serve(int fd, const Endpoint& remote, const Endpoint& local, std::unique_ptr<Session> session) {
  auto& shared = state_->shared;
  ConnectionMeta meta{ConnectionId(++shared->lastId), remote, local, "", false};
  auto connection = std::make_shared<Connection>(shared, Fd(fd), meta, nullptr, std::move(session), nullptr);
  if (shared->reactor->add(connection)) return connection->signal(Connection::started), true;
  connection->endUnstarted();
  return false;
}

std::shared_ptr<Dialled> Engine::dial(DialOptions options, std::unique_ptr<Session> session) {
  auto& shared = state_->shared;
  ConnectionMeta meta;
  meta.id = ConnectionId(++shared->lastId);
  auto connection = std::make_shared<Connection>(shared, std::move(options), meta, std::move(session));
  if (shared->reactor->add(connection)) connection->signal(Connection::started);
  else connection->endUnstarted();
  return std::make_shared<DialledConnection>(connection, meta.id);
}

void Engine::shutdown(Duration grace) {
  auto stopped = state_->stopped.lock();
  if (*stopped) return;
  *stopped = true;
  auto& shared = *state_->shared;
  auto& reactor = *shared.reactor;
  reactor.refuseNew();
  for (auto& listener : *state_->listeners.lock()) listener->signal(Listener::stop);
  for (auto& handler : reactor.all())
    if (dynamic_cast<Connection*>(handler.get()) != nullptr) handler->signal(Connection::stop);
  reactor.waitFor([&] { return shared.sessions == 0; }, reactor.clock().steady() + grace);
  for (auto& handler : reactor.all())
    if (dynamic_cast<Connection*>(handler.get()) != nullptr) handler->signal(Connection::forceEnd);
  // Only our own disk can hold a worker now.
  reactor.waitFor([&] { return reactor.size() == 0; }, never);
  reactor.stop();
}

void Engine::tick() { state_->shared->reactor->tick(); }
std::size_t Engine::connections() const { return state_->shared->sessions; }
unsigned Engine::workers() const { return state_->shared->reactor->workers(); }
unsigned Engine::idleWorkers() const { return state_->shared->reactor->waitingWorkers(); }

}  // namespace mox::net
