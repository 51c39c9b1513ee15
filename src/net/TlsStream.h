// A connected TCP socket, plain until TLS is started on it; never blocks.
//
// The common core of the engine's connections and of TlsSocketImpl. The engine uses it without Poco in between:
// Poco's socket object would add an allocation and a reference count a connection and turn every would-block and
// reset into an exception. Not thread safe: one thread at a time. Errors of the peer are Io values.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "net/Session.h"
#include "net/Sockets.h"

struct ssl_st;

namespace mox::net {

enum class Io {
  done,
  wantRead,   ///< call again when the socket is readable
  wantWrite,  ///< call again when it is writable
  eof,        ///< the peer closed in order (TLS: with close_notify)
  reset,      ///< socket error, or a TLS peer that went without close_notify
  tls,        ///< handshake or record failure
};

class TlsStream {
 public:
  TlsStream() = default;
  /// Takes the socket and makes it non-blocking.
  explicit TlsStream(Fd socket) { attach(std::move(socket)); }
  ~TlsStream();
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  void attach(Fd socket);
  int fd() const { return fd_.get(); }
  /// On done, 1..size bytes are in `to`.
  Io read(char* to, std::size_t size, std::size_t& got);
  /// On done, `put` (at least 1) bytes were taken. `from` must not be empty.
  Io write(std::string_view from, std::size_t& put);

  /// From here on bytes are TLS. False if the context refuses the name or policy; error() says why.
  bool startTls(std::shared_ptr<TlsContext> context, std::string_view serverName);
  /// Goes on with the handshake until done.
  Io handshake();
  bool isTls() const { return ssl_ != nullptr; }
  /// Bytes are waiting inside TLS that epoll knows nothing of.
  bool pending() const;
  /// After the handshake.
  TlsInfo info() const;

  /// Sends close_notify if that is allowed, then ends our direction.
  void shutdown();
  void close();
  /// Frees what TLS holds; from here on only discard() and close().
  void releaseTls();
  /// Reads raw bytes of the socket and forgets them.
  Io discard(char* scratch, std::size_t size);
  /// The reason of the last reset or tls result, one line.
  const std::string& error() const { return error_; }

 private:
  Io tlsResult(int result);
  Io socketFailure();

  Fd fd_;
  ssl_st* ssl_ = nullptr;
  bool broken_ = false;  ///< after a fatal error SSL_shutdown must not be called
  std::shared_ptr<TlsContext> context_;
  std::string error_;
};

}  // namespace mox::net
