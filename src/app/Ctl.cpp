#include "app/Ctl.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <ostream>
#include <set>
#include <streambuf>
#include <system_error>
#include <thread>

#include "app/Privileges.h"
#include "base/Text.h"
#include "config/Files.h"

namespace mox::app {

namespace {

constexpr std::string_view magic = "mox-ctl 1 ";
constexpr std::size_t lineLimit = 64;
constexpr int restMilliseconds = 200;  ///< when the machine has no descriptor or thread left

struct Hangup : std::runtime_error {
  using std::runtime_error::runtime_error;
};

sockaddr_un socketAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) throw std::system_error(ENAMETOOLONG, std::generic_category(), "control socket " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

void setTimeouts(int fd) {
  timeval limit{ctlTimeoutSeconds, 0};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

void sendAll(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) throw Hangup("the other side of the control socket is gone");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

/// The first octet of `bytes`, with a descriptor.
void sendWith(int fd, std::string_view bytes, int passed) {
  iovec piece{const_cast<char*>(bytes.data()), 1};
  alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = space;
  message.msg_controllen = sizeof space;
  auto* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  while (::sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
    if (errno != EINTR) throw Hangup("the other side of the control socket is gone");
}

/// Buffered reading of lines and counted bytes.
class Reader {
 public:
  explicit Reader(int fd) : fd_(fd) {}
  std::shared_ptr<net::Fd> passed() const { return passed_; }

  std::string line() {
    for (;;) {
      auto end = held_.find('\n');
      if (end != std::string::npos) {
        std::string out = held_.substr(0, end);
        held_.erase(0, end + 1);
        return out;
      }
      if (held_.size() > lineLimit) throw Hangup("malformed control message");
      more();
    }
  }

  std::string bytes(std::size_t count) {
    while (held_.size() < count) more();
    std::string out = held_.substr(0, count);
    held_.erase(0, count);
    return out;
  }

 private:
  void more() {
    char buffer[16384];
    for (;;) {
      iovec piece{buffer, sizeof buffer};
      alignas(cmsghdr) char space[CMSG_SPACE(sizeof(int))];
      msghdr message{};
      message.msg_iov = &piece;
      message.msg_iovlen = 1;
      message.msg_control = space;
      message.msg_controllen = sizeof space;  // one; the kernel closes what does not fit
      auto got = ::recvmsg(fd_, &message, MSG_CMSG_CLOEXEC);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw Hangup("the control connection ended early");
      takeDescriptor(message);
      held_.append(buffer, static_cast<std::size_t>(got));
      return;
    }
  }

  void takeDescriptor(msghdr& message) {
    auto* header = CMSG_FIRSTHDR(&message);
    if (header == nullptr || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) return;
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
    passed_ = std::make_shared<net::Fd>(fd);  // one that came before is closed
  }

  std::shared_ptr<net::Fd> passed_;
  int fd_;
  std::string held_;
};

std::size_t counted(std::string_view text, std::size_t limit) {
  auto value = parseUnsigned(text);
  if (!value || *value > limit) throw Hangup("malformed control message");
  return static_cast<std::size_t>(*value);
}

CtlRequest readRequest(Reader& reader) {
  auto head = reader.line();
  if (!head.starts_with(magic)) throw Hangup("not a control request");
  auto numbers = cut(std::string_view(head).substr(magic.size()), ' ');
  if (!numbers) throw Hangup("malformed control message");
  auto words = counted(numbers->first, ctlWordsLimit);
  auto inputSize = counted(numbers->second, ctlInputLimit);
  CtlRequest request;
  while (request.words.size() < words) request.words.push_back(reader.bytes(counted(reader.line(), ctlWordLimit)));
  request.input = reader.bytes(inputSize);
  request.passed = reader.passed();
  return request;
}

/// An output stream whose text leaves as frames of one kind.
class FrameBuffer final : public std::streambuf {
 public:
  FrameBuffer(int fd, char kind) : fd_(fd), kind_(kind) { setp(buffer_, buffer_ + sizeof buffer_); }

 protected:
  int overflow(int c) override {
    sync();
    if (c != traits_type::eof()) sputc(static_cast<char>(c));
    return traits_type::not_eof(c);
  }

  int sync() override {
    std::string_view held(pbase(), static_cast<std::size_t>(pptr() - pbase()));
    if (!held.empty()) sendAll(fd_, fmt::format("{} {}\n{}", kind_, held.size(), held));
    setp(buffer_, buffer_ + sizeof buffer_);
    return 0;
  }

 private:
  int fd_;
  char kind_;
  char buffer_[16384];
};

}  // namespace

struct CtlServer::State {
  std::string path;
  CtlHandler handler;
  Log log;
  Duration stopPatience;
  int listening = -1;
  int wake = -1;
  std::mutex mutex;  // guards open, running and stopping
  std::condition_variable changed;
  std::set<int> open;
  std::size_t running = 0;
  bool stopping = false;
  std::thread acceptor;

  void listenAt() {
    listening = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    wake = ::eventfd(0, EFD_CLOEXEC);
    auto address = socketAddress(path);
    ::unlink(path.c_str());
    auto before = ::umask(0117);  // user and group
    int bound = ::bind(listening, reinterpret_cast<sockaddr*>(&address), sizeof address);
    ::umask(before);
    if (listening < 0 || bound < 0 || ::listen(listening, 16) < 0)
      throw std::system_error(errno, std::generic_category(), "control socket " + path);
  }

  void acceptLoop() {
    pollfd waits[2] = {{listening, POLLIN, 0}, {wake, POLLIN, 0}};
    for (;;) {
      if (::poll(waits, 2, -1) < 0 && errno != EINTR) return;
      if (waits[1].revents != 0) return;
      if (waits[0].revents == 0) continue;
      std::unique_lock hold(mutex);
      changed.wait(hold, [this] { return stopping || running < ctlConnectionLimit; });
      if (stopping) return;
      if (auto lacks = take(); lacks != std::error_code()) {
        hold.unlock();
        log.error("cannot take control connections", {{"err", lacks.message()}});
        ::poll(&waits[1], 1, restMilliseconds);  // at once again would spin
      }
    }
  }

  /// What the machine lacks for the next connection, descriptors or threads; with the mutex held.
  std::error_code take() {
    net::Fd fd(::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC));
    if (!fd) {
      bool isFull = errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM;
      return isFull ? std::error_code(errno, std::generic_category()) : std::error_code();  // else who came has gone
    }
    try {
      std::thread([this, number = fd.get()] { serve(number); }).detach();  // waits for the mutex at its end
    } catch (const std::system_error& none) {
      return none.code();
    }
    open.insert(fd.release());
    ++running;
    return {};
  }

  void serve(int fd) {
    try {
      setTimeouts(fd);
      timeval limit{ctlTimeoutSeconds, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
      Reader reader(fd);
      answer(fd, readRequest(reader));
    } catch (const Hangup& gone) {
      log.debug("control connection", {{"err", gone.what()}});
    } catch (const std::exception& broken) {
      log.error("control connection", {{"err", broken.what()}});
    }
    std::lock_guard hold(mutex);
    open.erase(fd);
    ::close(fd);
    --running;
    changed.notify_all();
  }

  void answer(int fd, const CtlRequest& request) {
    FrameBuffer outFrames(fd, 'o'), errFrames(fd, 'e');
    std::ostream out(&outFrames), err(&errFrames);
    out.exceptions(std::ios::badbit);
    err.exceptions(std::ios::badbit);
    int status = 1;
    try {
      status = handler(request, out, err);
    } catch (const Hangup&) {
      throw;
    } catch (const std::exception& broken) {
      log.error("control command failed", {{"command", request.words.empty() ? "" : request.words[0]}, {"err", broken.what()}});
      err << "error: " << broken.what() << "\n";
    }
    out.flush();
    err.flush();
    sendAll(fd, fmt::format("x {}\n", status));
  }

  void stop() {
    std::unique_lock hold(mutex);
    stopping = true;
    for (int fd : open) ::shutdown(fd, SHUT_RD);  // requests not yet read end; answers go out
    changed.notify_all();
    hold.unlock();
    std::uint64_t one = 1;
    if (wake >= 0 && ::write(wake, &one, sizeof one) < 0) log.error("cannot wake the control socket");
    if (acceptor.joinable()) acceptor.join();
    hold.lock();
    auto over = [this] { return running == 0; };
    if (!changed.wait_for(hold, stopPatience, over)) {
      for (int fd : open) ::shutdown(fd, SHUT_RDWR);  // who reads slowly, or not at all, keeps nobody
      changed.wait(hold, over);
    }
    if (listening >= 0) ::close(listening);
    if (wake >= 0) ::close(wake);
    ::unlink(path.c_str());
  }
};

CtlServer::CtlServer(std::string path, CtlHandler handler, Log log, Duration stopPatience) : state_(new State) {
  state_->path = std::move(path);
  state_->handler = std::move(handler);
  state_->log = std::move(log);
  state_->stopPatience = stopPatience;
  state_->listenAt();
  state_->acceptor = std::thread([this] { state_->acceptLoop(); });
}

CtlServer::~CtlServer() { state_->stop(); }

std::optional<net::Fd> tryConnect(const std::string& path) {
  auto address = socketAddress(path);
  net::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return fd;
  auto error = errno;
  fd = net::Fd();
  errno = error;
  return std::nullopt;
}

Result<net::Fd> ctlConnect(const std::string& path) {
  auto fd = tryConnect(path);
  if (!fd && errno == EACCES && becomeOwner(config::directoryOf(path))) fd = tryConnect(path);
  if (!fd) return fail(Errc::temporary, fmt::format("no server answers at {}: {}", path, std::generic_category().message(errno)));
  return std::move(*fd);
}

Result<int> ctlCall(const std::string& path, const CtlRequest& request, std::ostream& out, std::ostream& err) {
  auto fd = ctlConnect(path);
  if (!fd) return tl::unexpected(fd.error());
  try {
    std::string text = fmt::format("{}{} {}\n", magic, request.words.size(), request.input.size());
    for (const auto& word : request.words) text += fmt::format("{}\n{}", word.size(), word);
    if (request.passed) sendWith(fd->get(), text, request.passed->get());
    sendAll(fd->get(), std::string_view(text).substr(request.passed ? 1 : 0));
    sendAll(fd->get(), request.input);
    Reader reader(fd->get());
    for (;;) {
      auto head = reader.line();
      auto parts = cut(head, ' ');
      if (!parts) return fail(Errc::syntax, "malformed reply of the server");
      if (parts->first == "x") return static_cast<int>(counted(parts->second, 255));
      auto text64 = reader.bytes(counted(parts->second, 1 << 20));
      (parts->first == "o" ? out : err) << text64 << std::flush;
    }
  } catch (const Hangup& gone) {
    return fail(Errc::temporary, gone.what());
  }
}

}  // namespace mox::app
