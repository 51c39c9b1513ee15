#include "app/ManagedConfig.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "config/Files.h"

namespace mox::app {

namespace {

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
  for (const auto& path : created.made()) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) throw std::system_error(errno, std::generic_category(), path);
    bool directory = S_ISDIR(info.st_mode);
    mode_t group = (file.st_mode & 0040) == 0 ? 0 : directory ? 0050 : 0040;
    bool other = info.st_gid != file.st_gid || info.st_uid != file.st_uid;
    if (other && ::geteuid() == 0 && ::chown(path.c_str(), file.st_uid, file.st_gid) != 0) throw std::system_error(errno, std::generic_category(), path);
    if (::chmod(path.c_str(), (directory ? 0700 : 0600) | group) != 0) throw std::system_error(errno, std::generic_category(), path);
  }
}

/// The new file is in place when `placed` is called; then it only remains to make that durable.
void replaceFile(store::Files& files, const std::string& link, const std::string& text, const struct stat& before, const std::function<void()>& placed) {
  auto path = std::filesystem::canonical(link).string();  // a symbolic link stays one
  auto fresh = path + ".new";
  files.remove(fresh);  // of a change that a crash ended
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
    return fail(Errc::denied, fmt::format("{}; the user that does this must be able to write to the directory of {}", error.what(), path));
  }
}

}  // namespace mox::app
