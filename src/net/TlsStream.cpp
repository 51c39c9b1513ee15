#include "net/TlsStream.h"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <system_error>

#include "net/OpenSsl.h"
#include "net/TlsContext.h"
#include "net/TlsFacts.h"

namespace mox::net {

namespace {

int clampSize(std::size_t size) { return static_cast<int>(std::min<std::size_t>(size, INT_MAX)); }

}  // namespace

void TlsStream::attach(Fd socket) {
  fd_ = std::move(socket);
  setNonBlocking(fd_.get());
}

TlsStream::~TlsStream() { close(); }

void TlsStream::releaseTls() {
  SSL_free(ssl_);
  ssl_ = nullptr;
  context_.reset();
}

void TlsStream::close() {
  releaseTls();
  fd_.reset();
}

Io TlsStream::discard(char* scratch, std::size_t size) {
  auto result = ::recv(fd_.get(), scratch, size, MSG_DONTWAIT);
  if (result < 0) return socketFailure();
  return result == 0 ? Io::eof : Io::done;
}

Io TlsStream::socketFailure() {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return Io::wantRead;
  error_ = std::generic_category().message(errno);
  broken_ = true;
  return Io::reset;
}

Io TlsStream::read(char* to, std::size_t size, std::size_t& got) {
  got = 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    errno = 0;
    int result = SSL_read(ssl_, to, clampSize(size));
    if (result <= 0) return tlsResult(result);
    got = static_cast<std::size_t>(result);
    return Io::done;
  }
  auto result = ::recv(fd_.get(), to, size, MSG_DONTWAIT);
  if (result < 0) return socketFailure();
  if (result == 0) return Io::eof;
  got = static_cast<std::size_t>(result);
  return Io::done;
}

Io TlsStream::write(std::string_view from, std::size_t& put) {
  put = 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    errno = 0;
    int result = SSL_write(ssl_, from.data(), clampSize(from.size()));
    if (result <= 0) return tlsResult(result);
    put = static_cast<std::size_t>(result);
    return Io::done;
  }
  auto result = ::send(fd_.get(), from.data(), from.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (result < 0) {
    Io io = socketFailure();
    return io == Io::wantRead ? Io::wantWrite : io;
  }
  put = static_cast<std::size_t>(result);
  return Io::done;
}

bool TlsStream::startTls(std::shared_ptr<TlsContext> context, std::string_view serverName) {
  auto made = context->newSsl(serverName);
  if (!made) {
    error_ = made.error().text;
    return false;
  }
  ssl_ = *made;
  context_ = std::move(context);
  if (SSL_set_fd(ssl_, fd_.get()) != 1) throw std::runtime_error("SSL_set_fd: " + opensslError());
  return true;
}

Io TlsStream::handshake() {
  ERR_clear_error();
  errno = 0;
  int result = SSL_do_handshake(ssl_);
  return result == 1 ? Io::done : tlsResult(result);
}

Io TlsStream::tlsResult(int result) {
  int socketError = errno;
  switch (SSL_get_error(ssl_, result)) {
    case SSL_ERROR_WANT_READ: return Io::wantRead;
    case SSL_ERROR_WANT_WRITE: return Io::wantWrite;
    case SSL_ERROR_ZERO_RETURN: return Io::eof;
    case SSL_ERROR_SYSCALL:
      broken_ = true;
      error_ = socketError != 0 ? std::generic_category().message(socketError) : "connection closed without close_notify";
      ERR_clear_error();
      return Io::reset;
    default: break;
  }
  broken_ = true;
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    error_ = "connection closed without close_notify";
    return Io::reset;
  }
  error_ = opensslError();
  long verify = SSL_get_verify_result(ssl_);
  if (!SSL_is_init_finished(ssl_) && SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE && verify != X509_V_OK)
    error_ += std::string(": ") + X509_verify_cert_error_string(verify);
  return Io::tls;
}

bool TlsStream::pending() const { return ssl_ != nullptr && SSL_has_pending(ssl_) == 1; }

TlsInfo TlsStream::info() const { return tlsFacts(*ssl_); }

void TlsStream::shutdown() {
  if (fd_.get() < 0) return;
  if (ssl_ != nullptr && !broken_ && SSL_is_init_finished(ssl_)) {
    ERR_clear_error();
    SSL_shutdown(ssl_);  // sends close_notify if the socket takes it; the peer's is not waited for
    ERR_clear_error();
  }
  ::shutdown(fd_.get(), SHUT_WR);
}

}  // namespace mox::net
