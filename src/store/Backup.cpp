#include "store/Backup.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <sqlite3.h>

#include "store/Db.h"
#include "store/Schema.h"

namespace mox::store {

namespace {

constexpr std::size_t pieceSize = 256 * 1024;

std::string parentOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

/// The next piece; "" at the end.
std::string readPiece(int fd, const std::string& path) {
  std::string piece(pieceSize, '\0');
  ssize_t got;
  do got = ::read(fd, piece.data(), piece.size());
  while (got < 0 && errno == EINTR);
  if (got < 0) throw FileError(errno, std::generic_category(), "reading " + path);
  piece.resize(static_cast<std::size_t>(got));
  return piece;
}

/// The same file, or one that copyOctets() made of it. Numbers of body files can be given again after the last one was
/// removed, so a name and a size do not make it the same.
bool isSame(const struct stat& from, const struct stat& to) {
  bool isLink = from.st_dev == to.st_dev && from.st_ino == to.st_ino;
  bool isCopy = from.st_size == to.st_size && from.st_mtim.tv_sec == to.st_mtim.tv_sec && from.st_mtim.tv_nsec == to.st_mtim.tv_nsec;
  return isLink || isCopy;
}

/// False if there is no such file.
bool look(const std::string& path, struct stat& info) {
  if (::stat(path.c_str(), &info) == 0) return true;
  if (errno != ENOENT) throw FileError(errno, std::generic_category(), "looking at " + path);
  return false;
}

void copyOctets(Files& files, const std::string& from, const std::string& to) {
  auto in = files.openRead(from);
  auto part = to + ".new";
  files.remove(part);  // of a backup that was interrupted
  auto out = files.create(part);
  for (auto piece = readPiece(in.get(), from); !piece.empty(); piece = readPiece(in.get(), from)) files.write(out.get(), piece);
  struct stat info {};
  if (::fstat(in.get(), &info) != 0) throw FileError(errno, std::generic_category(), "looking at " + from);
  timespec times[2] = {info.st_mtim, info.st_mtim};
  if (::futimens(out.get(), times) != 0) throw FileError(errno, std::generic_category(), "setting the time of " + part);
  files.sync(out.get());
  files.rename(part, to);
}

}  // namespace

std::int64_t copiedStamp(Files& files, const std::string& path) {
  // What lies in a WAL or a journal beside it is somebody's work on the copy.
  if (files.size(path) <= 0 || files.size(path + "-wal") > 0 || files.size(path + "-journal") > 0) return 0;
  std::string uri = "file:";
  for (char c : path) {
    if (c == '%' || c == '?' || c == '#') uri += c == '%' ? "%25" : c == '?' ? "%3f" : "%23";
    else uri += c;
  }
  uri += "?immutable=1";  // nothing is written beside it
  sqlite3* db = nullptr;
  int code = sqlite3_open_v2(uri.c_str(), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, vfsOfPlainNames());
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> owner(db, sqlite3_close_v2);
  sqlite3_stmt* statement = nullptr;
  if (code == SQLITE_OK) code = sqlite3_prepare_v2(db, "SELECT stamp, (SELECT user_version FROM pragma_user_version) FROM state", -1, &statement, nullptr);
  std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> row(statement, sqlite3_finalize);
  // A damaged one, or one of an older format, is simply copied anew.
  if (code != SQLITE_OK || sqlite3_step(statement) != SQLITE_ROW || sqlite3_column_int(statement, 1) != accountFormat) return 0;
  return sqlite3_column_int64(statement, 0);
}

void copyDatabase(Db& from, Files& files, const std::string& to) {
  auto part = to + ".new";
  for (const char* tail : {"", "-journal", "-wal", "-shm"}) files.remove(part + tail);
  from.backup(part);  // synced by SQLite
  // A WAL left beside the old copy would be taken for one of the new.
  for (const char* tail : {"-wal", "-shm"}) files.remove(to + tail);
  files.rename(part, to);
  files.syncDirectory(parentOf(to));
}

bool copyImmutable(Files& files, const std::string& from, const std::string& to, BackupCounts& counts) {
  struct stat source {}, there {};
  if (!look(from, source)) return false;
  if (look(to, there)) {
    if (isSame(source, there)) return ++counts.kept, true;
    files.remove(to);
  }
  ++counts.copied;
  try {
    files.link(from, to);
  } catch (const FileError& error) {
    auto code = error.code().value();
    if (code == ENOENT) return --counts.copied, false;
    // Another file system, one without links, or too many of them.
    if (code != EXDEV && code != EPERM && code != EMLINK && code != EOPNOTSUPP) throw;
    copyOctets(files, from, to);
  }
  return true;
}

std::string readFile(Files& files, const std::string& path) {
  auto in = files.openRead(path);
  std::string all;
  for (auto piece = readPiece(in.get(), path); !piece.empty(); piece = readPiece(in.get(), path)) all += piece;
  return all;
}

void copyFile(Files& files, const std::string& from, const std::string& to, BackupCounts& counts) {
  if (files.size(to) >= 0 && files.size(to) == files.size(from) && readFile(files, to) == readFile(files, from)) {
    ++counts.kept;
    return;
  }
  files.makeDirectory(parentOf(to));
  copyOctets(files, from, to);
  files.syncDirectory(parentOf(to));
  ++counts.copied;
}

}  // namespace mox::store
