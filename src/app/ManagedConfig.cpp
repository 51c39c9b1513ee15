#include "app/ManagedConfig.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "app/FolderLock.h"
#include "app/GiveTree.h"
#include "base/Text.h"
#include "config/Files.h"

namespace mox::app {

namespace {

constexpr std::string_view unfinished = ".new";

/// Errors of a configuration in one line.
std::string inOneLine(const std::vector<config::Problem>& problems) {
  std::string out;
  for (const auto& problem : problems) out += (out.empty() ? "" : "; ") + problem.text();
  return out;
}

std::string withoutPlace(const std::vector<config::Problem>& problems) {
  std::string out;
  for (auto problem : problems) {
    problem.file.clear();
    problem.line = 0;
    out += (out.empty() ? "" : "; ") + problem.text();
  }
  return out;
}

Result<struct stat> look(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return fail(Errc::denied, path + ": " + std::strerror(errno));
  return info;
}

/// Mode, and owner as far as this user may: a file of another owner in a directory that may be written to becomes ours.
void likeBefore(int fd, const struct stat& before, const std::string& path) {
  struct stat now {};
  if (::fstat(fd, &now) != 0) throw std::system_error(errno, std::generic_category(), path);
  if (now.st_gid != before.st_gid && ::fchown(fd, static_cast<uid_t>(-1), before.st_gid) != 0) throw std::system_error(errno, std::generic_category(), path + ": keeping the group");
  if (now.st_uid != before.st_uid && ::fchown(fd, before.st_uid, static_cast<gid_t>(-1)) != 0 && errno != EPERM) throw std::system_error(errno, std::generic_category(), path + ": keeping the owner");
  if (::fchmod(fd, before.st_mode & 07777) != 0) throw std::system_error(errno, std::generic_category(), path + ": keeping the mode");
}

/// Keys made for a change are for whoever reads the file itself.
void keysLikeFile(const CreatedFiles& created, const struct stat& file) {
  constexpr auto same = static_cast<id_t>(-1);
  bool isRoot = ::geteuid() == 0;
  auto owner = [&](const std::string&, bool isFolder) {
    mode_t group = (file.st_mode & 0040) == 0 ? 0 : isFolder ? 0050 : 0040;
    return Owner{isRoot ? file.st_uid : same, isRoot ? file.st_gid : same, (isFolder ? 0700 : 0600) | group};
  };
  for (const auto& path : created.made())
    if (!giveTree(path, owner)) throw std::runtime_error(path + ": a symbolic link of another user is on the way");
}

/// The file itself: a symbolic link stays one, and who comes by another link changes the same.
std::string realPath(const std::string& path) {
  std::error_code none;
  auto real = std::filesystem::canonical(path, none);
  return none ? path : real.string();
}

/// What changes that a crash ended left beside `path`. With the lock held nobody works on them; some are others' to remove.
void removeUnfinished(store::Files& files, const std::string& path) {
  auto folder = config::directoryOf(path);
  auto start = path.substr(path.rfind('/') + 1) + ".";
  for (const auto& name : files.list(folder)) {
    bool isOurs = name.starts_with(start) && name.ends_with(unfinished) && parseUnsigned(std::string_view(name).substr(start.size(), name.size() - std::min(name.size(), start.size() + unfinished.size())));
    if (isOurs) ::unlink(config::resolvePath(folder, name).c_str());
  }
}

/// Who could have made the change.
std::string remedy(const std::string& path, const struct stat& file) {
  auto folder = config::directoryOf(realPath(path));
  struct stat info {};
  auto self = ::geteuid();
  bool sticky = ::stat(folder.c_str(), &info) == 0 && (info.st_mode & S_ISVTX) != 0 && info.st_uid != self && file.st_uid != self;
  if (sticky) return fmt::format("{} is sticky, only its owner may replace {}: the user that does this, which is the server's while it runs, must own it (chown {} {})", folder, path, self, path);
  return fmt::format("the user that does this must be able to write to the directory of {}", path);
}

/// The new file is in place when `placed` is called; then it only remains to make that durable.
void replaceFile(store::Files& files, const std::string& link, const std::string& text, const struct stat& before, const std::function<void()>& placed) {
  auto path = realPath(link);
  removeUnfinished(files, path);
  auto fresh = fmt::format("{}.{}{}", path, ::getpid(), unfinished);
  try {
    auto fd = files.create(fresh);
    files.write(fd.get(), text);
    likeBefore(fd.get(), before, fresh);
    files.sync(fd.get());
    files.rename(fresh, path);
  } catch (...) {
    files.remove(fresh);
    throw;
  }
  placed();
  files.syncDirectory(config::directoryOf(path));
}

}  // namespace

Result<config::ConfigPtr> changeDomains(const ManagedFiles& managed, const Changing& changing) {
  auto path = config::dynamicPath(managed.configPath);
  if (path == managed.configPath) return fail(Errc::unsupported, "a configuration in JSON is not changed by commands: change " + path + " and reload");
  auto lock = FolderLock::take(config::directoryOf(realPath(path)), managed.patience);
  if (!lock) return tl::unexpected(lock.error());
  auto text = managed.read(path);
  if (!text) return fail(Errc::denied, path + ": " + text.error().text);
  auto before = config::loadText(managed.configPath, managed.staticText, *text, managed.read);
  if (!before.ok()) return fail(Errc::syntax, "the configuration has errors that must be corrected first: " + inOneLine(before.errors));
  if (before.config->fixed().declared) return fail(Errc::unsupported, "this configuration is declared: change " + path + " and reload");
  auto info = look(path);
  if (!info) return tl::unexpected(info.error());
  auto file = config::SconfEdit::parse(*text, described::typeOf<config::Dynamic>());
  if (!file) return tl::unexpected(file.error());

  try {
    CreatedFiles created(managed.files, config::directoryOf(managed.configPath));
    Change change{*before.config, *file, created};
    if (auto changed = changing(change); !changed) return tl::unexpected(changed.error());
    auto after = config::loadText(managed.configPath, managed.staticText, file->text(), managed.read);
    if (!after.ok()) return fail(Errc::syntax, "with this change the configuration would be wrong: " + withoutPlace(after.errors));
    if (auto now = managed.read(path); !now || *now != *text) return fail(Errc::conflict, path + " was changed by somebody else meanwhile: nothing was done");
    keysLikeFile(created, *info);
    if (file->text() != *text) replaceFile(managed.files, path, file->text(), *info, [&] { created.keep(); });
    return after.config;
  } catch (const std::system_error& error) {
    // What the server may write is the owner's to decide: an answer, not a failure of the server.
    if (error.code().value() != EACCES && error.code().value() != EPERM && error.code().value() != EROFS) throw;
    return fail(Errc::denied, fmt::format("{}; {}", error.what(), remedy(path, *info)));
  }
}

}  // namespace mox::app
