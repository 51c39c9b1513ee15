// Guarded<T>: data that can only be reached while its lock is held, so that
// forgetting the lock does not compile.
#pragma once

#include <mutex>
#include <utility>

namespace mox {

template <class T>
class Guarded {
 public:
  class Access {
   public:
    T* operator->() const { return value_; }
    T& operator*() const { return *value_; }
    /// For std::condition_variable::wait.
    std::unique_lock<std::mutex>& lock() { return lock_; }

   private:
    friend class Guarded;
    Access(std::mutex& mutex, T& value) : lock_(mutex), value_(&value) {}
    std::unique_lock<std::mutex> lock_;
    T* value_;
  };

  template <class... Args>
  explicit Guarded(Args&&... args) : value_(std::forward<Args>(args)...) {}

  /// Hold the Access as briefly as can be, and never across I/O to a peer.
  [[nodiscard]] Access lock() { return Access(mutex_, value_); }

 private:
  std::mutex mutex_;
  T value_;
};

}  // namespace mox
