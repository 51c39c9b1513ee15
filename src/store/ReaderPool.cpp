#include "store/ReaderPool.h"

#include <algorithm>

namespace mox::store {

std::unique_ptr<Db> ReaderPool::take() {
  {
    std::lock_guard lock(mutex_);
    mostTaken_ = std::max(mostTaken_, ++taken_);
    if (!idle_.empty()) {
      auto db = std::move(idle_.back());
      idle_.pop_back();
      return db;
    }
  }
  try {
    return std::make_unique<Db>(path_, options_);
  } catch (...) {
    std::lock_guard lock(mutex_);
    --taken_;
    throw;
  }
}

void ReaderPool::giveBack(std::unique_ptr<Db> db) {
  std::lock_guard lock(mutex_);
  --taken_;
  if (idle_.size() < mostIdle) idle_.push_back(std::move(db));
}

void ReaderPool::trim() {
  std::vector<std::unique_ptr<Db>> closing;
  std::lock_guard lock(mutex_);
  while (!idle_.empty() && idle_.size() + taken_ > mostTaken_) {
    closing.push_back(std::move(idle_.back()));
    idle_.pop_back();
  }
  mostTaken_ = taken_;
}

bool ReaderPool::whileClosed(const std::function<void()>& work) {
  std::lock_guard lock(mutex_);
  if (taken_ > 0) return false;
  idle_.clear();
  work();
  return true;
}

}  // namespace mox::store
