// Lanes: for each recipient domain when its next entry is due, and how many of its entries are in memory.
//
// The database is asked lane by lane, so that a million messages for a domain that does not answer are never in the way of
// the others: a lane with enough entries in memory is not asked until some of them are done. Not thread safe.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/Clock.h"
#include "queue/Storage.h"

namespace mox::queue {

struct LaneLimits {
  std::size_t lane = 200;     ///< entries of a lane in memory
  std::size_t all = 20'000;   ///< entries in memory
  std::size_t round = 2'000;  ///< entries claimed in one commit
};

class Lanes {
 public:
  explicit Lanes(LaneLimits limits) : limits_(limits) {}

  /// An entry of the lane is due at `time`, or earlier ones are.
  void note(const std::string& lane, Time time);
  /// What to claim now. The lanes asked for count as having nothing due: note() what the claim says of them.
  std::vector<ClaimRequest> requests(Time now);
  /// So many new entries may go into memory at once: nothing else of the lane is due, and there is room.
  bool mayJump(const std::string& lane, std::size_t entries, Time now) const;
  void took(const std::string& lane, std::size_t entries);
  void done(const std::string& lane, std::size_t entries);
  /// When requests() will have something; nothing if only done() or note() can bring that.
  std::optional<Time> nextDue() const;
  std::size_t inMemory() const { return inMemory_; }

 private:
  struct Lane {
    std::optional<Time> due;
    std::size_t inMemory = 0;
  };
  bool isFull(const Lane& lane) const { return lane.inMemory * 2 > limits_.lane; }
  void setDue(const std::string& name, Lane& lane, std::optional<Time> due);
  void forgetIfEmpty(const std::string& name);

  const LaneLimits limits_;
  std::map<std::string, Lane> lanes_;
  std::set<std::pair<Time, std::string>> due_;
  std::size_t inMemory_ = 0;
};

}  // namespace mox::queue
