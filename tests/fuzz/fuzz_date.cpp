// room: message
// A date that was read is written and read again as the same moment.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/Date.h"

using namespace mox;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

/// Years 1..9999 in UTC; the zone may push a date over that edge.
bool writable(Time time) {
  auto seconds = unixSeconds(time);
  return seconds >= -62'135'596'800 && seconds < 253'402'300'800;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  if (auto date = parseRfc5322Date(text); date && writable(date->time)) {
    require(date->zoneMinutes >= -24 * 60 && date->zoneMinutes <= 24 * 60);
    auto again = parseRfc5322Date(rfc5322Date(date->time));
    require(again && again->time == date->time);
  }
  if (auto date = parseImapDateTime(text); date && writable(date->time)) {
    auto again = parseImapDateTime(imapDateTime(date->time));
    require(again && again->time == date->time);
  }
  if (auto date = parseRfc3339(text); date && writable(*date)) {
    auto again = parseRfc3339(rfc3339Seconds(*date));
    require(again && unixSeconds(*again) == unixSeconds(*date));
  }
  parseImapDate(text);
  return 0;
}
