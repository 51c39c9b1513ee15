#include "app/PassedPath.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <ostream>
#include <stdexcept>
#include <streambuf>
#include <vector>

#include "app/Ctl.h"
#include "app/FileWalk.h"
#include "app/Privileges.h"
#include "app/Server.h"
#include "config/Files.h"
#include "store/Files.h"

namespace mox::app {

namespace {

constexpr mode_t folderMode = 0700;  // what comes into it is somebody's mail

std::string replaced(std::string text, const std::string& what, const std::string& with) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) text.replace(at, what.size(), with);
  return text;
}

/// Passes lines on with one path in place of another.
class Renaming final : public std::streambuf {
 public:
  Renaming(std::ostream& to, std::string what, std::string with) : to_(to), what_(std::move(what)), with_(std::move(with)) {}

 protected:
  int overflow(int c) override {
    if (c != traits_type::eof()) held_ += static_cast<char>(c);
    if (c == '\n') flushHeld();
    return traits_type::not_eof(c);
  }
  int sync() override {
    flushHeld();
    to_ << std::flush;
    return 0;
  }

 private:
  void flushHeld() {
    to_ << replaced(std::move(held_), what_, with_);
    held_.clear();
  }

  std::ostream& to_;
  const std::string what_, with_;
  std::string held_;
};

std::shared_ptr<net::Fd> openAt(const std::string& path) {
  int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  return fd < 0 ? nullptr : std::make_shared<net::Fd>(fd);
}

/// The user of the server: who has listened at the socket, or the owner of the data directory if we may not ask there.
std::optional<ucred> serverUser(const std::string& ctlPath) {
  if (auto fd = tryConnect(ctlPath)) {
    ucred user{};
    socklen_t size = sizeof user;
    if (::getsockopt(fd->get(), SOL_SOCKET, SO_PEERCRED, &user, &size) == 0) return user;
  }
  struct stat info {};
  if (::stat(config::directoryOf(ctlPath).c_str(), &info) != 0) return std::nullopt;
  return ucred{0, info.st_uid, info.st_gid};
}

/// Makes what lacks of a folder and gives it to the server, to whom root's would be closed. By descriptors and without
/// following links below what is there: whoever owns that could put one in our way. Leaves it to the server to say what it
/// cannot do where we may not: root in a container need not be almighty.
void makeFolders(const std::string& path, const ucred& user) {
  std::vector<std::string> lacking;
  auto at = path;
  net::Fd above(::open(at.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  while (!above && errno == ENOENT && at != "/" && at != ".") {
    lacking.push_back(at.substr(at.rfind('/') + 1));
    at = config::directoryOf(at);
    above.reset(::open(at.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  }
  std::vector<net::Fd> made;
  for (auto name = lacking.rbegin(); name != lacking.rend() && above; ++name) {
    if (::mkdirat(above.get(), name->c_str(), folderMode) != 0) break;
    net::Fd folder(::openat(above.get(), name->c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!folder) break;
    above.reset(::dup(folder.get()));
    made.push_back(std::move(folder));
  }
  // The deepest first: what is given away may be changed by who has it.
  for (auto folder = made.rbegin(); folder != made.rend(); ++folder) {
    struct stat info {};
    if (::fstat(folder->get(), &info) != 0 || info.st_uid != ::geteuid()) continue;  // not the one we made
    if (::fchown(folder->get(), user.uid, user.gid) != 0) break;
  }
}

/// True if the server would come to the same by the name, and may write there (or read, of a file).
bool isSeen(const std::string& at, int fd) {
  struct stat passed {};
  if (::fstat(fd, &passed) != 0) return false;
  return FileId::of(at) == FileId{passed.st_dev, passed.st_ino} && ::access(at.c_str(), S_ISDIR(passed.st_mode) ? W_OK | X_OK : R_OK) == 0;
}

}  // namespace

void PassedPath::addTo(CtlRequest& request) const {
  if (!fd) return;
  request.passed = fd;
  request.words.insert(request.words.begin() + 1, {std::string("-") + passedOption, at});
}

PassedPath passSource(const std::string& path) { return {openAt(path), path}; }

PassedPath passParent(const std::string& path) {
  auto above = config::directoryOf(path);
  return {openAt(above), above};
}

PassedPath passFolder(const std::string& path, const std::string& ctlPath) {
  if (isRoot())
    if (auto user = serverUser(ctlPath)) makeFolders(path, *user);
  for (auto at = path;; at = config::directoryOf(at)) {
    auto fd = openAt(at);
    if (fd || errno != ENOENT || at == "/" || at == ".") return {fd, at};
  }
}

int withPassedPath(const ServerParts& server, Invocation& call, const std::string& at, const std::string& named,
                   const std::function<int(Invocation& call, const std::string& path)>& run) {
  if (at.empty() || !server.passed || !named.starts_with(at) || isSeen(at, server.passed->get())) return run(call, named);
  auto prefix = "/proc/self/fd/" + std::to_string(server.passed->get());
  auto name = at == "/" ? "" : at;
  auto rest = named.substr(name.size());
  if (!rest.empty() && rest[0] != '/') return run(call, named);
  Renaming outLines(call.out, prefix, name), errLines(call.err, prefix, name);
  std::ostream out(&outLines), err(&errLines);
  Invocation inner{call.configPath, call.pedantic, call.logLevel, call.args, call.in, out, err, call.words};
  try {
    int status = run(inner, prefix + rest);
    out.flush();
    err.flush();
    return status;
  } catch (const std::runtime_error& broken) {
    out.flush();
    err.flush();
    throw std::runtime_error(replaced(broken.what(), prefix, name));
  }
}

}  // namespace mox::app
