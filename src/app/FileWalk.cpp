#include "app/FileWalk.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "config/Files.h"
#include "store/Files.h"

namespace mox::app {

namespace {

std::string because(int error) { return std::generic_category().message(error); }

bool isThere(const std::string& path) {
  struct stat info {};
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace

FileId FileId::of(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 ? FileId{info.st_dev, info.st_ino} : FileId{};
}

std::vector<FileId> FileId::upwards(std::string path) {
  while (!path.empty() && path != "/" && path != "." && of(path) == FileId()) path = config::directoryOf(path);
  std::vector<FileId> out;
  for (auto id = of(path); id != FileId() && (out.empty() || id != out.back()); id = of(path)) {  // the root is above itself
    out.push_back(id);
    path += "/..";
  }
  return out;
}

bool isBackup(const std::string& folder) {
  return isThere(folder + "/data/" + std::string(backupVersionFile)) || isThere(folder + "/data/" + std::string(unfinishedBackupFile));
}

bool FileWalk::isLeftOut(const FileId& id) const { return std::find(options_.leftOut.begin(), options_.leftOut.end(), id) != options_.leftOut.end(); }

void FileWalk::look(const std::string& folder, const std::string& below) {
  std::vector<std::string> names;
  try {
    names = store::SystemFiles().list(folder);
  } catch (const store::FileError& error) {
    problems.emplace_back(error.what());
    return;
  }
  std::sort(names.begin(), names.end());
  above_.push_back(FileId::of(folder));
  for (const auto& name : names) {
    if (isTooMuch) break;
    add(folder + "/" + name, below.empty() ? name : below + "/" + name);
  }
  above_.pop_back();
}

void FileWalk::add(const std::string& path, const std::string& below) {
  struct stat link {}, info {};
  if (::lstat(path.c_str(), &link) != 0) {
    if (errno != ENOENT) problems.push_back("looking at " + path + ": " + because(errno));
    return;  // it has gone meanwhile
  }
  if (::stat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) skipped.push_back(path + ": a link to nothing");
    else problems.push_back("looking at " + path + ": " + because(errno));
    return;
  }
  FileId id{info.st_dev, info.st_ino};
  if (isLeftOut(id)) return;
  if (S_ISDIR(info.st_mode)) return addFolder(path, below, id, S_ISLNK(link.st_mode));
  if (!S_ISREG(info.st_mode)) {
    if (S_ISLNK(link.st_mode)) skipped.push_back(path + ": a link to what is neither a file nor a folder");
    return;  // sockets and the like are of their process
  }
  bytes_ += static_cast<std::uint64_t>(info.st_size);
  isTooMuch = files.size() >= options_.maxFiles || bytes_ > options_.maxBytes;
  if (!isTooMuch) files.push_back({path, below});
}

void FileWalk::addFolder(const std::string& path, const std::string& below, const FileId& id, bool isLink) {
  if (isLink && !options_.followFolders) return skipped.push_back(path + ": a link to a folder");
  if (std::find(above_.begin(), above_.end(), id) != above_.end()) return skipped.push_back(path + ": a link to a folder it is in");
  if (isBackup(path)) return skipped.push_back(path + ": another backup");
  folders.push_back(below);
  look(path, below);
}

}  // namespace mox::app
