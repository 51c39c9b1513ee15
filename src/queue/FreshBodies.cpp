#include "queue/FreshBodies.h"

namespace mox::queue {

std::shared_ptr<const Body> FreshBodies::Kept::remove(std::int64_t id) {
  auto found = bodies.find(id);
  if (found == bodies.end()) return nullptr;
  auto body = std::move(found->second);
  bodies.erase(found);
  octets -= body->head.size();
  return body;
}

void FreshBodies::put(QueueId message, std::shared_ptr<const Body> body) {
  auto size = body->head.size();
  if (size > most_) return;
  auto kept = kept_.lock();
  kept->remove(message.value);
  while (!kept->order.empty() && (kept->octets + size > most_ || !kept->bodies.contains(kept->order.front()))) {
    kept->remove(kept->order.front());
    kept->order.pop_front();
  }
  kept->octets += size;
  kept->order.push_back(message.value);
  kept->bodies.emplace(message.value, std::move(body));
}

std::shared_ptr<const Body> FreshBodies::take(QueueId message) { return kept_.lock()->remove(message.value); }

}  // namespace mox::queue
