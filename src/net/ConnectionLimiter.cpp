#include "net/ConnectionLimiter.h"

namespace mox::net {

struct ConnectionLimiter::Held {
  struct Counts {
    std::array<std::unordered_map<IpAddress, std::uint64_t, IpHash>, 3> ofNetworks;
    std::uint64_t all = 0;
  };
  Guarded<Counts> counts;

  Verdict take(const std::array<IpAddress, 3>& networks, const ConnectionLimits& limits) {
    auto locked = counts.lock();
    if (limits.maxHeld != 0 && locked->all >= limits.maxHeld) return Verdict::busy;
    for (std::size_t width = 0; width < networks.size(); ++width) {
      const auto& held = locked->ofNetworks[width];
      auto found = held.find(networks[width]);
      if (auto limit = limits.concurrent[width]; limit != 0 && found != held.end() && found->second >= limit) return Verdict::concurrent;
    }
    for (std::size_t width = 0; width < networks.size(); ++width) ++locked->ofNetworks[width][networks[width]];
    ++locked->all;
    return Verdict::admitted;
  }

  void release(const std::array<IpAddress, 3>& networks) {
    auto locked = counts.lock();
    for (std::size_t width = 0; width < networks.size(); ++width) {
      auto& held = locked->ofNetworks[width];
      auto found = held.find(networks[width]);
      if (found != held.end() && --found->second == 0) held.erase(found);
    }
    --locked->all;
  }
};

ConnectionLimiter::ConnectionLimiter(ConnectionLimits limits)
    : rate_({{std::chrono::minutes(1), limits.perMinute}}, limits.maxNetworks),
      limits_(std::move(limits)),
      held_(std::make_shared<Held>()) {}

ConnectionLimiter::~ConnectionLimiter() = default;

// The counts of held connections need no cap of their own: they are as many as there are connections.
ConnectionLimiter::Admitted ConnectionLimiter::admit(const IpAddress& ip, Time now) {
  auto networks = limitNetworks(ip);
  if (auto verdict = held_->take(networks, limits_); verdict != Verdict::admitted) return {verdict, nullptr};
  if (!rate_.add(ip, now)) {
    held_->release(networks);
    return {Verdict::rate, nullptr};
  }
  // The deleter runs when the last copy goes; the pointee is only there to make the pointer non-null.
  std::shared_ptr<void> lease(held_.get(), [held = held_, networks](void*) { held->release(networks); });
  return {Verdict::admitted, std::move(lease)};
}

}  // namespace mox::net
