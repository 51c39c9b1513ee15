// How the configuration reads files: handed in, so that tests need no disk.
#pragma once

#include <concepts>
#include <functional>
#include <string>
#include <type_traits>
#include <utility>

#include "base/Result.h"

namespace mox::config {

/// What can be said of a file without its content.
struct FileInfo {
  bool isRegular = true;
  bool othersMayRead = false;  ///< mode o+r
  std::string realPath;        ///< with symbolic links followed
};

class FileReader {
 public:
  using Read = std::function<Result<std::string>(const std::string& path)>;
  using Look = std::function<Result<FileInfo>(const std::string& path)>;

  /// From any function that reads; without `look` all files are regular ones of their owner alone.
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, FileReader> && std::is_invocable_r_v<Result<std::string>, F&, const std::string&>)
  FileReader(F&& read, Look look = nullptr) : read_(std::forward<F>(read)), look_(std::move(look)) {}

  /// Content of the file at a path, at most maxFileBytes; Errc::notFound, denied or temporary with a reason that
  /// does not repeat the path.
  Result<std::string> operator()(const std::string& path) const { return read_(path); }
  /// The same errors.
  Result<FileInfo> look(const std::string& path) const { return look_ ? look_(path) : FileInfo{true, false, path}; }

 private:
  Read read_;
  Look look_;
};

/// Reads regular files from disk.
FileReader diskFiles();

/// Directory of a path, "." if it has none.
std::string directoryOf(const std::string& path);
/// `path` if it is absolute, else below `directory`.
std::string resolvePath(const std::string& directory, const std::string& path);

}  // namespace mox::config
