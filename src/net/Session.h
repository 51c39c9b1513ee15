// Session and Channel: the seam between protocol state machines and the world.
//
// A Session is sans-I/O: it is fed what has arrived and tells its Channel what
// to send and what to wait for. Sockets, TLS, timers and threads stay on the
// Channel's side (net::Connection, or test::FakeChannel in dialogue tests).
//
// Threads: at any moment at most one thread is inside a session; the channel
// sees to it. A session may block for our own disk (store, queue), never for
// somebody else: DNS, password hashes and policy fetches go to offload().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Ip.h"
#include "base/Log.h"
#include "base/Strong.h"

namespace mox::net {

class TlsContext;
class JobPool;
class Channel;

/// What is known of an established TLS connection.
struct TlsInfo {
  std::string version;  ///< "TLSv1.3"
  std::string cipher;   ///< "TLS_AES_128_GCM_SHA256"
  std::string serverName;  ///< SNI as sent by the client, "" if none
  std::string alpn;        ///< chosen protocol, "" if none
  bool resumed = false;
  /// SHA-256 of the peer certificate's SubjectPublicKeyInfo, raw-url base64; "" if it sent none.
  std::string peerKeyFingerprint;
  /// True if the peer certificate verified against the context's roots and names (clients only).
  bool peerVerified = false;
  /// Why it did not verify, "" if it did.
  std::string verifyError;
  /// RFC 9266 tls-exporter (TLS 1.3), RFC 5929 tls-unique (TLS 1.2 with extended master secret) and
  /// tls-server-end-point; "" where not defined.
  std::string exporterBinding, uniqueBinding, serverEndPointBinding;
};

/// A long answer, asked for its next piece whenever the socket has drained.
class Producer {
 public:
  virtual ~Producer() = default;
  /// Appends some bytes (64 KB or so) to `out`; false when this was the last piece. May read our own disk.
  virtual bool produce(std::string& out) = 0;
};

/// Wakes a parked session from any thread: onWake() follows on a worker. Outlives the connection harmlessly.
class Waker {
 public:
  virtual ~Waker() = default;
  virtual void wake() = 0;
};

/// What goes on once a job or pause is over, with the session in hand again.
using Resume = std::function<void(Channel&)>;

/// What a session sees of its connection. Valid only while the channel calls the session.
class Channel {
 public:
  virtual ~Channel() = default;

  /// Queues bytes; they leave when the session returns. Order with stream() is kept.
  virtual void write(std::string_view bytes) = 0;
  /// Queues a producer after what is already queued. No input is fed until it is done, and
  /// onDrained() follows then.
  virtual void stream(std::unique_ptr<Producer> producer) = 0;
  /// Sends what is queued, throws plaintext read ahead away (RFC 3207 §4.2), makes the TLS handshake as
  /// the server or client the context is for, then calls onTls(), or onEnd() if it fails.
  /// `serverName`: for clients, the name to send as SNI and to verify.
  virtual void startTls(std::shared_ptr<TlsContext> context, std::string_view serverName = {}) = 0;
  /// Sends what is queued; from there on both directions are compressed (RFC 4978), what is unread included. No input is
  /// fed until then. Only once.
  virtual void startCompression() = 0;
  virtual bool compressed() const = 0;
  /// Sends what is queued, then closes. onEnd() follows. Input is no longer fed.
  virtual void close() = 0;
  /// An absolute deadline from now for the request as a whole; onDeadline() when it passes. Replaces the
  /// one before; Duration::max() clears it.
  virtual void setDeadline(Duration fromNow) = 0;
  /// Runs `job` in the pool; no input is fed meanwhile. What it returns is called on a worker of the
  /// engine with the session. False if the pool is full: answer 4xx.
  [[nodiscard]] virtual bool offload(JobPool& pool, std::function<Resume()> job) = 0;
  /// Feeds no input for this long, then calls `resume`.
  virtual void pause(Duration time, Resume resume) = 0;
  /// Tarpit: a second before each read, output a byte a second until the deadline is near.
  virtual void setSlow(bool slow) = 0;
  /// While true no input is fed (the peer is throttled by TCP).
  virtual void holdInput(bool hold) = 0;
  /// A handle for other threads. The same for the whole life of the connection.
  virtual std::shared_ptr<Waker> waker() = 0;

  virtual const Endpoint& remote() const = 0;
  virtual const Endpoint& local() const = 0;
  /// Null before TLS.
  virtual const TlsInfo* tls() const = 0;
  virtual ConnectionId id() const = 0;
  /// Bytes not yet taken by the kernel.
  virtual std::size_t unsent() const = 0;
};

/// Why a connection is over.
enum class End {
  closed,     ///< we closed
  peer,       ///< the peer closed in order
  reset,      ///< connection reset or another socket error
  tls,        ///< TLS handshake or record failure
  timeout,    ///< the dial or handshake deadline passed
  refused,    ///< a dial failed
  shutdown,   ///< the engine stops
};

class Session {
 public:
  virtual ~Session() = default;

  /// The connection stands (after TLS for implicit-TLS listeners and after onTls()). Greet here.
  virtual void onOpen(Channel& channel) = 0;
  /// `input` is everything unread. Returns how many bytes were taken, 0 to wait for more; called again
  /// at once while it takes some and input is left, unless the session waits (offload, pause, stream,
  /// startTls, close). The engine stops reading at inputLimit() unread bytes.
  virtual std::size_t onInput(Channel& channel, std::string_view input) = 0;
  virtual void onTls(Channel& channel, const TlsInfo& info) { (void)channel, (void)info; }
  /// A stream() has been sent.
  virtual void onDrained(Channel& channel) { (void)channel; }
  /// Waker::wake() was called at least once since the last onWake().
  virtual void onWake(Channel& channel) { (void)channel; }
  /// The deadline passed: say so and close.
  virtual void onDeadline(Channel& channel) = 0;
  /// The server stops: say 421 or BYE and close, or finish the request if it is nearly done.
  virtual void onShutdown(Channel& channel) { channel.close(); }
  /// The peer broke off a stream(), or stopped taking it, and had said this meanwhile: perhaps why. onEnd() follows.
  virtual void onUnheard(std::string_view input) { (void)input; }
  /// The last call. The channel is gone; `detail` is for logs and results.
  virtual void onEnd(End end, std::string_view detail) { (void)end, (void)detail; }
  /// How much unread input the engine may hold: 64 KB unless told. A session that returns 0 with this
  /// much unread gets onOverrun().
  virtual std::size_t inputLimit() const { return 64 * 1024; }
  /// The peer sent inputLimit() bytes that the session can make nothing of (a line too long).
  virtual void onOverrun(Channel& channel) { channel.close(); }
};

}  // namespace mox::net
