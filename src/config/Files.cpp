#include "config/Files.h"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "config/Document.h"

namespace mox::config {

namespace {

constexpr std::size_t pieceBytes = 16 * 1024;  // files are small, and stay in memory as large as they were read

Result<std::string> readDisk(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errno == ENOENT ? Errc::notFound : Errc::denied, std::strerror(errno == 0 ? EIO : errno));
  if (std::filesystem::is_directory(path)) return fail(Errc::denied, "is a directory");
  std::string out;
  char piece[pieceBytes];
  while (in.read(piece, sizeof piece), in.gcount() > 0) {
    out.append(piece, static_cast<std::size_t>(in.gcount()));
    if (out.size() > maxFileBytes) return fail(Errc::tooLong, "file is larger than 16 MiB");
  }
  if (in.bad()) return fail(Errc::temporary, "read error");
  return out;
}

Result<FileInfo> lookAtDisk(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return fail(errno == ENOENT ? Errc::notFound : Errc::denied, std::strerror(errno));
  std::error_code unknown;
  auto real = std::filesystem::canonical(path, unknown);
  return FileInfo{S_ISREG(found.st_mode), (found.st_mode & S_IROTH) != 0, unknown ? path : real.string()};
}

}  // namespace

FileReader diskFiles() { return FileReader(&readDisk, &lookAtDisk); }

std::string directoryOf(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string resolvePath(const std::string& directory, const std::string& path) {
  if (path.starts_with('/')) return path;
  return directory == "." ? path : directory + (directory.ends_with('/') ? "" : "/") + path;
}

}  // namespace mox::config
