// room: imap
// What another server says is as hostile as what a client says.
#include <cstddef>
#include <cstdint>

#include "imap/ServerResponse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)mox::imap::parseServerResponse(text);
  (void)mox::imap::literalAtEnd(text);
  return 0;
}
