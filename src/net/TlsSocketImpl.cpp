#include "net/TlsSocketImpl.h"

#include <Poco/Exception.h>
#include <Poco/Net/NetException.h>
#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

namespace mox::net {

namespace {

Fd copyOf(int fd) {
  Fd out(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!out) throw std::system_error(errno, std::generic_category(), "dup");
  return out;
}

}  // namespace

TlsSocketImpl::TlsSocketImpl(const Poco::Net::StreamSocket& plain, const Clock& clock, Steady deadline) : clock_(clock), deadline_(deadline) {
  stream_.attach(copyOf(plain.impl()->sockfd()));
  reset(stream_.fd());  // for address(), setOption() and the like
}

// The base would close the descriptor a second time.
TlsSocketImpl::~TlsSocketImpl() { reset(); }

Steady TlsSocketImpl::limit(const Poco::Timespan& timeout) const {
  if (timeout.totalMicroseconds() <= 0) return deadline_;
  return std::min(deadline_, clock_.steady() + std::chrono::microseconds(timeout.totalMicroseconds()));
}

void TlsSocketImpl::raise(Io io) {
  if (io == Io::tls) throw Poco::Net::NetException(stream_.error());
  throw Poco::Net::ConnectionResetException(stream_.error().empty() ? "closed by the peer" : stream_.error());
}

/// Waits for what `io` wants.
void TlsSocketImpl::wait(Io io, Steady until) {
  if (io != Io::wantRead && io != Io::wantWrite) raise(io);
  for (;;) {
    int milliseconds = -1;
    if (until != Steady::max()) {
      auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_.steady()).count();
      if (left <= 0) throw Poco::TimeoutException("deadline");
      milliseconds = static_cast<int>(std::min<long>(left, INT_MAX));
    }
    pollfd one{stream_.fd(), static_cast<short>(io == Io::wantRead ? POLLIN : POLLOUT), 0};
    int ready = ::poll(&one, 1, milliseconds);
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
  }
}

void TlsSocketImpl::startTls(std::shared_ptr<TlsContext> context, std::string_view serverName) {
  if (!stream_.startTls(std::move(context), serverName)) throw Poco::Net::NetException(stream_.error());
  for (;;) {
    Io io = stream_.handshake();
    if (io == Io::done) return;
    wait(io, deadline_);
  }
}

int TlsSocketImpl::sendBytes(const void* buffer, int length, int) {
  std::string_view left(static_cast<const char*>(buffer), static_cast<std::size_t>(std::max(length, 0)));
  Steady until = limit(sendTimeout_);
  int sent = 0;
  while (!left.empty()) {
    std::size_t put = 0;
    Io io = stream_.write(left, put);
    if (io == Io::done) {
      left.remove_prefix(put);
      sent += static_cast<int>(put);
      continue;
    }
    if (!blocking_ && (io == Io::wantRead || io == Io::wantWrite)) return sent > 0 ? sent : -1;
    wait(io, until);
  }
  return sent;
}

int TlsSocketImpl::sendBytes(const Poco::Net::SocketBufVec& buffers, int flags) {
  int total = 0;
  for (const auto& buffer : buffers) {
    int sent = sendBytes(buffer.iov_base, static_cast<int>(buffer.iov_len), flags);
    if (sent < 0) return total > 0 ? total : sent;
    total += sent;
    if (sent < static_cast<int>(buffer.iov_len)) break;
  }
  return total;
}

int TlsSocketImpl::receiveBytes(void* buffer, int length, int) {
  if (length <= 0) return 0;
  auto size = static_cast<std::size_t>(length);
  if (!peeked_.empty()) {
    std::size_t count = peeked_.copy(static_cast<char*>(buffer), size);
    peeked_.erase(0, count);
    return static_cast<int>(count);
  }
  Steady until = limit(receiveTimeout_);
  for (;;) {
    std::size_t got = 0;
    Io io = stream_.read(static_cast<char*>(buffer), size, got);
    if (io == Io::done) return static_cast<int>(got);
    if (io == Io::eof) return 0;
    if (!blocking_ && (io == Io::wantRead || io == Io::wantWrite)) return -1;
    wait(io, until);
  }
}

int TlsSocketImpl::receiveBytes(Poco::Net::SocketBufVec& buffers, int flags) {
  // One record is as much as one read gives; Poco takes short vectors.
  for (auto& buffer : buffers)
    if (buffer.iov_len > 0) return receiveBytes(buffer.iov_base, static_cast<int>(buffer.iov_len), flags);
  return 0;
}

int TlsSocketImpl::receiveBytes(Poco::Buffer<char>& buffer, int flags, const Poco::Timespan& timeout) {
  if (!poll(timeout, SELECT_READ)) return 0;
  std::string some(16 * 1024, '\0');
  int got = receiveBytes(some.data(), static_cast<int>(some.size()), flags);
  if (got > 0) buffer.append(some.data(), static_cast<std::size_t>(got));
  return got;
}

int TlsSocketImpl::available() {
  if (peeked_.empty()) {
    std::string some(16 * 1024, '\0');
    std::size_t got = 0;
    if (stream_.read(some.data(), some.size(), got) == Io::done) peeked_.assign(some, 0, got);
  }
  return static_cast<int>(peeked_.size());
}

// With bytes inside TLS the socket itself may have nothing more to say.
bool TlsSocketImpl::poll(const Poco::Timespan& timeout, int mode) {
  if ((mode & SELECT_READ) != 0 && (!peeked_.empty() || stream_.pending())) return true;
  int events = ((mode & SELECT_READ) != 0 ? POLLIN : 0) | ((mode & SELECT_WRITE) != 0 ? POLLOUT : 0);
  Steady until = std::min(deadline_, clock_.steady() + std::chrono::microseconds(timeout.totalMicroseconds()));
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock_.steady()).count();
    pollfd one{stream_.fd(), static_cast<short>(events), 0};
    int ready = ::poll(&one, 1, static_cast<int>(std::clamp<long>(left, 0, INT_MAX)));
    if (ready >= 0) return ready > 0;
    if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
  }
}

void TlsSocketImpl::shutdownSend() { stream_.shutdown(); }
void TlsSocketImpl::shutdownReceive() { ::shutdown(stream_.fd(), SHUT_RD); }

void TlsSocketImpl::shutdown() {
  stream_.shutdown();
  ::shutdown(stream_.fd(), SHUT_RDWR);
}

void TlsSocketImpl::close() {
  stream_.shutdown();
  stream_.close();
  reset();
}

}  // namespace mox::net
