#include "net/Listener.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "net/Connection.h"

namespace mox::net {

namespace {

/// Connections taken before another worker may take the next.
constexpr int acceptBatch = 16;

bool machineIsFull(int error) { return error == EMFILE || error == ENFILE || error == ENOMEM || error == ENOBUFS; }

Fd openReserve() { return Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

Listener::Listener(std::shared_ptr<EngineShared> engine, Fd socket, ListenerOptions options, SessionFactory factory, AcceptFilter filter)
    : Handler(engine->reactor),
      engine_(std::move(engine)),
      options_(std::move(options)),
      factory_(std::move(factory)),
      filter_(std::move(filter)),
      socket_(std::move(socket)),
      reserve_(openReserve()),
      local_(localEndpoint(socket_.get())),
      accepted_(engine_->metrics.counter("mox_net_accepted_total", "Connections taken in.", {{"listener", options_.name}})),
      busy_(engine_->metrics.counter("mox_net_refused_total", "Connections closed at once.",
                                     {{"listener", options_.name}, {"reason", "max-connections"}})),
      refused_(engine_->metrics.counter("mox_net_refused_total", "Connections closed at once.",
                                        {{"listener", options_.name}, {"reason", "filter"}})),
      backOffs_(engine_->metrics.counter("mox_net_accept_backoff_total", "Rests because the machine had no descriptor or memory left.",
                                         {{"listener", options_.name}})) {}

void Listener::turn(std::uint32_t signals, Worker& worker) {
  if (!socket_) return;
  if ((signals & stop) != 0) {
    socket_.reset();
    reserve_.reset();
    reactor().remove(*this);
    return;
  }
  std::vector<std::shared_ptr<Handler>> taken;
  bool rest = false;
  try {
    rest = !acceptSome(taken);
    if (rest) reactor().setDue(*this, reactor().clock().steady() + engine_->options.acceptBackOff);
    else reactor().arm(*this, socket_.get(), EPOLLIN, registered_ ? EPOLL_CTL_MOD : EPOLL_CTL_ADD);
    registered_ = registered_ || !rest;
  } catch (const std::exception& error) {
    engine_->internalErrors.inc();
    engine_->log.error("listener failed", {{"listener", options_.name}, {"err", error.what()}});
    reactor().setDue(*this, reactor().clock().steady() + engine_->options.acceptBackOff);
  }
  // Re-armed before the greeting, so that another worker can take the next connections meanwhile. Only one is greeted
  // here: its session may wait for the disk, and the others must not wait with it.
  if (taken.empty()) return;
  auto last = std::move(taken.back());
  taken.pop_back();
  for (auto& connection : taken) connection->signal(Connection::started);
  Reactor::enterNow(*last, Connection::started, worker);
}

/// False if the listener must rest.
bool Listener::acceptSome(std::vector<std::shared_ptr<Handler>>& taken) {
  for (int i = 0; i < acceptBatch; ++i) {
    sockaddr_storage address{};
    socklen_t length = sizeof address;
    int fd = engine_->options.accept(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    if (fd < 0) {
      int error = errno;
      if (error == EAGAIN || error == EWOULDBLOCK) return true;
      if (!machineIsFull(error)) continue;  // the connection was aborted before we came: try the next
      backOff(error);
      return false;
    }
    accepted_.inc();
    if (auto connection = take(Fd(fd), fromSockaddr(address))) taken.push_back(std::move(connection));
  }
  return true;
}

std::shared_ptr<Handler> Listener::take(Fd socket, const Endpoint& remote) {
  if (engine_->sessions >= engine_->options.maxConnections) {
    shed(std::move(socket), options_.busyReply, busy_);
    return nullptr;
  }
  setTcpOptions(socket.get());
  ConnectionMeta meta{ConnectionId(++engine_->lastId), remote, localEndpoint(socket.get()), options_.name, options_.tls != nullptr};
  try {
    Admission admission = filter_ ? filter_(meta) : Admission{};
    if (!admission.admitted) {
      shed(std::move(socket), admission.refusal, refused_);
      return nullptr;
    }
    auto session = factory_(meta);
    if (!session) return nullptr;
    auto connection = std::make_shared<Connection>(engine_, std::move(socket), meta, options_.tls, std::move(session), std::move(admission.lease));
    if (reactor().add(connection)) return connection;
    connection->endUnstarted();
  } catch (const std::exception& error) {
    engine_->internalErrors.inc();
    engine_->log.error("taking a connection failed", {{"listener", options_.name}, {"remote", remote.text()}, {"err", error.what()}});
  }
  return nullptr;
}

void Listener::shed(Fd socket, const std::string& reply, Counter& counter) {
  counter.inc();
  if (options_.tls || reply.empty()) return;
  // A new socket has room for a line; if not, the peer learns it by the close.
  [[maybe_unused]] auto sent = ::send(socket.get(), reply.data(), reply.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

// Accepting again at once would spin. One waiting peer is let go with the reserve, to tell it rather than keep it.
void Listener::backOff(int error) {
  backOffs_.inc();
  engine_->log.error("cannot accept connections", {{"listener", options_.name}, {"err", std::generic_category().message(error)}});
  reserve_.reset();
  if (error == EMFILE || error == ENFILE) Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  reserve_ = openReserve();
}

}  // namespace mox::net
