#include "dns/Transport.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>

namespace mox::dns {

namespace {

class Socket {
 public:
  Socket(int family, int type) : fd_(::socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "socket for DNS");
  }
  ~Socket() { ::close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  int fd_;
};

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  explicit SocketAddress(const Endpoint& to) {
    auto bytes = to.ip.bytes();
    if (to.ip.isV4()) {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(to.port);
      std::memcpy(&in.sin_addr, bytes.data(), 4);
      std::memcpy(&storage, &in, size = sizeof in);
    } else {
      sockaddr_in6 in{};
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(to.port);
      std::memcpy(&in.sin6_addr, bytes.data(), 16);
      std::memcpy(&storage, &in, size = sizeof in);
    }
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

tl::unexpected<Error> systemFailure(const char* what, int error) {
  return fail(Errc::temporary, std::string("DNS server: ") + what + ": " + std::generic_category().message(error));
}

/// Waits for the event, or as long as there is patience.
Result<void> await(const Patience& patience, int fd, short events) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(patience.deadline - patience.clock.steady()).count();
    if (left <= 0) return fail(Errc::timeout, "DNS server did not answer in time");
    std::array<pollfd, 2> waiting{{{fd, events, 0}, {patience.giveUp, POLLIN, 0}}};  // a descriptor of -1 is passed over
    int n = ::poll(waiting.data(), waiting.size(), static_cast<int>(std::min<long long>(left, INT_MAX)));
    if (waiting[1].revents != 0) return fail(Errc::temporary, "given up");
    if (n > 0) return {};
    if (n < 0 && errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll for DNS");
  }
}

Result<std::string> overUdp(const Patience& patience, const SocketAddress& server, const std::string& query, const Question& question,
                            std::uint16_t id) {
  Socket socket(server.storage.ss_family, SOCK_DGRAM);
  if (::connect(socket.fd(), server.get(), server.size) != 0) return systemFailure("connect", errno);
  if (::send(socket.fd(), query.data(), query.size(), MSG_NOSIGNAL) < 0) return systemFailure("send", errno);
  // A server that ignores our EDNS size may send more than 1232; what is larger than any datagram cannot come.
  std::string buffer(maxReplyOctets, '\0');
  for (;;) {
    if (auto ready = await(patience, socket.fd(), POLLIN); !ready) return tl::unexpected(ready.error());
    auto n = ::recv(socket.fd(), buffer.data(), buffer.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) return systemFailure("receive", errno);
    std::string_view reply(buffer.data(), static_cast<std::size_t>(n));
    if (isReplyTo(reply, question, id)) return std::string(reply);
  }
}

Result<void> sendAll(const Patience& patience, int fd, std::string_view octets) {
  while (!octets.empty()) {
    auto n = ::send(fd, octets.data(), octets.size(), MSG_NOSIGNAL);
    if (n >= 0) {
      octets.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EINTR) {
      if (auto ready = await(patience, fd, POLLOUT); !ready) return ready;
    } else {
      return systemFailure("send", errno);
    }
  }
  return {};
}

Result<std::string> receive(const Patience& patience, int fd, std::size_t count) {
  std::string out(count, '\0');
  std::size_t have = 0;
  while (have < count) {
    auto n = ::recv(fd, out.data() + have, count - have, 0);
    if (n > 0) {
      have += static_cast<std::size_t>(n);
    } else if (n == 0) {
      return fail(Errc::temporary, "DNS server closed the connection early");
    } else if (errno == EAGAIN || errno == EINTR) {
      if (auto ready = await(patience, fd, POLLIN); !ready) return tl::unexpected(ready.error());
    } else {
      return systemFailure("receive", errno);
    }
  }
  return out;
}

Result<void> connectTcp(const Patience& patience, int fd, const SocketAddress& server) {
  if (::connect(fd, server.get(), server.size) == 0) return {};
  if (errno != EINPROGRESS) return systemFailure("connect", errno);
  if (auto ready = await(patience, fd, POLLOUT); !ready) return ready;
  int error = 0;
  socklen_t size = sizeof error;
  if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) return systemFailure("connect", error);
  return {};
}

/// RFC 7766 §8: two octets of length, then the message.
Result<std::string> overTcp(const Patience& patience, const SocketAddress& server, const std::string& query, const Question& question,
                            std::uint16_t id) {
  Socket socket(server.storage.ss_family, SOCK_STREAM);
  if (auto connected = connectTcp(patience, socket.fd(), server); !connected) return tl::unexpected(connected.error());
  std::string framed{static_cast<char>(query.size() >> 8), static_cast<char>(query.size() & 0xff)};
  framed += query;
  if (auto sent = sendAll(patience, socket.fd(), framed); !sent) return tl::unexpected(sent.error());
  auto length = receive(patience, socket.fd(), 2);
  if (!length) return length;
  auto octets = static_cast<std::size_t>(static_cast<unsigned char>((*length)[0]) << 8 | static_cast<unsigned char>((*length)[1]));
  auto reply = receive(patience, socket.fd(), octets);
  if (reply && !isReplyTo(*reply, question, id)) return fail(Errc::temporary, "DNS server answered another question over TCP");
  if (reply && isTruncated(*reply)) return fail(Errc::temporary, "DNS server cut its answer over TCP");
  return reply;
}

}  // namespace

Result<std::string> exchange(const Patience& patience, const Endpoint& server, const Question& question, std::uint16_t id) {
  auto query = buildQuery(question, id);
  if (!query) return query;
  SocketAddress to(server);
  auto reply = overUdp(patience, to, *query, question, id);
  if (!reply || !isTruncated(*reply)) return reply;
  return overTcp(patience, to, *query, question, id);
}

}  // namespace mox::dns
