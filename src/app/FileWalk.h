// FileWalk: which files a backup has to copy from a folder, found before anything is copied.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mox::app {

/// A file or folder whatever its name, which may differ between two views of a file system.
struct FileId {
  dev_t device = 0;
  ino_t number = 0;
  bool operator==(const FileId&) const = default;

  /// All zero if there is nothing at the path.
  static FileId of(const std::string& path);
  /// `path`, or what there is on the way to it, and the folders that is in up to the root.
  static std::vector<FileId> upwards(std::string path);
};

class FileWalk {
 public:
  struct Options {
    std::vector<FileId> leftOut = {};   ///< files and folders that are not looked at
    bool followFolders = false;         ///< also links to folders; links to files are followed in any case
    std::size_t maxFiles = SIZE_MAX;
    std::uint64_t maxBytes = UINT64_MAX;
  };
  struct Found {
    std::string from;
    std::string to;  ///< below the folder
  };

  explicit FileWalk(Options options) : options_(std::move(options)) {}

  /// Finds what is in the folder. Other backups in it are left out: each would copy all the others. Does not throw for what
  /// cannot be read, that is among the problems.
  void look(const std::string& folder, const std::string& below = "");
  /// One entry of a folder.
  void add(const std::string& path, const std::string& below);

  std::vector<Found> files;
  std::vector<std::string> folders;   ///< all of them, below the folder, parents first
  std::vector<std::string> problems;  ///< what cannot be read, with paths
  std::vector<std::string> skipped;   ///< what is not taken, with the reason
  bool isTooMuch = false;             ///< ended at one of the limits

 private:
  bool isLeftOut(const FileId& id) const;
  void addFolder(const std::string& path, const std::string& below, const FileId& id, bool isLink);

  Options options_;
  std::vector<FileId> above_;  ///< folders we are in
  std::uint64_t bytes_ = 0;
};

/// True for a destination of `mox backup`, whole or not.
bool isBackup(const std::string& folder);

/// A backup has this file in its data directory until it is whole.
inline constexpr std::string_view unfinishedBackupFile = "backup-unfinished";
/// And this one with the version that made it.
inline constexpr std::string_view backupVersionFile = "moxversion";

}  // namespace mox::app
