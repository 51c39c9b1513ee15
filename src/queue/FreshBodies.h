// FreshBodies: the bodies of messages that go out at once, so that they need not be read again from the database they were
// just written to.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <unordered_map>

#include "base/Guarded.h"
#include "queue/Body.h"
#include "queue/Row.h"

namespace mox::queue {

/// Octets kept at most, over all messages; the oldest go first.
inline constexpr std::size_t freshBodyOctets = 4u << 20;

/// Thread safe.
class FreshBodies {
 public:
  explicit FreshBodies(std::size_t most = freshBodyOctets) : most_(most) {}
  void put(QueueId message, std::shared_ptr<const Body> body);
  /// Once; null if it has been taken, gone or never was here.
  std::shared_ptr<const Body> take(QueueId message);

 private:
  struct Kept {
    std::unordered_map<std::int64_t, std::shared_ptr<const Body>> bodies;
    std::deque<std::int64_t> order;  ///< oldest first, with some that have been taken
    std::size_t octets = 0;

    std::shared_ptr<const Body> remove(std::int64_t id);
  };
  const std::size_t most_;
  Guarded<Kept> kept_;
};

}  // namespace mox::queue
