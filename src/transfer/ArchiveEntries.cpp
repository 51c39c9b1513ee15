#include <algorithm>

#include "base/Text.h"
#include "transfer/Archive.h"
#include "transfer/Entries.h"

namespace mox::transfer {

namespace {

constexpr std::size_t blockSize = 64 * 1024;

class ArchiveEntries final : public Entries {
 public:
  explicit ArchiveEntries(std::string path) : path_(std::move(path)), archive_(archive_read_new()) {}

  Result<void> open() {
    // Only what is asked for: each format is code that hostile input reaches.
    archive_read_support_format_zip(archive_.get());
    archive_read_support_format_tar(archive_.get());
    archive_read_support_filter_gzip(archive_.get());
    if (archive_read_open_filename(archive_.get(), path_.c_str(), blockSize) != ARCHIVE_OK) return damaged();
    return {};
  }

  Result<std::optional<Entry>> next() override {
    Utf8Names names;
    for (;;) {
      archive_entry* found = nullptr;
      int code = archive_read_next_header(archive_.get(), &found);
      if (code == ARCHIVE_EOF) return std::nullopt;
      if (code < ARCHIVE_WARN) return damaged();
      if (++entries_ > maxArchiveEntries) return fail(Errc::tooMany, path_ + ": too many entries");
      Entry entry;
      auto type = archive_entry_filetype(found);
      // A hard link is one as long as its octets do not come with it: then it is a file as any other.
      if (type != AE_IFREG || archive_entry_size(found) == 0) entry.linkTo = nameOf(archive_entry_hardlink_utf8(found), archive_entry_hardlink(found));
      if (entry.linkTo.empty() && type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) continue;
      entry.path = nameOf(archive_entry_pathname_utf8(found), archive_entry_pathname(found));
      if (std::max(entry.path.size(), entry.linkTo.size()) > maxEntryPath) return fail(Errc::syntax, path_ + ": an entry with too long a name");
      // A folder's name ends with "/".
      while (entry.path.ends_with('/')) entry.path.pop_back();
      entry.isFolder = type == AE_IFDIR;
      if (type == AE_IFLNK) entry.unread = symlinkUnread;
      if (archive_entry_mtime_is_set(found) != 0) entry.modified = timeOf(archive_entry_mtime(found));
      return entry;
    }
  }

  Result<std::string_view> read() override {
    const void* data = nullptr;
    std::size_t size = 0;
    la_int64_t offset = 0;
    int code;
    do code = archive_read_data_block(archive_.get(), &data, &size, &offset);
    while (code == ARCHIVE_OK && size == 0);
    if (code == ARCHIVE_EOF) return std::string_view();
    if (code < ARCHIVE_WARN) return damaged();
    unpacked_ += size;
    auto taken = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_filter_bytes(archive_.get(), -1), 1));
    if (unpacked_ > archiveRatioFrom && unpacked_ / taken > maxArchiveRatio)
      return fail(Errc::tooLong, path_ + ": unpacks to more than mail does, and is not read further");
    return std::string_view(static_cast<const char*>(data), size);
  }

 private:
  tl::unexpected<Error> damaged() { return fail(Errc::syntax, path_ + ": " + printable(archiveError(archive_.get()))); }

  /// Names that are no UTF-8 are refused later, by name.
  static std::string nameOf(const char* utf8, const char* other) { return utf8 != nullptr ? utf8 : other != nullptr ? other : ""; }

  static std::optional<Time> timeOf(time_t seconds) {
    // Years 1 to 9999, as dates everywhere here.
    constexpr std::int64_t first = -62'135'596'800, last = 253'402'300'799;
    if (seconds < first || seconds > last) return std::nullopt;
    return fromUnixSeconds(seconds);
  }

  const std::string path_;
  ArchiveReader archive_;
  std::uint64_t entries_ = 0, unpacked_ = 0;
};

}  // namespace

Result<std::unique_ptr<Entries>> openArchive(const std::string& path) {
  auto entries = std::make_unique<ArchiveEntries>(path);
  if (auto opened = entries->open(); !opened) return tl::unexpected(opened.error());
  return entries;
}

}  // namespace mox::transfer
