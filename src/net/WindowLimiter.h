// Counts events per source network in fixed windows: connection rates, failed logins.
//
// A source counts at three widths: /32, /26, /21 for IPv4 and /64, /48, /32 for IPv6, so that neither one host nor a
// whole provider gets more than its share. Windows are fixed (time divided by length); when one is over, all its
// counts are forgotten. Memory is bounded: when a window holds maxNetworks of one width, networks not yet known
// are let through uncounted at that width, and the wider ones still count. Thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "base/Clock.h"
#include "base/Guarded.h"
#include "base/Ip.h"

namespace mox::net {

/// Limits for the host, the small network and the large one. 0 is no limit.
using NetworkLimits = std::array<std::uint64_t, 3>;

/// The three networks of an address, narrow to wide.
std::array<IpAddress, 3> limitNetworks(const IpAddress& ip);

/// For hash tables keyed by address.
struct IpHash {
  std::size_t operator()(const IpAddress& ip) const noexcept;
};

class WindowLimiter {
 public:
  struct Window {
    Duration length;
    NetworkLimits limits;
  };
  static constexpr std::size_t defaultMaxNetworks = 100'000;

  explicit WindowLimiter(std::vector<Window> windows, std::size_t maxNetworks = defaultMaxNetworks);

  /// Counts `count` if every window has room for it at all widths; else counts nothing and says false.
  [[nodiscard]] bool add(const IpAddress& ip, Time now, std::uint64_t count = 1);
  /// Whether add() would count.
  [[nodiscard]] bool hasRoom(const IpAddress& ip, Time now, std::uint64_t count = 1) const;
  /// After a success: takes what the host itself has counted from all three widths.
  void forgive(const IpAddress& ip, Time now);

 private:
  using Counts = std::unordered_map<IpAddress, std::uint64_t, IpHash>;
  struct State {
    std::int64_t number = INT64_MIN;  ///< of the window the counts are for
    std::array<Counts, 3> counts;
  };
  void roll(std::vector<State>& states, Time now) const;
  bool fits(const std::vector<State>& states, const std::array<IpAddress, 3>& networks, std::uint64_t count) const;

  const std::vector<Window> windows_;
  const std::size_t maxNetworks_;
  mutable Guarded<std::vector<State>> states_;
};

/// Failed logins: 10/30/90 a minute, 50/150/450 a day.
WindowLimiter failedAuthLimiter();

}  // namespace mox::net
