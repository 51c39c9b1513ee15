// room: app
// The record of what was applied: what is read is written the same, and leads nowhere from itself.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "app/Applied.h"

using namespace mox::app;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto applied = Applied::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!applied) return 0;
  auto again = Applied::parse(applied->text());
  if (!again || !(*again == *applied)) std::abort();
  if (!plan(*applied, *again).empty()) std::abort();
  plan({}, *applied);
  plan(*applied, {});
  return 0;
}
