// Plain socket helpers: addresses to and from the kernel's form, the limit of open files, sockets passed by a
// service manager, and readiness messages to it (sd_listen_fds(3), sd_notify(3), spoken without libsystemd).
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/Ip.h"
#include "base/Result.h"

namespace mox::net {

/// Owns a file descriptor; -1 is none.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset(int fd = -1);

 private:
  int fd_ = -1;
};

/// Length of the address written to `out`.
socklen_t toSockaddr(const Endpoint& endpoint, sockaddr_storage& out);
/// An unknown family (a Unix socket) gives 0.0.0.0:0.
Endpoint fromSockaddr(const sockaddr_storage& address);
/// The address a socket is bound to.
Endpoint localEndpoint(int fd);
Endpoint remoteEndpoint(int fd);

/// No delay (output is gathered before it is sent) and keep-alive probes.
void setTcpOptions(int fd);
/// Sends the acknowledgement of what was read without the delay of up to 40 ms (TCP_QUICKACK, until the kernel thinks otherwise).
void acknowledgeNow(int fd);

/// Throws std::system_error if `fd` is no descriptor.
void setNonBlocking(int fd);

/// A listening, non-blocking, close-on-exec TCP socket; IPv6 ones take IPv6 only, so that both families can have
/// the same port. Port 0 lets the kernel choose.
Result<Fd> listenTcp(const Endpoint& endpoint, int backlog);

/// What became of RLIMIT_NOFILE.
struct FileLimit {
  std::uint64_t before = 0;
  std::uint64_t now = 0;
  std::string error;  ///< why it could not be raised, "" if it could
};
/// Raises the soft limit of open files to the hard one: service managers often give a soft limit of 1024.
FileLimit raiseFileLimit();

/// A socket a service manager opened for us.
struct PassedSocket {
  int fd = -1;
  std::string name;  ///< from LISTEN_FDNAMES, "" if none
};
/// LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES as found in the environment (null: not set). Empty when they are not
/// meant for process `pid`; an error when they are but make no sense.
Result<std::vector<PassedSocket>> parseListenFds(const char* listenPid, const char* listenFds, const char* names, std::int64_t pid);
/// The same from the environment of this process, which is then cleared of them; marks each close-on-exec.
/// Call it once, before threads start.
Result<std::vector<PassedSocket>> takeListenFds();

/// A service manager that does not read for so long is given up; the message is lost, the server goes on.
inline constexpr std::chrono::seconds notifyPatience{1};
/// Sends `state` ("READY=1\nSTATUS=...") to the datagram socket `path` ("@" starts an abstract name). Blocks for
/// notifyPatience at most (Errc::timeout).
Result<void> notifyManager(const std::string& path, const std::string& state);
/// The same to $NOTIFY_SOCKET; does nothing if that is not set.
Result<void> notifyManager(const std::string& state);

}  // namespace mox::net
