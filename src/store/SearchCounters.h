// What the full-text indexes of all accounts count. Private to the room.
#pragma once

#include "base/Metrics.h"
#include "store/SearchIndex.h"

namespace mox::store {

struct SearchIndex::Counters {
  /// Null: nothing is counted.
  explicit Counters(Metrics* metrics) {
    if (metrics == nullptr) return;
    indexed_ = &metrics->counter("mox_search_indexed_total", "Messages added to full-text indexes.");
    discarded_ = &metrics->counter("mox_search_discarded_total", "Full-text indexes found damaged and made anew.");
    backlog_ = &metrics->gauge("mox_search_backlog", "Messages of open accounts not yet in the full-text index, at most.");
  }
  void indexed(std::int64_t messages) const {
    if (indexed_ != nullptr) indexed_->inc(static_cast<double>(messages));
  }
  void discarded() const {
    if (discarded_ != nullptr) discarded_->inc();
  }
  void backlog(std::int64_t by) const {
    if (backlog_ != nullptr && by != 0) backlog_->add(static_cast<double>(by));
  }

 private:
  Counter* indexed_ = nullptr;
  Counter* discarded_ = nullptr;
  Gauge* backlog_ = nullptr;
};

}  // namespace mox::store
