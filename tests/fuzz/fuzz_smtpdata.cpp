// room: smtp
// DataReader: any split of the input gives the same message and verdict. DotStuffer then DataReader is identity.
// The first octet chooses where the input is cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "smtp/DataReader.h"
#include "smtp/DotStuffer.h"

using mox::smtp::DataReader;
using mox::smtp::DotStuffer;

namespace {

struct Read {
  std::string message;
  std::size_t consumed = 0;
  std::uint64_t size = 0;
  bool done = false, refused = false, nul = false, lf = false;
  friend bool operator==(const Read&, const Read&) = default;
};

Read read(std::string_view input, std::size_t step) {
  Read out;
  DataReader reader({}, [&](std::string_view piece) { out.message += piece; });
  while (out.consumed < input.size() && !reader.done()) {
    auto piece = input.substr(out.consumed, step);
    auto used = reader.feed(piece);
    if (used != piece.size() && !reader.done()) abort();
    out.consumed += used;
  }
  out.done = reader.done();
  out.refused = reader.refused();
  out.nul = reader.sawNul();
  out.lf = reader.sawBareLf();
  out.size = reader.size();
  if (!out.refused && out.message.size() != out.size) abort();
  if (out.refused) out.message.clear();
  return out;
}

void stuffed(std::string_view message, std::size_t step) {
  DotStuffer stuffer;
  std::string wire;
  for (std::size_t at = 0; at < message.size(); at += step)
    if (!stuffer.add(message.substr(at, step), wire)) return;
  if (!stuffer.finish(wire)) return;
  Read back = read(wire, wire.size());
  std::string expected(message);
  if (!expected.empty() && !expected.ends_with("\r\n")) expected += "\r\n";
  if (!back.done || back.refused || back.lf || back.nul || back.consumed != wire.size() || back.message != expected) abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::size_t step = std::size_t(data[0]) + 1;
  Read whole = read(input, std::max<std::size_t>(input.size(), 1));
  if (whole != read(input, 1) || whole != read(input, step)) abort();
  // What was taken as the end is the end: CRLF.CRLF, or .CRLF at the start.
  if (whole.done) {
    auto taken = input.substr(0, whole.consumed);
    if (!taken.ends_with("\r\n.\r\n") && taken != ".\r\n") abort();
  }
  stuffed(input, step);
  return 0;
}
