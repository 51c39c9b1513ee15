#include "net/OutputQueue.h"

#include <stdexcept>
#include <utility>

namespace mox::net {

void OutputQueue::write(std::string_view bytes) { (items_.empty() ? text_ : items_.back().after).append(bytes); }

void OutputQueue::stream(std::unique_ptr<Producer> producer) { items_.push_back({std::move(producer), {}}); }

void OutputQueue::refill(std::size_t enough) {
  while (!items_.empty() && text_.size() - sent_ < enough) {
    if (sent_ > 0) {
      text_.erase(0, sent_);
      sent_ = 0;
    }
    std::size_t before = text_.size();
    if (items_.front().producer->produce(text_)) {
      if (text_.size() == before) throw std::logic_error("a Producer made nothing");
      continue;
    }
    text_ += items_.front().after;
    items_.erase(items_.begin());
    ++finished_;
  }
}

void OutputQueue::drop(std::size_t bytes) {
  sent_ += bytes;
  if (sent_ < text_.size()) return;
  text_.clear();
  sent_ = 0;
}

unsigned OutputQueue::takeFinished() { return std::exchange(finished_, 0); }

void OutputQueue::clear() { *this = OutputQueue(); }

void OutputQueue::shrink() {
  if (!empty()) return;
  std::string().swap(text_);
  sent_ = 0;
  std::vector<Item>().swap(items_);
}

std::size_t OutputQueue::unsent() const {
  std::size_t total = text_.size() - sent_;
  for (const auto& item : items_) total += item.after.size();
  return total;
}

}  // namespace mox::net
