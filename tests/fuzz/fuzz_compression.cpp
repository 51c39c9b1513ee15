// room: net
// DEFLATE from a peer (RFC 4978): output is never more than there was room for, the same however it is cut, it ends, and what
// we compress is what comes out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "net/Compression.h"

using mox::net::Compression;

namespace {

constexpr std::size_t enough = 1 << 20;  // of a bomb that would unfold to gigabytes

void require(bool condition) {
  if (!condition) std::abort();
}

struct Inflated {
  std::string text;
  bool isGood = true;
};

/// All that comes of `input`, given in pieces and taken with `room` octets of room, up to `enough`.
Inflated inflate(std::string_view input, std::size_t piece, std::size_t room) {
  Compression compression;
  Inflated out;
  while (out.isGood && (!input.empty() || compression.hasInput()) && out.text.size() < enough) {
    if (!compression.hasInput()) {
      auto next = input.substr(0, piece);
      input.remove_prefix(next.size());
      compression.give(next);
    }
    auto before = out.text.size(), atOnce = std::min(room, enough - before);
    out.isGood = compression.take(out.text, atOnce);
    require(out.text.size() - before <= atOnce);
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  auto whole = inflate(input, size + 1, enough);
  auto bytewise = inflate(input, 1, 97);
  require(whole.text == bytewise.text && whole.isGood == bytewise.isGood);
  Compression compression;
  compression.put(input.substr(0, size / 2));
  compression.put(input.substr(size / 2));
  auto again = inflate(compression.ready(), 1000, 500);
  require(again.isGood && again.text == input.substr(0, enough));
  return 0;
}
