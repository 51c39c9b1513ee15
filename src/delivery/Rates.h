// Rates: how much one network delivers to one account, smtp.md §7 step 1.
//
// Counts of fixed windows (a minute, a day) are kept in memory and read from the store only when a network is first
// seen: a busy sender costs no scan of what it sent before. Memory is bounded: beyond maxNetworks all is forgotten and
// read again. Thread safe.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/Clock.h"
#include "base/Guarded.h"
#include "base/Ip.h"
#include "base/Limits.h"
#include "store/Reader.h"

namespace mox::delivery {

struct RateLimits {
  std::int64_t messagesPerMinute, bytesPerMinute, messagesPerDay, bytesPerDay;
};
/// For the host, the small network and the large one.
inline constexpr std::array<RateLimits, 3> rateLimits{{{500, 1000ll << 20, 500 * 20, 3000ll << 20},
                                                       {1500, 3000ll << 20, 1500 * 20, 9000ll << 20},
                                                       {4500, 9000ll << 20, 4500 * 20, 27000ll << 20}}};
inline constexpr Limit deliveryRateLimit{"smtp-delivery-rate", 500, "messages/minute"};

class Rates {
 public:
  static constexpr std::size_t maxNetworks = 100'000;

  /// True if one more message of `size` octets would pass a limit. `reader` is the account's.
  bool isHigh(const std::string& account, store::Reader& reader, const IpAddress& ip, std::uint64_t size, Time now);
  /// A message was stored.
  void count(const std::string& account, const IpAddress& ip, std::uint64_t size, Time now);

 private:
  struct Key {
    std::string account;
    unsigned level;
    IpAddress network;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Window {
    std::int64_t number = 0, messages = 0, bytes = 0;
  };
  struct Counts {
    Window minute, day;
  };
  static void roll(Counts& counts, Time now);
  static Counts stored(store::Reader& reader, const Key& key, Time now);

  Guarded<std::map<Key, Counts>> counts_;
};

}  // namespace mox::delivery
