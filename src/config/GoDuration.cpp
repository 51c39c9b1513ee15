#include "config/GoDuration.h"

#include <array>
#include <cstdint>
#include <limits>

#include "base/Text.h"

namespace mox::config {

namespace {

using Wide = unsigned __int128;

struct Unit {
  std::string_view name;
  std::uint64_t nanoseconds;
};

constexpr std::array<Unit, 8> units{{{"ns", 1},
                                     {"us", 1'000},
                                     {"\xc2\xb5s", 1'000},  // U+00B5
                                     {"\xce\xbcs", 1'000},  // U+03BC
                                     {"ms", 1'000'000},
                                     {"s", 1'000'000'000},
                                     {"m", 60'000'000'000},
                                     {"h", 3'600'000'000'000}}};

constexpr Wide limit = Wide(1) << 63;  // the magnitude of the smallest Duration

/// Digits off the front; more than fit are an error only of the part before the point.
std::optional<Wide> takeDigits(std::string_view& text) {
  Wide value = 0;
  while (!text.empty() && isDigit(text.front())) {
    value = value * 10 + static_cast<unsigned>(text.front() - '0');
    if (value > limit) return std::nullopt;
    text.remove_prefix(1);
  }
  return value;
}

/// A fraction of `unit` in nanoseconds; `text` starts behind the point.
Wide takeFraction(std::string_view& text, std::uint64_t unit) {
  Wide value = 0, scale = 1;
  while (!text.empty() && isDigit(text.front())) {
    if (scale < 1'000'000'000'000'000) {
      value = value * 10 + static_cast<unsigned>(text.front() - '0');
      scale *= 10;
    }
    text.remove_prefix(1);
  }
  return value * unit / scale;
}

const Unit* takeUnit(std::string_view& text) {
  auto end = text.find_first_of("0123456789.");
  auto name = text.substr(0, end);
  for (const auto& unit : units) {
    if (unit.name != name) continue;
    text.remove_prefix(name.size());
    return &unit;
  }
  return nullptr;
}

/// One number and its unit, in nanoseconds.
std::optional<Wide> takePart(std::string_view& text) {
  auto before = text.size();
  auto whole = takeDigits(text);
  if (!whole) return std::nullopt;
  bool any = text.size() != before;
  std::string_view fraction;
  if (!text.empty() && text.front() == '.') {
    text.remove_prefix(1);
    fraction = text;
    auto end = text.find_first_not_of("0123456789");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end);
    any = any || fraction.size() != text.size();
  }
  if (!any) return std::nullopt;
  const auto* unit = takeUnit(text);
  if (unit == nullptr) return std::nullopt;
  return *whole * unit->nanoseconds + takeFraction(fraction, unit->nanoseconds);
}

/// "1.5" of a value in units of `unit`, without trailing zeros.
std::string decimal(std::uint64_t value, std::uint64_t unit) {
  std::string out = std::to_string(value / unit);
  std::uint64_t rest = value % unit;
  if (rest == 0) return out;
  std::string digits = std::to_string(unit + rest).substr(1);
  while (digits.back() == '0') digits.pop_back();
  return out + "." + digits;
}

}  // namespace

std::optional<Duration> parseGoDuration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return Duration(0);
  if (text.empty()) return std::nullopt;
  Wide total = 0;
  while (!text.empty()) {
    auto part = takePart(text);
    if (!part) return std::nullopt;
    total += *part;
    if (total > limit) return std::nullopt;
  }
  if (total == limit && !negative) return std::nullopt;
  if (total == limit) return Duration(std::numeric_limits<std::int64_t>::min());
  auto count = static_cast<std::int64_t>(total);
  return Duration(negative ? -count : count);
}

std::string goDuration(Duration duration) {
  auto count = duration.count();
  if (count == 0) return "0s";
  std::string sign = count < 0 ? "-" : "";
  auto value = count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
  if (value < 1'000) return sign + std::to_string(value) + "ns";
  if (value < 1'000'000) return sign + decimal(value, 1'000) + "\xc2\xb5s";
  if (value < 1'000'000'000) return sign + decimal(value, 1'000'000) + "ms";
  constexpr std::uint64_t second = 1'000'000'000, minute = 60 * second, hour = 60 * minute;
  std::string out = sign;
  if (value >= hour) out += std::to_string(value / hour) + "h";
  if (value >= minute) out += std::to_string(value % hour / minute) + "m";
  return out + decimal(value % minute, second) + "s";
}

}  // namespace mox::config
