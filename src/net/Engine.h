// The connection engine: listeners, dialled connections and the workers that call their sessions.
//
// A worker gives a session what has arrived, sends what it answers and parks the connection; no thread ever waits
// for a peer. One Engine a process; it outlives nothing it calls: shut it down before what sessions use goes.
// All methods are thread safe; shutdown() and the destructor must not be called from a session.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "base/Ip.h"
#include "base/Log.h"
#include "base/Metrics.h"
#include "base/Result.h"
#include "net/Session.h"

namespace mox::net {

inline constexpr std::size_t defaultMaxConnections = 20'000;

struct EngineOptions {
  /// Threads that stand by; 0: one a core, at least 2. More come while all are busy (the disk blocks), up to
  /// maxWorkers, and go after workerIdle.
  unsigned minWorkers = 0;
  unsigned maxWorkers = 32;
  std::size_t workerStack = 256 * 1024;
  Duration workerIdle = std::chrono::seconds(10);

  /// Beyond this many, new connections are told ListenerOptions::busyReply and closed.
  std::size_t maxConnections = defaultMaxConnections;
  /// Above this part of maxConnections every deadline set is multiplied by stressFactor.
  double stressFraction = 0.8;
  double stressFactor = 0.2;

  /// For a TLS handshake as a whole.
  Duration handshakeTimeout = std::chrono::seconds(60);
  /// A peer that takes no byte of pending output for this long is cut off.
  Duration writeStallTimeout = std::chrono::seconds(30);
  /// How long output may take to leave after Channel::close(), however steadily.
  Duration closeTimeout = std::chrono::minutes(10);
  /// After our side is closed, input is thrown away for so long, so that unread input does not make the kernel
  /// reset the connection and destroy our last reply on its way.
  Duration lingerTimeout = std::chrono::seconds(2);

  /// Bytes read from one connection before others have their turn.
  std::size_t turnBytes = 256 * 1024;
  /// How long a listener rests when the machine has no descriptor or memory left.
  Duration acceptBackOff = std::chrono::milliseconds(200);
  /// accept4(2) unless a test gives another.
  std::function<int(int fd, sockaddr* address, socklen_t* length)> accept;
  /// For tests with a fake clock: deadlines fire in tick() only.
  bool manualTimers = false;
};

/// What is known when a connection comes in or is about to be dialled.
struct ConnectionMeta {
  ConnectionId id;
  Endpoint remote, local;
  std::string listener;  ///< its name; "" for dialled connections
  bool implicitTls = false;
};

/// A filter's word on a new connection.
struct Admission {
  bool admitted = true;
  std::string refusal{};          ///< sent before closing (not on implicit TLS), one reply line with CRLF
  std::shared_ptr<void> lease{};  ///< held until the connection is over; for counts of concurrent connections
};

/// Called on a worker for each new connection. A null session closes it. May be called by several threads at once.
using SessionFactory = std::function<std::unique_ptr<Session>(const ConnectionMeta&)>;
/// Called on a worker before the factory; must be quick.
using AcceptFilter = std::function<Admission(const ConnectionMeta&)>;

struct ListenerOptions {
  std::string name{};                 ///< for metrics, logs and ConnectionMeta
  std::shared_ptr<TlsContext> tls{};  ///< handshake first; null for plain text
  int backlog = 1024;
  std::string busyReply{};  ///< sent when maxConnections is reached, such as "421 4.3.2 busy\r\n"
};

struct DialOptions {
  Endpoint to{};
  std::optional<IpAddress> source{};
  Duration timeout = std::chrono::seconds(30);  ///< for connecting; the handshake has its own
  std::shared_ptr<TlsContext> tls{};            ///< a client context: handshake at once; null for plain text
  std::string serverName{};                     ///< for `tls`: SNI and the name to verify
};

/// A dialled connection, for the one who dialled.
class Dialled {
 public:
  virtual ~Dialled() = default;
  /// Ends it with End::closed if it is not over, connected or not. Any thread; does not wait.
  virtual void cancel() = 0;
  virtual ConnectionId id() const = 0;
};

class Engine {
 public:
  /// Throws std::system_error if the kernel gives no epoll set or threads.
  Engine(EngineOptions options, const Clock& clock, Metrics& metrics, Log log);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Binds and listens; port 0 lets the kernel choose. Gives the bound endpoint.
  Result<Endpoint> listen(const Endpoint& at, ListenerOptions options, SessionFactory factory, AcceptFilter filter = {});
  /// The same on a listening socket from elsewhere (LISTEN_FDS); takes it over.
  Result<Endpoint> adopt(int fd, ListenerOptions options, SessionFactory factory, AcceptFilter filter = {});

  /// Serves a connected stream socket from elsewhere, such as one end of a socketpair(2), as if it had been accepted in the
  /// clear. Takes it over; does not refuse when there are many. False on an engine that is shut down.
  bool serve(int fd, const Endpoint& remote, const Endpoint& local, std::unique_ptr<Session> session);

  /// Connects without waiting. Session::onOpen() follows, or onEnd() with End::refused, timeout or tls. On an engine
  /// that is shut down onEnd(End::shutdown) is called before this returns.
  std::shared_ptr<Dialled> dial(DialOptions options, std::unique_ptr<Session> session);

  /// Stops accepting, calls onShutdown() of all sessions, ends what is left after `grace` with End::shutdown and
  /// joins all threads. Idempotent.
  void shutdown(Duration grace);

  /// With manual timers: fires the deadlines that have passed by the clock. Effects follow on workers.
  void tick();

  /// Connections with a session.
  std::size_t connections() const;
  unsigned workers() const;
  /// Workers that wait for something to do.
  unsigned idleWorkers() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace mox::net
