#include "store/Damage.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>

namespace mox::store {

namespace {

constexpr std::size_t headerSize = 100;
constexpr std::size_t formatAt = 60;
constexpr std::string_view magic("SQLite format 3\0", 16);

/// Less than a header if the file is shorter.
std::string headerOf(Files& files, const std::string& path) {
  auto fd = files.openRead(path);
  std::string header(headerSize, '\0');
  auto got = ::pread(fd.get(), header.data(), header.size(), 0);
  if (got < 0) throw FileError(errno, std::generic_category(), "reading " + path);
  header.resize(static_cast<std::size_t>(got));
  return header;
}

std::uint32_t formatOf(std::string_view header) {
  std::uint32_t format = 0;
  for (char c : header.substr(formatAt, 4)) format = format << 8 | static_cast<unsigned char>(c);
  return format;
}

std::string markOf(const std::string& databasePath) { return databasePath + "-moving"; }

}  // namespace

bool hasRemains(Files& files, const std::string& accountDirectory) {
  if (files.size(accountDirectory + "/search.db") >= 0) return true;  // made once the tables of an account were
  auto bodies = accountDirectory + "/bodies";
  auto folders = files.list(bodies);
  return std::any_of(folders.begin(), folders.end(), [&](const auto& folder) { return !files.list(bodies + "/" + folder).empty(); });
}

std::string emptyBesideRemains(const std::string& databasePath, const std::string& how) {
  return databasePath + ": " + how + ", but the folder has what is left of an account, which stays as it is: restore the database from a backup, or move "
         "the folder away to begin anew";
}

std::string accountDamage(Files& files, const std::string& accountDirectory) {
  auto path = accountDirectory + "/account.db";
  auto size = files.size(path);
  if (size <= 0) {
    // A WAL without its database is of no use to SQLite, which removes it.
    bool isLost = files.size(path + "-wal") > 0 || hasRemains(files, accountDirectory);
    return isLost ? emptyBesideRemains(path, size < 0 ? "the database is missing" : "the database is empty") : "";
  }
  auto header = headerOf(files, path);
  if (header.size() < headerSize || !header.starts_with(magic)) return path + ": damaged: this is not a database; restore it from a backup";
  // With a WAL only SQLite knows the format.
  if (formatOf(header) == 0 && files.size(path + "-wal") <= 0 && hasRemains(files, accountDirectory))
    return emptyBesideRemains(path, "the database is empty or damaged");
  return "";
}

std::uint32_t formatInHeader(Files& files, const std::string& databasePath) {
  if (files.size(databasePath) <= 0) return 0;
  auto header = headerOf(files, databasePath);
  return header.size() == headerSize && header.starts_with(magic) ? formatOf(header) : 0;
}

std::string moveAway(Files& files, const std::string& path, const std::string& folder, const std::string& name) {
  files.makeDirectory(folder);
  auto to = folder + "/" + name, free = to;
  // Numbers of body files are given again: another of that name may have been moved before.
  for (int again = 2; files.size(free) >= 0; ++again) free = to + "-" + std::to_string(again);
  files.rename(path, free);
  return free;
}

void moveBodyAway(Files& files, const std::string& accountDirectory, const std::string& folder, const std::string& name) {
  moveAway(files, accountDirectory + "/bodies/" + folder + "/" + name, accountDirectory + "/moved", folder + "-" + name);
}

bool leftByCrash(Files& files, const std::string& databasePath) {
  return files.size(databasePath + "-wal") >= 0 && files.size(markOf(databasePath)) < 0;
}

void beginMovingAway(Files& files, const std::string& databasePath) {
  if (files.size(markOf(databasePath)) >= 0) return;
  static_cast<void>(files.create(markOf(databasePath)));
  files.syncDirectory(databasePath.substr(0, databasePath.rfind('/')));
}

void endMovingAway(Files& files, const std::string& databasePath, const std::vector<std::string>& folders) {
  if (files.size(markOf(databasePath)) < 0) return;
  for (const auto& folder : folders) {
    files.makeDirectory(folder);
    files.syncDirectory(folder);
  }
  files.remove(markOf(databasePath));
}

}  // namespace mox::store
