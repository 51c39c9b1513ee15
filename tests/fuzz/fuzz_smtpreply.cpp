// room: smtp
// ReplyParser: any split gives the same replies. A reply printed and parsed again is the same, and whatever its
// text, every printed line is within bounds. The first octet chooses where the input is cut.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "smtp/Extensions.h"
#include "smtp/Reply.h"

using namespace mox::smtp;

namespace {

struct Parse {
  std::vector<Reply> replies;
  bool failed = false;
};

Parse parse(std::string_view input, std::size_t step) {
  Parse out;
  ReplyParser parser;
  while (!input.empty()) {
    std::size_t used = 0;
    auto piece = input.substr(0, step);
    auto reply = parser.feed(piece, used);
    if (!reply) {
      out.failed = true;
      return out;
    }
    if (*reply) out.replies.push_back(std::move(**reply));
    else if (used != piece.size()) abort();
    input.remove_prefix(used);
  }
  return out;
}

bool same(const Parse& a, const Parse& b) {
  if (a.failed != b.failed || a.replies.size() != b.replies.size()) return false;
  for (std::size_t i = 0; i < a.replies.size(); ++i)
    if (a.replies[i].code != b.replies[i].code || a.replies[i].lines != b.replies[i].lines) return false;
  return true;
}

void checkWire(const Reply& reply) {
  for (bool utf8 : {false, true}) {
    std::string wire = reply.wire(utf8);
    std::size_t start = 0;
    while (start < wire.size()) {
      auto end = wire.find("\r\n", start);
      if (end == std::string::npos || end - start > maxReplyLine) abort();
      auto line = wire.substr(start, end - start);
      if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) abort();
      if (line[3] != (end + 2 == wire.size() ? ' ' : '-')) abort();
      start = end + 2;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  Parse whole = parse(input, input.size() + 1);
  if (!same(whole, parse(input, 1)) || !same(whole, parse(input, std::size_t(data[0]) + 1))) abort();
  for (auto reply : whole.replies) {
    Extensions::parse(reply);
    checkWire(reply);
    bool wraps = false;
    for (const auto& line : reply.lines) wraps = wraps || line.size() + 4 > maxReplyLine || line.ends_with(' ');
    Parse again = parse(reply.wire(true), 4096);
    if (!wraps && (again.failed || again.replies.size() != 1 || again.replies[0].lines != reply.lines)) abort();
    extractEnhanced(reply);
    checkWire(reply);
  }
  checkWire(Reply::make(550, "5.1.1", input));
  return 0;
}
