#include "app/FolderLock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace mox::app {

namespace {

constexpr auto pause = std::chrono::milliseconds(20);  // between tries: flock(2) itself waits for ever

}  // namespace

Result<FolderLock> FolderLock::take(const std::string& folder, Duration patience) {
  store::Fd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail(Errc::denied, folder + ": " + std::strerror(errno));
  auto until = std::chrono::steady_clock::now() + patience;
  while (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return fail(Errc::denied, folder + " cannot be locked: " + std::strerror(errno));
    if (std::chrono::steady_clock::now() >= until) return fail(Errc::timeout, "somebody else is changing what is in " + folder + ": try again");
    std::this_thread::sleep_for(pause);
  }
  return FolderLock(std::move(fd));
}

}  // namespace mox::app
