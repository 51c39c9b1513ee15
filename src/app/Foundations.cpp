#include "app/Foundations.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/Text.h"

namespace mox::app {

namespace {

Counter& lineCounter(Metrics& metrics, LogLevel level) {
  std::string name(logLevelName(level));
  return metrics.counter("mox_logging_level_" + name + "_total", "Log lines of level " + name + ".");
}

}  // namespace

Foundations::Foundations(LogSink::Write write, LogLevel level)
    : sink(clock, LogFormat::logfmt, level, std::move(write)), log(sink, "app"), limits(metrics, log) {
  auto counters = lineCounters_.lock();
  for (auto counted : {LogLevel::error, LogLevel::warn, LogLevel::info}) counters->push_back({counted, lineCounter(metrics, counted)});
}

void Foundations::setLevels(const config::Static& fixed, std::optional<LogLevel> given) {
  auto general = given ? given : parseLogLevel(fixed.logLevel);
  if (general) sink.setLevel("", general);
  for (const auto& [room, text] : fixed.packageLogLevels) {
    const auto& rooms = config::logRooms();
    bool isThere = std::find(rooms.begin(), rooms.end(), room) != rooms.end();  // loading has warned of others
    if (auto level = parseLogLevel(text); level && isThere) sink.setLevel(room, level);
  }
}

std::string Foundations::metricsText() {
  auto counters = lineCounters_.lock();
  for (auto& line : *counters) {
    auto now = sink.count(line.level);
    line.counter.inc(static_cast<double>(now - line.shown));
    line.shown = now;
  }
  return metrics.text();
}

void writeToStderr(std::string_view line) {
  while (!line.empty()) {
    auto written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody reads our log: there is nowhere left to say so
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace mox::app
