// room: store
// A view's pack as a damaged disk may give it: read within bounds or refused; what is read is in order, no more than a part can
// hold, and packs to what reads the same.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "store/ViewPack.h"

using namespace mox::store;

namespace {

struct Unpacked {
  bool good = false;
  std::vector<std::string> sets;
  std::vector<ViewEntry> entries;

  explicit Unpacked(std::string_view pack) {
    good = unpackEntries(pack, [this](std::string_view text) {
      sets.emplace_back(text);
      return static_cast<std::uint32_t>(sets.size() - 1);
    }, entries);
  }
};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Unpacked read({reinterpret_cast<const char*>(data), size});
  require(read.entries.size() <= viewPart);
  for (std::size_t i = 1; i < read.entries.size(); ++i) require(read.entries[i - 1].uid < read.entries[i].uid);
  if (!read.good) return 0;
  std::vector<DeltaEntry> again;
  for (const auto& entry : read.entries) again.push_back({entry, read.sets.at(entry.keywords)});
  Unpacked second(packEntries(again));
  require(second.good && second.entries.size() == read.entries.size());
  for (std::size_t i = 0; i < read.entries.size(); ++i) {
    auto& one = read.entries[i];
    auto& other = second.entries[i];
    require(read.sets.at(one.keywords) == second.sets.at(other.keywords));
    one.keywords = other.keywords = 0;
    require(one == other);
  }
  return 0;
}
