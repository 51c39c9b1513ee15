#include "net/Sockets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

#include "base/Text.h"

namespace mox::net {

namespace {

constexpr int firstPassedFd = 3;  // SD_LISTEN_FDS_START
constexpr std::uint64_t maxPassedSockets = 1024;

std::string reason() { return std::generic_category().message(errno); }

}  // namespace

void Fd::reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

socklen_t toSockaddr(const Endpoint& endpoint, sockaddr_storage& out) {
  std::memset(&out, 0, sizeof out);
  auto bytes = endpoint.ip.bytes();
  if (endpoint.ip.isV4()) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(endpoint.port);
    std::memcpy(&v4.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&out, &v4, sizeof v4);
    return sizeof v4;
  }
  sockaddr_in6 v6{};
  v6.sin6_family = AF_INET6;
  v6.sin6_port = htons(endpoint.port);
  std::memcpy(&v6.sin6_addr, bytes.data(), bytes.size());
  std::memcpy(&out, &v6, sizeof v6);
  return sizeof v6;
}

Endpoint fromSockaddr(const sockaddr_storage& address) {
  Endpoint out;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof v4);
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    out = {IpAddress::v4(bytes), ntohs(v4.sin_port)};
  } else if (address.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &address, sizeof v6);
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    out = {IpAddress::v6(bytes), ntohs(v6.sin6_port)};
  }
  return out;
}

Endpoint localEndpoint(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return fromSockaddr(address);
}

Endpoint remoteEndpoint(int fd) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return fromSockaddr(address);
}

void setTcpOptions(int fd) {
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

void acknowledgeNow(int fd) {
  int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
}

void setNonBlocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ((flags & O_NONBLOCK) == 0 && ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0))
    throw std::system_error(errno, std::generic_category(), "fcntl");
}

Result<Fd> listenTcp(const Endpoint& endpoint, int backlog) {
  sockaddr_storage address{};
  socklen_t length = toSockaddr(endpoint, address);
  Fd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Errc::temporary, "socket: " + reason());
  int on = 1;
  ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!endpoint.ip.isV4()) ::setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return fail(errno == EADDRINUSE ? Errc::exists : Errc::denied, fmt::format("bind {}: {}", endpoint.text(), reason()));
  if (::listen(fd.get(), backlog) != 0) return fail(Errc::exists, fmt::format("listen {}: {}", endpoint.text(), reason()));
  return fd;
}

FileLimit raiseFileLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {0, 0, reason()};
  FileLimit out{limit.rlim_cur, limit.rlim_cur, ""};
  if (limit.rlim_cur == limit.rlim_max) return out;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) out.error = reason();
  else out.now = limit.rlim_max;
  return out;
}

Result<std::vector<PassedSocket>> parseListenFds(const char* listenPid, const char* listenFds, const char* names, std::int64_t pid) {
  std::vector<PassedSocket> out;
  if (listenPid == nullptr || listenFds == nullptr) return out;
  auto wantedPid = parseUnsigned(listenPid);
  if (!wantedPid) return fail(Errc::syntax, "LISTEN_PID is no number");
  if (*wantedPid != static_cast<std::uint64_t>(pid)) return out;
  auto count = parseUnsigned(listenFds);
  if (!count || *count > maxPassedSockets) return fail(Errc::syntax, "LISTEN_FDS is no sensible number");
  std::vector<std::string_view> parts;
  if (names != nullptr && *names != '\0') parts = split(names, ':');
  if (!parts.empty() && parts.size() != *count) return fail(Errc::syntax, "LISTEN_FDNAMES and LISTEN_FDS differ in number");
  for (std::size_t i = 0; i < *count; ++i)
    out.push_back({firstPassedFd + static_cast<int>(i), parts.empty() ? std::string() : std::string(parts[i])});
  return out;
}

Result<std::vector<PassedSocket>> takeListenFds() {
  auto out = parseListenFds(std::getenv("LISTEN_PID"), std::getenv("LISTEN_FDS"), std::getenv("LISTEN_FDNAMES"), ::getpid());
  for (const char* name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) ::unsetenv(name);
  if (!out) return out;
  for (const auto& socket : *out) {
    if (::fcntl(socket.fd, F_SETFD, FD_CLOEXEC) != 0)
      return fail(Errc::notFound, fmt::format("passed socket {}: {}", socket.fd, reason()));
  }
  return out;
}

Result<void> notifyManager(const std::string& path, const std::string& state) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() < 2 || path.size() >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
    return fail(Errc::syntax, "NOTIFY_SOCKET is no socket path");
  std::copy(path.begin(), path.end(), address.sun_path);
  if (path[0] == '@') address.sun_path[0] = '\0';
  Fd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return fail(Errc::temporary, "socket: " + reason());
  // A manager that does not read must not hold up a reload.
  timeval patience{notifyPatience.count(), 0};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) != 0) return fail(Errc::temporary, "setsockopt: " + reason());
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (::sendto(fd.get(), state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), length) < 0)
    return fail(errno == EAGAIN ? Errc::timeout : Errc::temporary, "NOTIFY_SOCKET: " + reason());
  return {};
}

Result<void> notifyManager(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || *path == '\0') return {};
  return notifyManager(path, state);
}

}  // namespace mox::net
