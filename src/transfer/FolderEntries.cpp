#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "store/Files.h"
#include "transfer/Entries.h"

namespace mox::transfer {

namespace {

using store::Fd;
using store::FileError;

constexpr std::size_t pieceSize = 256 * 1024;

tl::unexpected<Error> cannot(const std::string& path) {
  auto code = errno == EACCES || errno == EPERM ? Errc::denied : Errc::notFound;
  return fail(code, path + ": " + std::generic_category().message(errno));
}

/// Names of a folder in one block: a maildir may have a million.
class Names {
 public:
  void add(std::string_view name) {
    starts_.push_back(text_.size());
    text_.append(name).push_back('\0');
  }
  void sort() {
    std::sort(starts_.begin(), starts_.end(), [&](std::size_t a, std::size_t b) { return at(a) < at(b); });
  }
  std::optional<std::string> next() {
    if (next_ == starts_.size()) return std::nullopt;
    return std::string(at(starts_[next_++]));
  }

 private:
  std::string_view at(std::size_t start) const { return text_.data() + start; }
  std::string text_;
  std::vector<std::size_t> starts_;
  std::size_t next_ = 0;
};

struct Level {
  std::string path;  ///< below the root, with "/" at the end, or ""
  Names files, folders;
};

class FolderEntries final : public Entries {
 public:
  explicit FolderEntries(std::string root) : root_(std::move(root)) {}

  Result<void> enter(const std::string& path) {
    auto full = root_ + "/" + path;
    std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(full.c_str()), ::closedir);
    if (!folder) return cannot(full);
    Level level{path.empty() ? "" : path + "/", {}, {}};
    for (errno = 0; const auto* item = ::readdir(folder.get()); errno = 0) {
      std::string name = item->d_name;
      if (name == "." || name == "..") continue;
      auto type = item->d_type == DT_UNKNOWN ? typeOf(full + "/" + name) : item->d_type;
      if (type == DT_REG || type == DT_LNK) level.files.add(name);
      if (type == DT_DIR) level.folders.add(name);
    }
    if (errno != 0) throw FileError(errno, std::generic_category(), "listing " + full);
    level.files.sort();
    level.folders.sort();
    levels_.push_back(std::move(level));
    return {};
  }

  Result<std::optional<Entry>> next() override {
    fd_ = Fd();
    while (!levels_.empty()) {
      auto& level = levels_.back();
      if (auto name = level.files.next()) {
        current_ = level.path + *name;
        if (auto entry = file()) return entry;
      } else if (auto folder = level.folders.next()) {
        auto path = level.path + *folder;
        auto entered = enter(path);
        return Entry{path, std::nullopt, true, entered ? "" : entered.error().text};
      } else {
        levels_.pop_back();
      }
    }
    return std::nullopt;
  }

  Result<std::string_view> read() override {
    auto full = root_ + "/" + current_;
    if (!fd_) {
      fd_ = Fd(::open(full.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
      if (!fd_) return cannot(full);
    }
    piece_.resize(pieceSize);
    ssize_t got;
    do got = ::read(fd_.get(), piece_.data(), piece_.size());
    while (got < 0 && errno == EINTR);
    if (got < 0) throw FileError(errno, std::generic_category(), "reading " + full);
    return std::string_view(piece_).substr(0, static_cast<std::size_t>(got));
  }

 private:
  static unsigned char typeOf(const std::string& path) {
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) return DT_UNKNOWN;
    return static_cast<unsigned char>(IFTODT(info.st_mode));
  }

  std::optional<Entry> file() const {
    struct stat info {};
    if (::lstat((root_ + "/" + current_).c_str(), &info) != 0) return std::nullopt;  // gone meanwhile
    return Entry{current_, fromUnixSeconds(info.st_mtim.tv_sec), false, S_ISLNK(info.st_mode) ? symlinkUnread : ""};
  }

  const std::string root_;
  std::vector<Level> levels_;
  std::string current_, piece_;
  Fd fd_;
};

/// A single file, as the only entry of its folder.
class OneFile final : public Entries {
 public:
  explicit OneFile(Fd fd, std::string path, std::optional<Time> modified) : fd_(std::move(fd)), path_(std::move(path)), modified_(modified) {}

  Result<std::optional<Entry>> next() override {
    if (std::exchange(given_, true)) return std::nullopt;
    return Entry{path_, modified_, false};
  }
  Result<std::string_view> read() override {
    piece_.resize(pieceSize);
    ssize_t got;
    do got = ::read(fd_.get(), piece_.data(), piece_.size());
    while (got < 0 && errno == EINTR);
    if (got < 0) throw FileError(errno, std::generic_category(), "reading " + path_);
    return std::string_view(piece_).substr(0, static_cast<std::size_t>(got));
  }

 private:
  Fd fd_;
  std::string path_, piece_;
  std::optional<Time> modified_;
  bool given_ = false;
};

}  // namespace

Result<std::unique_ptr<Entries>> openFolder(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return cannot(path);
  if (!S_ISDIR(info.st_mode)) {
    Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return cannot(path);
    return std::make_unique<OneFile>(std::move(fd), path.substr(path.rfind('/') + 1), fromUnixSeconds(info.st_mtim.tv_sec));
  }
  auto entries = std::make_unique<FolderEntries>(path);
  if (auto entered = entries->enter(""); !entered) return tl::unexpected(entered.error());
  return entries;
}

Result<PathKind> pathKind(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return cannot(path);
  if (S_ISDIR(info.st_mode)) return PathKind::folder;
  if (!S_ISREG(info.st_mode)) return fail(Errc::unsupported, path + ": neither a file nor a folder");
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return cannot(path);
  char head[512];
  auto got = ::read(fd.get(), head, sizeof head);
  if (got < 0) throw FileError(errno, std::generic_category(), "reading " + path);
  std::string_view text(head, static_cast<std::size_t>(got));
  bool packed = text.starts_with("PK\3\4") || text.starts_with("PK\5\6") || text.starts_with("\x1f\x8b");
  return packed || (text.size() > 262 && text.substr(257, 5) == "ustar") ? PathKind::archive : PathKind::file;
}

}  // namespace mox::transfer
