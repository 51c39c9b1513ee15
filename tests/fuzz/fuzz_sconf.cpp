// room: config
// sconf of both parts: never crashes, and what is accepted comes back the same
// when written and read again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "config/Document.h"
#include "config/Write.h"

using namespace mox::config;

template <class T>
static void check(const std::string& text) {
  auto document = parseSconf("f", text);
  if (document.errors().size() > maxProblems) std::abort();
  if (!document.ok()) return;
  T value = read<T>(document);
  if (!document.ok()) return;
  auto written = writeSconf(value);
  if (!written) std::abort();
  auto again = parseSconf("f", *written);
  T second = read<T>(again);
  if (!again.ok() || writeJson(second) != writeJson(value)) std::abort();
  // The JSON form of the same value says the same. JSON has no carriage to lose.
  auto json = parseJson("f.json", writeJson(value));
  T third = read<T>(json);
  if (!json.ok() || writeSconf(third).value() != *written) std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  check<Static>(text);
  check<Dynamic>(text);
  return 0;
}
