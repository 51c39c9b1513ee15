#include "queue/Body.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace mox::queue {

namespace {

constexpr std::size_t pieceBytes = 64 * 1024;

class BodyProducer final : public net::Producer {
 public:
  explicit BodyProducer(std::shared_ptr<const Body> body) : body_(std::move(body)) {}
  bool produce(std::string& out) override {
    auto before = out.size();
    body_->read(at_, pieceBytes, out);
    at_ += out.size() - before;
    return at_ < body_->size;
  }

 private:
  std::shared_ptr<const Body> body_;
  std::uint64_t at_ = 0;
};

}  // namespace

void Body::read(std::uint64_t offset, std::size_t count, std::string& out) const {
  count = static_cast<std::size_t>(std::min<std::uint64_t>(count, offset < size ? size - offset : 0));
  if (offset < head.size()) {
    auto part = std::min(count, head.size() - static_cast<std::size_t>(offset));
    out.append(head, static_cast<std::size_t>(offset), part);
    offset += part;
    count -= part;
  }
  while (count > 0) {
    auto at = out.size();
    out.resize(at + count);
    auto got = ::pread(file.get(), out.data() + at, count, static_cast<off_t>(offset - head.size()));
    out.resize(at + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw store::FileError(errno, std::generic_category(), "reading a queued message");
    if (got == 0) throw store::FileError(EIO, std::generic_category(), "a queued message is shorter than it was");
    offset += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
}

std::unique_ptr<net::Producer> makeProducer(std::shared_ptr<const Body> body) { return std::make_unique<BodyProducer>(std::move(body)); }

}  // namespace mox::queue
