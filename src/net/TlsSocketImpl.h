// A Poco stream socket over TlsStream, so that Poco's classes (HTTPClientSession, SocketStream, WebSocket) run over
// our TLS. For blocking use in job pools, with one absolute deadline for all that is done on it; Poco's own time-outs
// hold for a single call. Non-blocking use returns -1 where it would block.
//
// The engine's connections use TlsStream without this, see there.
//
//   Poco::Net::StreamSocket plain(address);
//   TlsSocket tls(new TlsSocketImpl(plain, clock, clock.steady() + 10s));
//   tls.tlsImpl().startTls(context, "mail.example.org");   // throws Poco::Net::NetException, Poco::TimeoutException
#pragma once

#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/StreamSocketImpl.h>

#include "base/Clock.h"
#include "net/TlsStream.h"

namespace mox::net {

class TlsSocketImpl final : public Poco::Net::StreamSocketImpl {
 public:
  /// Takes a connected socket over: a duplicate of its descriptor is used, `plain` should be dropped.
  /// No call waits beyond `deadline` (Steady::max(): none). `clock` must outlive this.
  TlsSocketImpl(const Poco::Net::StreamSocket& plain, const Clock& clock, Steady deadline);

  void setDeadline(Steady deadline) { deadline_ = deadline; }
  /// Makes the whole handshake. Throws Poco::TimeoutException or Poco::Net::NetException.
  void startTls(std::shared_ptr<TlsContext> context, std::string_view serverName);
  /// After startTls().
  TlsInfo info() const { return stream_.info(); }

  int sendBytes(const void* buffer, int length, int flags) override;
  int sendBytes(const Poco::Net::SocketBufVec& buffers, int flags) override;
  int receiveBytes(void* buffer, int length, int flags) override;
  int receiveBytes(Poco::Net::SocketBufVec& buffers, int flags) override;
  int receiveBytes(Poco::Buffer<char>& buffer, int flags, const Poco::Timespan& timeout) override;
  int available() override;
  bool poll(const Poco::Timespan& timeout, int mode) override;
  void shutdownSend() override;
  void shutdownReceive() override;
  void shutdown() override;
  void close() override;
  void setBlocking(bool flag) override { blocking_ = flag; }
  bool getBlocking() const override { return blocking_; }
  void setSendTimeout(const Poco::Timespan& timeout) override { sendTimeout_ = timeout; }
  Poco::Timespan getSendTimeout() override { return sendTimeout_; }
  void setReceiveTimeout(const Poco::Timespan& timeout) override { receiveTimeout_ = timeout; }
  Poco::Timespan getReceiveTimeout() override { return receiveTimeout_; }
  bool secure() const override { return stream_.isTls(); }

 protected:
  ~TlsSocketImpl() override;

 private:
  Steady limit(const Poco::Timespan& timeout) const;
  void wait(Io io, Steady until);
  [[noreturn]] void raise(Io io);

  TlsStream stream_;
  const Clock& clock_;
  Steady deadline_;
  Poco::Timespan sendTimeout_, receiveTimeout_;
  bool blocking_ = true;
  std::string peeked_;  ///< read for available(), not yet taken
};

class TlsSocket final : public Poco::Net::StreamSocket {
 public:
  explicit TlsSocket(TlsSocketImpl* impl) : StreamSocket(impl) {}  // the socket counts references
  TlsSocketImpl& tlsImpl() { return *static_cast<TlsSocketImpl*>(impl()); }
};

}  // namespace mox::net
