#include "message/Scan.h"

#include <cstring>

namespace mox::message {

bool LineScan::next() {
  if (ended_) ++newlines_;
  start_ = next_;
  ended_ = false;
  if (start_ >= text_.size()) {
    line_ = {};
    return false;
  }
  const char* at = text_.data() + start_;
  const auto* newline = static_cast<const char*>(std::memchr(at, '\n', text_.size() - start_));
  ended_ = newline != nullptr;
  auto size = ended_ ? static_cast<std::size_t>(newline - at) : text_.size() - start_;
  next_ = start_ + size + (ended_ ? 1 : 0);
  if (ended_) {
    if (size > 0 && at[size - 1] == '\r') --size;
    else flags_.hasBareLf = true;
  }
  line_ = std::string_view(at, size);
  look(line_);
  return true;
}

void LineScan::look(std::string_view octets) {
  if (!flags_.hasBareCr && std::memchr(octets.data(), '\r', octets.size()) != nullptr) flags_.hasBareCr = true;
  if (flags_.has8bit && flags_.hasNul) return;
  constexpr std::uint64_t ones = 0x0101010101010101, high = ones << 7;
  std::uint64_t any = 0, nul = 0;
  const char* at = octets.data();
  auto left = octets.size();
  // Eight octets at a time: `word - ones` borrows into the top bit of an octet only past a zero octet.
  for (; left >= 8; at += 8, left -= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, 8);
    any |= word;
    nul |= (word - ones) & ~word;
  }
  for (; left > 0; ++at, --left) {
    auto octet = static_cast<unsigned char>(*at);
    any |= octet;
    if (octet == 0) flags_.hasNul = true;
  }
  if ((any & high) != 0) flags_.has8bit = true;
  if ((nul & high) != 0) flags_.hasNul = true;
}

}  // namespace mox::message
