#include "queue/Lanes.h"

#include <algorithm>

namespace mox::queue {

void Lanes::setDue(const std::string& name, Lane& lane, std::optional<Time> due) {
  if (lane.due) due_.erase({*lane.due, name});
  lane.due = due;
  if (due) due_.insert({*due, name});
}

void Lanes::forgetIfEmpty(const std::string& name) {
  auto found = lanes_.find(name);
  if (found != lanes_.end() && !found->second.due && found->second.inMemory == 0) lanes_.erase(found);
}

void Lanes::note(const std::string& name, Time time) {
  auto& lane = lanes_[name];
  if (!lane.due || time < *lane.due) setDue(name, lane, time);
}

std::vector<ClaimRequest> Lanes::requests(Time now) {
  std::vector<ClaimRequest> out;
  std::size_t room = std::min(limits_.round, limits_.all - std::min(limits_.all, inMemory_));
  for (auto at = due_.begin(); at != due_.end() && at->first <= now && room > 0;) {
    auto name = (at++)->second;
    auto& lane = lanes_.at(name);
    if (isFull(lane)) continue;
    auto most = std::min(room, limits_.lane - lane.inMemory);
    room -= most;
    out.push_back({name, most});
    setDue(name, lane, std::nullopt);
  }
  return out;
}

bool Lanes::mayJump(const std::string& name, std::size_t entries, Time now) const {
  if (inMemory_ + entries > limits_.all) return false;
  auto found = lanes_.find(name);
  if (found == lanes_.end()) return entries <= limits_.lane;
  const auto& lane = found->second;
  return (!lane.due || *lane.due > now) && lane.inMemory + entries <= limits_.lane;
}

void Lanes::took(const std::string& name, std::size_t entries) {
  lanes_[name].inMemory += entries;
  inMemory_ += entries;
}

void Lanes::done(const std::string& name, std::size_t entries) {
  auto found = lanes_.find(name);
  if (found == lanes_.end()) return;
  entries = std::min(entries, found->second.inMemory);
  found->second.inMemory -= entries;
  inMemory_ -= entries;
  forgetIfEmpty(name);
}

std::optional<Time> Lanes::nextDue() const {
  if (inMemory_ >= limits_.all) return std::nullopt;
  for (const auto& [time, name] : due_)
    if (!isFull(lanes_.at(name))) return time;
  return std::nullopt;
}

}  // namespace mox::queue
