// Lengths of time as the configuration writes them: "1h30m", "72h", "15s", "1.5ms".
//
// Numbers with an optional fraction, each followed by a unit (ns us µs ms s m h), with one sign in front of all;
// "0" needs no unit. Nanoseconds in 64 bits: about 292 years either way.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Clock.h"

namespace mox::config {

/// Nothing for other text, or what does not fit. Digits beyond a nanosecond are dropped.
std::optional<Duration> parseGoDuration(std::string_view text);
/// "1h30m0s", "15s", "1.5ms", "0s": what parseGoDuration reads back to the same.
std::string goDuration(Duration duration);

}  // namespace mox::config
