// room: transfer
// mbox: the same messages however the file is cut, never more octets than came in, and flags that can be written again.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "transfer/MboxReader.h"

using namespace mox;
using namespace mox::transfer;

namespace {

struct Sink final : FoundSink {
  std::string all;
  std::size_t octets = 0;
  bool open = false;

  void begin(Found found) override {
    if (open) abort();
    open = true;
    all += "[" + found.where;
    if (found.received) fromLine(*found.received);
  }
  void append(std::string_view bytes) override {
    if (!open) abort();
    octets += bytes.size();
    all += bytes;
  }
  Result<void> end(const imap::Flags& flags) override {
    if (!open) abort();
    open = false;
    all += imap::flagsText(flags) + statusFields(flags) + "]";
    return {};
  }
  void drop(const Error&) override {
    if (!open) abort();
    open = false;
    all += "dropped]";
  }
  void mailbox(const std::string&) override {}
  void problem(const std::string& where, const std::string&) override { all += where; }
};

std::string read(std::string_view text, std::size_t piece) {
  Sink sink;
  MboxReader reader(sink, "", "in");
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size())))
    if (!reader.feed(text.substr(0, piece))) abort();
  if (!reader.finish() || sink.open) abort();
  return sink.all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto whole = read(text, size + 1);
  if (read(text, 1) != whole || read(text, 7) != whole) abort();
  return 0;
}
