#include "net/WindowLimiter.h"

#include <algorithm>
#include <string_view>

namespace mox::net {

namespace {

constexpr std::array<unsigned, 3> v4Prefixes{32, 26, 21};
constexpr std::array<unsigned, 3> v6Prefixes{64, 48, 32};

}  // namespace

std::array<IpAddress, 3> limitNetworks(const IpAddress& ip) {
  const auto& prefixes = ip.isV4() ? v4Prefixes : v6Prefixes;
  return {ip.masked(prefixes[0]), ip.masked(prefixes[1]), ip.masked(prefixes[2])};
}

std::size_t IpHash::operator()(const IpAddress& ip) const noexcept { return std::hash<std::string_view>{}(ip.bytes()); }

WindowLimiter::WindowLimiter(std::vector<Window> windows, std::size_t maxNetworks)
    : windows_(std::move(windows)), maxNetworks_(maxNetworks), states_(windows_.size()) {}

void WindowLimiter::roll(std::vector<State>& states, Time now) const {
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    auto length = std::chrono::duration_cast<std::chrono::microseconds>(windows_[i].length).count();
    std::int64_t number = unixMicros(now) / std::max<std::int64_t>(length, 1);
    if (states[i].number == number) continue;
    states[i].number = number;
    states[i].counts = {};  // fresh tables: clear() would keep the buckets of the busiest window ever
  }
}

bool WindowLimiter::fits(const std::vector<State>& states, const std::array<IpAddress, 3>& networks, std::uint64_t count) const {
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    for (std::size_t width = 0; width < networks.size(); ++width) {
      std::uint64_t limit = windows_[i].limits[width];
      auto found = states[i].counts[width].find(networks[width]);
      std::uint64_t have = found != states[i].counts[width].end() ? found->second : 0;
      if (limit != 0 && (have >= limit || count > limit - have)) return false;
    }
  }
  return true;
}

bool WindowLimiter::add(const IpAddress& ip, Time now, std::uint64_t count) {
  auto networks = limitNetworks(ip);
  auto states = states_.lock();
  roll(*states, now);
  if (!fits(*states, networks, count)) return false;
  for (auto& state : *states) {
    for (std::size_t width = 0; width < networks.size(); ++width) {
      auto& counts = state.counts[width];
      if (auto found = counts.find(networks[width]); found != counts.end()) found->second += count;
      else if (counts.size() < maxNetworks_) counts.emplace(networks[width], count);
    }
  }
  return true;
}

bool WindowLimiter::hasRoom(const IpAddress& ip, Time now, std::uint64_t count) const {
  auto states = states_.lock();
  roll(*states, now);
  return fits(*states, limitNetworks(ip), count);
}

void WindowLimiter::forgive(const IpAddress& ip, Time now) {
  auto networks = limitNetworks(ip);
  auto states = states_.lock();
  roll(*states, now);
  for (auto& state : *states) {
    auto own = state.counts[0].find(networks[0]);
    if (own == state.counts[0].end()) continue;
    std::uint64_t count = own->second;
    for (std::size_t width = 0; width < networks.size(); ++width) {
      auto found = state.counts[width].find(networks[width]);
      if (found == state.counts[width].end()) continue;
      if (found->second > count) found->second -= count;
      else state.counts[width].erase(found);
    }
  }
}

WindowLimiter failedAuthLimiter() {
  return WindowLimiter({{std::chrono::minutes(1), {10, 30, 90}}, {std::chrono::hours(24), {50, 150, 450}}});
}

}  // namespace mox::net
