// Entries: the files below a folder or in an archive, one after the other, each read in pieces. Names are only names:
// nothing here or above makes a file of them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "base/Result.h"

namespace mox::transfer {

// Hostile archives; hostile-inputs.md §4, 31.
inline constexpr std::uint64_t maxArchiveRatio = 200;                ///< octets unpacked for one read, once there are
inline constexpr std::uint64_t archiveRatioFrom = 64ull << 20;       ///< so many unpacked
inline constexpr std::uint64_t maxArchiveEntries = 20'000'000;
inline constexpr std::size_t maxEntryPath = 4'096;                   ///< octets of a name

struct Entry {
  std::string path;  ///< below the root, levels divided by "/"
  std::optional<Time> modified;
  bool isFolder = false;
  std::string unread = {};  ///< why its octets, or what is in the folder, cannot be told; "" if they can
  std::string linkTo = {};  ///< of a hard link in an archive: the path of the entry that has the octets
};

/// A target outside of the tree may be anybody's file that the server can read; one inside comes by its own name.
inline constexpr const char* symlinkUnread = "a symbolic link, which is not followed; what it points to can be imported by itself";

/// Errors: Errc for what the input is (syntax: damaged; tooLong: beyond maxArchiveRatio; tooMany: beyond maxArchiveEntries); store::FileError for the machine.
class Entries {
 public:
  virtual ~Entries() = default;
  /// To the next one; nothing at the end.
  virtual Result<std::optional<Entry>> next() = 0;
  /// The next piece of the file, valid until the next call; "" at its end.
  virtual Result<std::string_view> read() = 0;
};

/// Regular files, symbolic links (unread) and folders below `path`, in the order of their names, files before folders;
/// devices and the like are passed over. Or `path` itself if it is a file. Errc::notFound, denied.
Result<std::unique_ptr<Entries>> openFolder(const std::string& path);
/// zip, tar and tar with gzip, links as in a folder but for hard ones. Errc::notFound, denied, unsupported.
Result<std::unique_ptr<Entries>> openArchive(const std::string& path);

enum class PathKind { folder, archive, file };
/// By what it begins with. Errc::notFound, denied.
Result<PathKind> pathKind(const std::string& path);

}  // namespace mox::transfer
