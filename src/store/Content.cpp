#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <mutex>

#include "store/ContentState.h"

namespace mox::store {

Content::State::~State() {
  if (map != nullptr) ::munmap(map, fileSize);
}

std::uint64_t Content::size() const { return state_ ? state_->bytes.size() + state_->fileSize : 0; }

void Content::readInto(std::uint64_t offset, std::size_t count, std::string& out) const {
  if (offset >= size()) return;
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, size() - offset));
  const auto& bytes = state_->bytes;
  if (offset < bytes.size()) {
    auto piece = std::min(count, bytes.size() - static_cast<std::size_t>(offset));
    out.append(bytes, static_cast<std::size_t>(offset), piece);
    offset += piece;
    count -= piece;
  }
  if (count == 0) return;
  auto at = out.size();
  out.resize(at + count);
  offset -= bytes.size();
  while (count > 0) {
    auto got = ::pread(state_->fd.get(), out.data() + at, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    // The file is immutable and had its size when opened: an early end is a damaged disk.
    if (got <= 0) throw FileError(got < 0 ? errno : EIO, std::generic_category(), "reading a message body");
    at += static_cast<std::size_t>(got);
    offset += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
}

std::string Content::read(std::uint64_t offset, std::size_t count) const {
  std::string out;
  readInto(offset, count, out);
  return out;
}

std::string_view Content::view() const {
  if (!state_) return {};
  auto& s = *state_;
  if (s.fileSize == 0) return s.bytes;
  std::lock_guard lock(s.mutex);
  if (!s.bytes.empty()) {
    if (s.joined.empty()) s.joined = read(0, static_cast<std::size_t>(size()));
    return s.joined;
  }
  if (s.map == nullptr) {
    void* map = ::mmap(nullptr, s.fileSize, PROT_READ, MAP_SHARED, s.fd.get(), 0);
    if (map == MAP_FAILED) throw FileError(errno, std::generic_category(), "mapping a message body");
    s.map = map;
  }
  return {static_cast<const char*>(s.map), static_cast<std::size_t>(s.fileSize)};
}

}  // namespace mox::store
