#include "net/ConnectionLimiter.h"

namespace mox::net {

struct ConnectionLimiter::Held {
  using Counts = std::array<std::unordered_map<IpAddress, std::uint64_t, IpHash>, 3>;
  Guarded<Counts> counts;

  bool take(const std::array<IpAddress, 3>& networks, const NetworkLimits& limits) {
    auto locked = counts.lock();
    for (std::size_t width = 0; width < networks.size(); ++width) {
      auto found = (*locked)[width].find(networks[width]);
      if (limits[width] != 0 && found != (*locked)[width].end() && found->second >= limits[width]) return false;
    }
    for (std::size_t width = 0; width < networks.size(); ++width) ++(*locked)[width][networks[width]];
    return true;
  }

  void release(const std::array<IpAddress, 3>& networks) {
    auto locked = counts.lock();
    for (std::size_t width = 0; width < networks.size(); ++width) {
      auto found = (*locked)[width].find(networks[width]);
      if (found != (*locked)[width].end() && --found->second == 0) (*locked)[width].erase(found);
    }
  }
};

ConnectionLimiter::ConnectionLimiter(ConnectionLimits limits)
    : rate_({{std::chrono::minutes(1), limits.perMinute}}, limits.maxNetworks),
      concurrent_(limits.concurrent),
      held_(std::make_shared<Held>()) {}

ConnectionLimiter::~ConnectionLimiter() = default;

// The counts of held connections need no cap of their own: they are as many as there are connections.
ConnectionLimiter::Admitted ConnectionLimiter::admit(const IpAddress& ip, Time now) {
  auto networks = limitNetworks(ip);
  if (!held_->take(networks, concurrent_)) return {Verdict::concurrent, nullptr};
  if (!rate_.add(ip, now)) {
    held_->release(networks);
    return {Verdict::rate, nullptr};
  }
  // The deleter runs when the last copy goes; the pointee is only there to make the pointer non-null.
  std::shared_ptr<void> lease(held_.get(), [held = held_, networks](void*) { held->release(networks); });
  return {Verdict::admitted, std::move(lease)};
}

}  // namespace mox::net
