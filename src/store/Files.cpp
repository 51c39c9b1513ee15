#include "store/Files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <memory>
#include <utility>

namespace mox::store {

namespace {

[[noreturn]] void raise(const char* doing, const std::string& path) {
  throw FileError(errno, std::generic_category(), std::string(doing) + " " + path);
}

/// Where an open file is, for messages.
std::string pathOf(int fd) {
  auto link = "/proc/self/fd/" + std::to_string(fd);
  std::string path(PATH_MAX, '\0');
  auto got = ::readlink(link.c_str(), path.data(), path.size());
  return got < 0 ? "a file" : path.substr(0, static_cast<std::size_t>(got));
}

/// raise() for what has failed at an open file.
[[noreturn]] void raiseOpen(const char* doing, int fd) {
  auto error = errno;
  auto path = pathOf(fd);
  errno = error;
  raise(doing, path);
}

int openRetrying(const std::string& path, int flags) {
  int fd;
  do {
    fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

std::string parentOf(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

bool FileError::isDiskFull() const { return code().value() == ENOSPC || code().value() == EDQUOT; }

Fd::~Fd() {
  // What matters was synced before; the result of closing says nothing more.
  if (fd_ >= 0) ::close(fd_);
}

Fd& Fd::operator=(Fd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

int Fd::release() { return std::exchange(fd_, -1); }

Fd Files::create(const std::string& path) {
  int fd = openRetrying(path, O_RDWR | O_CREAT | O_EXCL);
  if (fd < 0) raise("creating", path);
  return Fd(fd);
}

Fd Files::openRead(const std::string& path) {
  int fd = openRetrying(path, O_RDONLY);
  if (fd < 0) raise("opening", path);
  return Fd(fd);
}

void Files::write(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) raiseOpen("writing", fd);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void Files::writeAt(int fd, std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    auto written = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) raise("writing", "a spool file");
    bytes.remove_prefix(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
}

void Files::sync(int fd) {
  if (::fdatasync(fd) != 0) raiseOpen("syncing", fd);
}

void Files::syncDirectory(const std::string& path) {
  Fd fd(openRetrying(path, O_RDONLY | O_DIRECTORY));
  if (!fd) raise("opening", path);
  if (::fsync(fd.get()) != 0) raise("syncing", path);
}

void Files::link(const std::string& from, const std::string& to) {
  if (::link(from.c_str(), to.c_str()) != 0) raise("linking", to);
}

void Files::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) raise("renaming to", to);
}

bool Files::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return true;
  if (errno != ENOENT) raise("removing", path);
  return false;
}

void Files::makeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return syncDirectory(parentOf(path));
  if (errno == EEXIST) return;
  if (errno != ENOENT || parentOf(path) == path) raise("creating", path);
  makeDirectory(parentOf(path));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) raise("creating", path);
  syncDirectory(parentOf(path));
}

std::vector<std::string> Files::list(const std::string& path) {
  std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory && errno == ENOENT) return {};
  if (!directory) raise("listing", path);
  std::vector<std::string> names;
  errno = 0;
  while (const auto* entry = ::readdir(directory.get())) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
    errno = 0;
  }
  if (errno != 0) raise("listing", path);
  return names;
}

std::int64_t Files::size(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) == 0) return info.st_size;
  if (errno != ENOENT) raise("looking at", path);
  return -1;
}

}  // namespace mox::store
