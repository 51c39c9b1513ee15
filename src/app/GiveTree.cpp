#include "app/GiveTree.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <system_error>
#include <vector>

#include "net/Sockets.h"

namespace mox::app {

namespace {

constexpr int mostLinks = 40;  // the kernel's own bound on the way to a file, path_resolution(7)

void require(bool done, const std::string& what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

net::Fd openEntry(int folder, const std::string& name) { return net::Fd(::openat(folder, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)); }

struct stat look(int fd, const std::string& path) {
  struct stat info {};
  require(::fstat(fd, &info) == 0, path);
  return info;
}

std::string linkTarget(int link, const std::string& path) {
  std::string target(PATH_MAX, '\0');
  auto size = ::readlinkat(link, "", target.data(), target.size());
  require(size >= 0, path);
  target.resize(static_cast<std::size_t>(size));
  return target;
}

/// What is at `path`. For root by its own links only; none if another's is on the way: he chose where it leads.
net::Fd openTop(const std::string& path) {
  auto root = [] { return net::Fd(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)); };
  auto rest = std::filesystem::absolute(path).string();
  auto at = root();
  for (int links = 0; !rest.empty();) {
    auto name = rest.substr(0, rest.find('/'));
    rest.erase(0, name.size() + 1);
    if (name.empty()) continue;
    auto next = openEntry(at.get(), name);
    require(bool(next), path);
    auto info = look(next.get(), path);
    if (!S_ISLNK(info.st_mode)) {
      at = std::move(next);
      continue;
    }
    if ((isRoot() && info.st_uid != 0) || ++links > mostLinks) return {};
    auto target = linkTarget(next.get(), path);
    if (target.starts_with('/')) at = root();
    rest = target + "/" + rest;
  }
  return at;
}

/// None of a folder that may not be read.
std::vector<std::string> namesIn(int folder, const std::string& path) {
  net::Fd readable(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!readable && errno == EACCES) return {};
  require(bool(readable), path);
  std::unique_ptr<DIR, int (*)(DIR*)> entries(::fdopendir(readable.get()), &::closedir);
  require(entries != nullptr, path);
  readable.release();  // closed with the stream
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const auto* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  require(errno == 0, path);
  return names;
}

class Giving {
 public:
  Giving(const OwnerOf& owner, const std::function<void(const std::string& path)>& opened) : owner_(owner), opened_(opened) {}

  /// What is in a folder comes first: once it is the user's, root may have no right to look into it, or to change its mode.
  void give(int entry, const std::string& path, int depth) const {
    if (opened_) opened_(path);
    auto info = look(entry, path);
    bool isFolder = S_ISDIR(info.st_mode);
    if (isFolder && depth > 0)
      for (const auto& name : namesIn(entry, path)) giveNamed(entry, name, path + "/" + name, depth - 1);
    bool isPlain = isFolder || (S_ISREG(info.st_mode) && info.st_nlink == 1);
    if (!isPlain || info.st_uid != ::geteuid()) return;
    auto owner = owner_(path, isFolder);
    // A descriptor that has only the place of an entry takes no fchmod().
    if (owner.mode) require(::chmod(("/proc/self/fd/" + std::to_string(entry)).c_str(), *owner.mode) == 0, "giving " + path);
    require(::fchownat(entry, "", owner.uid, owner.gid, AT_EMPTY_PATH) == 0, "giving " + path);
  }

 private:
  void giveNamed(int folder, const std::string& name, const std::string& path, int depth) const {
    auto entry = openEntry(folder, name);
    if (!entry && (errno == ENOENT || errno == EACCES)) return;  // gone meanwhile, or in a folder that may not be passed
    require(bool(entry), path);
    give(entry.get(), path, depth);
  }

  const OwnerOf& owner_;
  const std::function<void(const std::string& path)>& opened_;
};

}  // namespace

bool giveTree(const std::string& path, const OwnerOf& owner, const std::function<void(const std::string& path)>& opened) {
  auto top = openTop(path);
  if (top) Giving(owner, opened).give(top.get(), path, givenDepth);
  return bool(top);
}

bool giveTree(const std::string& path, const ServiceUser& user, const std::function<void(const std::string& path)>& opened) {
  return giveTree(path, [&user](const std::string&, bool) { return Owner{user.uid, user.gid, std::nullopt}; }, opened);
}

}  // namespace mox::app
