#include "transfer/Target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/Text.h"
#include "transfer/Archive.h"

namespace mox::transfer {

namespace {

using store::Fd;
using store::FileError;

std::string parentOf(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

[[noreturn]] void exists(const std::string& path) { throw FileError(EEXIST, std::generic_category(), "will not write over " + path); }

class FolderTarget final : public Target {
 public:
  FolderTarget(store::Files& files, std::string root) : files_(files), root_(std::move(root)) {
    if (files_.size(root_) >= 0 && !files_.list(root_).empty()) exists(root_);
    files_.makeDirectory(root_);
  }

  void folder(const std::string& path) override { files_.makeDirectory(root_ + "/" + path); }

  void file(const std::string& path, std::string_view bytes, Time modified) override {
    auto full = root_ + "/" + path;
    auto fd = files_.create(full);
    files_.write(fd.get(), bytes);
    timespec times[2] = {{unixSeconds(modified), 0}, {unixSeconds(modified), 0}};
    if (::futimens(fd.get(), times) != 0) throw FileError(errno, std::generic_category(), "setting the time of " + full);
  }

  void finish() override {
    // One call for all files instead of one each.
    Fd fd(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd || ::syncfs(fd.get()) != 0) throw FileError(errno, std::generic_category(), "syncing " + root_);
  }

 private:
  store::Files& files_;
  const std::string root_;
};

class ArchiveTarget final : public Target {
 public:
  ArchiveTarget(store::Files& files, std::string path, TargetKind kind)
      : files_(files), path_(std::move(path)), part_(path_ + ".part"), archive_(archive_write_new()) {
    if (files_.size(path_) >= 0) exists(path_);
    fd_ = files_.create(part_);
    if (kind == TargetKind::zip) {
      archive_write_set_format_zip(archive_.get());
    } else {
      archive_write_set_format_pax_restricted(archive_.get());
      if (kind == TargetKind::tarGzip) archive_write_add_filter_gzip(archive_.get());
    }
    check(archive_write_open_fd(archive_.get(), fd_.get()));
  }
  ~ArchiveTarget() override {
    if (!finished_) ::unlink(part_.c_str());
  }

  void folder(const std::string& path) override { entry(path, AE_IFDIR, 0700, 0, Time()); }

  void file(const std::string& path, std::string_view bytes, Time modified) override {
    entry(path, AE_IFREG, 0600, static_cast<std::int64_t>(bytes.size()), modified);
    while (!bytes.empty()) {
      auto written = archive_write_data(archive_.get(), bytes.data(), bytes.size());
      if (written <= 0) fail();
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  void finish() override {
    Utf8Names names;
    check(archive_write_close(archive_.get()));
    files_.sync(fd_.get());
    files_.link(part_, path_);  // fails if somebody made it meanwhile
    finished_ = true;
    files_.remove(part_);
    files_.syncDirectory(parentOf(path_));
  }

 private:
  void entry(const std::string& path, unsigned type, unsigned mode, std::int64_t size, Time modified) {
    Utf8Names names;
    ArchiveEntryPtr made(archive_entry_new());
    archive_entry_set_pathname(made.get(), path.c_str());
    archive_entry_set_filetype(made.get(), type);
    archive_entry_set_perm(made.get(), mode);
    archive_entry_set_size(made.get(), size);
    if (type == AE_IFREG) archive_entry_set_mtime(made.get(), unixSeconds(modified), 0);
    check(archive_write_header(archive_.get(), made.get()));
  }
  /// A warning is a loss too: a name or time that could not be kept.
  void check(int code) {
    if (code < ARCHIVE_OK) fail();
  }
  [[noreturn]] void fail() {
    int code = archive_errno(archive_.get());
    throw FileError(code > 0 ? code : EIO, std::generic_category(), path_ + ": " + printable(archiveError(archive_.get())));
  }

  store::Files& files_;
  const std::string path_, part_;
  Fd fd_;
  ArchiveWriter archive_;
  bool finished_ = false;
};

}  // namespace

TargetKind targetKind(std::string_view path) {
  if (path.ends_with(".zip")) return TargetKind::zip;
  if (path.ends_with(".tgz") || path.ends_with(".tar.gz")) return TargetKind::tarGzip;
  return path.ends_with(".tar") ? TargetKind::tar : TargetKind::folder;
}

std::unique_ptr<Target> makeTarget(store::Files& files, const std::string& path) {
  auto kind = targetKind(path);
  if (kind == TargetKind::folder) return std::make_unique<FolderTarget>(files, path);
  return std::make_unique<ArchiveTarget>(files, path, kind);
}

}  // namespace mox::transfer
