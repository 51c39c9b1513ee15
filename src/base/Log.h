// Structured logs: one line an event, logfmt or JSON, on stderr or a given sink.
//
// A Log belongs to a room ("smtpserver", "queue") and may carry fields (cid).
// Levels can be changed per room while running. Passwords, keys, tokens and
// SASL responses are never given to a Log.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/Clock.h"

namespace mox {

enum class LogLevel { error, warn, info, debug, trace, traceAuth, traceData };
/// "error", "info", "debug", "trace", "traceauth", "tracedata" and "warn"; nothing for other text.
std::optional<LogLevel> parseLogLevel(std::string_view text);
std::string_view logLevelName(LogLevel level);

enum class LogFormat { logfmt, json };

/// One key and its value, already text.
struct LogField {
  std::string_view key;
  std::string value;

  LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
  LogField(std::string_view k, const char* v) : key(k), value(v) {}
  LogField(std::string_view k, const std::string& v) : key(k), value(v) {}
  LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
  template <class N>
    requires std::is_arithmetic_v<N>
  LogField(std::string_view k, N v) : key(k), value(std::to_string(v)) {}
};

/// Where lines go and which levels pass. One a process, made by app; thread safe.
class LogSink {
 public:
  using Write = std::function<void(std::string_view line)>;

  LogSink(const Clock& clock, LogFormat format, LogLevel level, Write write);
  ~LogSink();
  LogSink(const LogSink&) = delete;
  LogSink& operator=(const LogSink&) = delete;

  /// Room "" is the default for all rooms; level nullopt clears a room's own.
  void setLevel(const std::string& room, std::optional<LogLevel> level);
  std::map<std::string, LogLevel> levels() const;
  bool enabled(const std::string& room, LogLevel level) const;
  void write(const std::string& room, LogLevel level, std::string_view message, const std::string& context,
             std::initializer_list<LogField> fields);
  /// Lines written per level since the start, for the mox_logging_level_*_total metrics.
  std::uint64_t count(LogLevel level) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A cheap handle: copy it freely. A default Log drops everything.
class Log {
 public:
  Log() = default;
  Log(LogSink& sink, std::string room) : sink_(&sink), room_(std::move(room)) {}

  /// The same with a field on every line.
  Log with(const LogField& field) const;
  /// The same for another room.
  Log room(std::string name) const;

  bool enabled(LogLevel level) const { return sink_ != nullptr && sink_->enabled(room_, level); }
  void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {}) const {
    if (enabled(level)) sink_->write(room_, level, message, context_, fields);
  }
  void error(std::string_view message, std::initializer_list<LogField> fields = {}) const { log(LogLevel::error, message, fields); }
  void warn(std::string_view message, std::initializer_list<LogField> fields = {}) const { log(LogLevel::warn, message, fields); }
  void info(std::string_view message, std::initializer_list<LogField> fields = {}) const { log(LogLevel::info, message, fields); }
  void debug(std::string_view message, std::initializer_list<LogField> fields = {}) const { log(LogLevel::debug, message, fields); }
  /// Protocol lines; the caller hides credentials below traceAuth and message data below traceData.
  void trace(LogLevel level, std::string_view direction, std::string_view line) const { log(level, direction, {{"line", line}}); }

 private:
  LogSink* sink_ = nullptr;
  std::string room_;
  std::string context_;  ///< fields of with(), rendered as key\x1fvalue\x1e pairs
};

}  // namespace mox
