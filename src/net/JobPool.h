// A capped pool of threads for work that waits for others (DNS, HTTP) or burns CPU (password hashes).
//
// Threads come with the work and go when idle. A full pool says no at once: the session answers 4xx.
// Thread safe. Jobs that throw are logged and counted, not lost silently.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/Clock.h"
#include "base/Log.h"
#include "base/Metrics.h"

namespace mox::net {

struct JobPoolOptions {
  std::string name;  ///< "dns", "password": the metrics' label
  unsigned maxThreads = 8;
  std::size_t maxQueued = 1000;
  std::size_t stackBytes = 256 * 1024;
  Duration idle = std::chrono::seconds(10);  ///< a thread without work ends after this
};

class JobPool {
 public:
  JobPool(JobPoolOptions options, Metrics& metrics, Log log);
  /// Runs what is queued, then ends. Nobody may submit any more.
  ~JobPool();
  JobPool(const JobPool&) = delete;
  JobPool& operator=(const JobPool&) = delete;

  /// False if maxQueued jobs wait already.
  [[nodiscard]] bool submit(std::function<void()> job);
  std::size_t queued() const;
  unsigned threads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::net
