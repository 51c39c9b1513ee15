// Interrupt: ends waits in poll(2), from any thread and for good.
#pragma once

#include <atomic>

namespace mox::dns {

class Interrupt {
 public:
  /// Throws std::system_error if there is no descriptor left.
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  void raise();
  bool isRaised() const { return raised_; }
  /// Readable once it is raised.
  int fd() const { return fd_; }

 private:
  const int fd_;
  std::atomic<bool> raised_{false};
};

}  // namespace mox::dns
