#include "Wire.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>

namespace mox::bench {
namespace {

constexpr std::size_t kLongestLine = 65536;
constexpr std::size_t kPiece = 65536;
constexpr unsigned kNetworks = 8191;  // /21s of 127.0.0.0/8, without the last
constexpr unsigned kNetworkSize = 1U << 11;

[[noreturn]] void fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

[[noreturn]] void failTls(const char* what) {
  char reason[256] = "connection lost";
  if (const unsigned long code = ERR_get_error()) ERR_error_string_n(code, reason, sizeof reason);
  ERR_clear_error();
  throw std::runtime_error(std::string(what) + ": " + reason);
}

sockaddr_in ipv4(const std::string& address, unsigned short port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  if (inet_pton(AF_INET, address.c_str(), &result.sin_addr) != 1) throw std::runtime_error("not an IPv4 address: " + address);
  return result;
}

void set(int socket, int level, int name, const void* value, socklen_t size) {
  if (setsockopt(socket, level, name, value, size) != 0) fail("setsockopt");
}

const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }

}  // namespace

Tls::Tls() : context_(SSL_CTX_new(TLS_client_method())) {
  if (!context_) failTls("TLS");
  SSL_CTX_set_mode(context_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  SSL_CTX_set_session_cache_mode(context_.get(), SSL_SESS_CACHE_OFF);  // every connection pays for a full handshake
}

unsigned source(std::size_t connection) { return INADDR_LOOPBACK + static_cast<unsigned>(connection % kNetworks) * kNetworkSize; }

Wire::Wire(const Endpoint& endpoint, std::size_t connection) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket_ < 0) fail("socket");
  try {
    const int on = 1;
    const timeval limit{static_cast<time_t>(endpoint.seconds), 0};
    set(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    set(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    set(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (endpoint.spread) {
      set(socket_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
      sockaddr_in from{};
      from.sin_family = AF_INET;
      from.sin_addr.s_addr = htonl(source(connection));
      if (bind(socket_, generic(from), sizeof from) != 0) fail("bind");
    }
    const sockaddr_in to = ipv4(endpoint.address, endpoint.port);
    if (connect(socket_, generic(to), sizeof to) != 0) fail("connect");
  } catch (...) {
    close(socket_);
    throw;
  }
}

Wire::~Wire() {
  ssl_.reset();
  close(socket_);
}

void Wire::startTls(const Tls& tls) {
  if (used_ != buffer_.size()) throw std::runtime_error("TLS: the server spoke before the handshake");
  ssl_.reset(SSL_new(tls.context()));
  if (!ssl_ || SSL_set_fd(ssl_.get(), socket_) != 1 || SSL_connect(ssl_.get()) != 1) failTls("TLS handshake");
}

void Wire::send(std::string_view octets) {
  while (!octets.empty()) {
    if (ssl_) {
      std::size_t sent = 0;
      if (SSL_write_ex(ssl_.get(), octets.data(), octets.size(), &sent) != 1) failTls("write");
      octets.remove_prefix(sent);
    } else {
      const ssize_t sent = ::send(socket_, octets.data(), octets.size(), MSG_NOSIGNAL);
      if (sent < 0) fail("write");
      octets.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
}

void Wire::fill() {
  buffer_.erase(0, used_);
  used_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kPiece);
  std::size_t got = 0;
  if (ssl_) {
    if (SSL_read_ex(ssl_.get(), buffer_.data() + before, kPiece, &got) != 1) failTls("read");
  } else {
    const ssize_t read = recv(socket_, buffer_.data() + before, kPiece, 0);
    if (read < 0) fail("read");
    if (read == 0) throw std::runtime_error("read: connection closed");
    got = static_cast<std::size_t>(read);
  }
  buffer_.resize(before + got);
}

std::string_view Wire::line() {
  std::size_t seen = used_;
  for (;;) {
    const std::size_t end = buffer_.find("\r\n", seen);
    if (end != std::string::npos) {
      const std::string_view result = std::string_view(buffer_).substr(used_, end - used_);
      used_ = end + 2;
      return result;
    }
    const std::size_t waiting = buffer_.size() - used_;
    if (waiting > kLongestLine) throw std::runtime_error("a line that does not end");
    fill();
    seen = waiting == 0 ? 0 : waiting - 1;  // a CR may have come before its LF
  }
}

std::string_view Wire::piece() {
  if (used_ == buffer_.size()) fill();
  const std::string_view result = std::string_view(buffer_).substr(used_);
  used_ = buffer_.size();
  return result;
}

void Wire::rest() {
  buffer_.erase(0, used_);
  used_ = 0;
  buffer_.shrink_to_fit();
}

}  // namespace mox::bench
