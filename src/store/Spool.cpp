#include "store/Spool.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <stdexcept>

namespace mox::store {

namespace {

/// Temporary names need only differ within this process: data/tmp is emptied at start.
std::string temporaryName() {
  static std::atomic<std::uint64_t> next{0};
  return "spool-" + std::to_string(::getpid()) + "-" + std::to_string(next++);
}

}  // namespace

struct Spool::Sync {
  std::mutex mutex;
  bool done = false;
  bool failed = false;
};

Spool::Spool(Files& files, std::string directory)
    : files_(files), directory_(std::move(directory)), sync_(std::make_unique<Sync>()) {}

Spool::~Spool() {
  if (map_ != nullptr) ::munmap(const_cast<char*>(map_), size_);
  // A file that stays behind is only waste; the next start removes it.
  if (!path_.empty()) ::unlink(path_.c_str());
}

void Spool::append(std::string_view bytes) {
  if (!fd_ && memory_.size() + bytes.size() > bodyInlineLimit) spill();
  if (fd_)
    files_.write(fd_.get(), bytes);
  else
    memory_.append(bytes);
  size_ += bytes.size();
}

void Spool::spill() {
  auto path = directory_ + "/" + temporaryName();
  fd_ = files_.create(path);
  path_ = std::move(path);
  files_.write(fd_.get(), memory_);
  memory_ = {};
}

void Spool::finish() {
  if (!fd_ || map_ != nullptr) return;
  void* map = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd_.get(), 0);
  if (map == MAP_FAILED) throw FileError(errno, std::generic_category(), "mapping " + path_);
  map_ = static_cast<const char*>(map);
}

void Spool::overwrite(std::uint64_t offset, std::string_view bytes) {
  if (offset > size_ || bytes.size() > size_ - offset) throw std::logic_error("overwriting beyond a spool");
  // A shared mapping shows what is written to its file.
  if (fd_) files_.writeAt(fd_.get(), offset, bytes);
  else std::copy(bytes.begin(), bytes.end(), memory_.begin() + static_cast<std::ptrdiff_t>(offset));
}

std::string_view Spool::data() const { return map_ != nullptr ? std::string_view(map_, size_) : std::string_view(memory_); }

void Spool::linkTo(const std::string& path) const {
  {
    std::lock_guard lock(sync_->mutex);
    // A second fsync after a failed one may succeed without anything being on disk.
    if (sync_->failed) throw FileError(EIO, std::generic_category(), "an earlier fsync failed of " + path_);
    if (!sync_->done) {
      sync_->failed = true;
      files_.sync(fd_.get());
      sync_->failed = false;
      sync_->done = true;
    }
  }
  files_.link(path_, path);
}

}  // namespace mox::store
