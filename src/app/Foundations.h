// Foundations: what everything in a process stands on. Made first, gone last.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Clock.h"
#include "base/Guarded.h"
#include "base/Limits.h"
#include "base/Log.h"
#include "base/Metrics.h"
#include "base/Random.h"
#include "config/Config.h"
#include "store/Files.h"

namespace mox::app {

struct Foundations {
  explicit Foundations(LogSink::Write write, LogLevel level = LogLevel::info);

  SystemClock clock;
  SystemRandom random;
  LogSink sink;
  Log log;
  Metrics metrics;
  LimitHits limits;
  store::SystemFiles files;

  /// The levels of the configuration; `given` (-loglevel) instead of its general one. Warns of packages that there are not.
  void setLevels(const config::Static& fixed, std::optional<LogLevel> given);
  /// All metrics in Prometheus' text format.
  std::string metricsText();

 private:
  /// Lines counted by the sink, brought up to date at each scrape.
  struct LineCounter {
    LogLevel level;
    Counter& counter;
    std::uint64_t shown = 0;
  };
  Guarded<std::vector<LineCounter>> lineCounters_;
};

/// Writes a line to standard error in one piece.
void writeToStderr(std::string_view line);

}  // namespace mox::app
