// Threads with small stacks: std::thread has no stack size, and 8 MB of address space times many is not free.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <string>

namespace mox::net {

inline constexpr std::size_t smallStack = 256 * 1024;

/// Runs `body` with all signals blocked (they are the main thread's business, and OpenSSL's socket writes would
/// raise SIGPIPE). Join before destruction.
class Thread {
 public:
  /// `name`: at most 15 bytes are kept. Throws std::system_error if the machine has no thread left.
  Thread(const std::string& name, std::size_t stackBytes, std::function<void()> body);
  ~Thread();
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;
  void join();

 private:
  pthread_t handle_{};
  bool joined_ = false;
};

}  // namespace mox::net
