#include "base/Log.h"

#include <array>
#include <atomic>
#include <mutex>
#include <shared_mutex>

#include "base/Date.h"
#include "base/Text.h"

namespace mox {

namespace {

constexpr std::array<std::string_view, 7> names{"error", "warn", "info", "debug", "trace", "traceauth", "tracedata"};
constexpr char pairSeparator = '\x1e';
constexpr char keySeparator = '\x1f';

/// JSON string rules; bytes that are not ASCII are escaped one by one so that any input gives a valid line.
std::string quoted(std::string_view value) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool needsQuotes(std::string_view value) {
  if (value.empty()) return true;
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '"' || c == '=' || c == '\\') return true;
  }
  return false;
}

class Line {
 public:
  explicit Line(LogFormat format) : json_(format == LogFormat::json) {
    if (json_) text_ = "{";
  }

  void add(std::string_view key, std::string_view value) {
    if (!first_) text_ += json_ ? ',' : ' ';
    first_ = false;
    if (json_) {
      text_ += quoted(key) + ":" + quoted(value);
    } else {
      text_.append(key).append("=").append(needsQuotes(value) ? quoted(value) : std::string(value));
    }
  }

  std::string finish() && {
    if (json_) text_ += '}';
    text_ += '\n';
    return std::move(text_);
  }

 private:
  bool json_;
  bool first_ = true;
  std::string text_;
};

}  // namespace

std::optional<LogLevel> parseLogLevel(std::string_view text) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == text) return static_cast<LogLevel>(i);
  return std::nullopt;
}

std::string_view logLevelName(LogLevel level) { return names[static_cast<std::size_t>(level)]; }

struct LogSink::State {
  const Clock& clock;
  LogFormat format;
  Write write;
  mutable std::shared_mutex mutex;  // guards levels
  std::map<std::string, LogLevel> levels;
  std::atomic<int> highest{0};  // no room passes more than this: the cheap test
  std::mutex writing;
  std::array<std::atomic<std::uint64_t>, names.size()> counts{};
};

LogSink::LogSink(const Clock& clock, LogFormat format, LogLevel level, Write write)
    : state_(new State{clock, format, std::move(write), {}, {{"", level}}, {static_cast<int>(level)}, {}, {}}) {}
LogSink::~LogSink() = default;

void LogSink::setLevel(const std::string& room, std::optional<LogLevel> level) {
  std::unique_lock hold(state_->mutex);
  if (level) state_->levels[room] = *level;
  else if (!room.empty()) state_->levels.erase(room);
  int highest = 0;
  for (const auto& [name, value] : state_->levels) highest = std::max(highest, static_cast<int>(value));
  state_->highest = highest;
}

std::map<std::string, LogLevel> LogSink::levels() const {
  std::shared_lock hold(state_->mutex);
  return state_->levels;
}

bool LogSink::enabled(const std::string& room, LogLevel level) const {
  if (static_cast<int>(level) > state_->highest.load(std::memory_order_relaxed)) return false;
  std::shared_lock hold(state_->mutex);
  auto own = state_->levels.find(room);
  return level <= (own != state_->levels.end() ? own->second : state_->levels.at(""));
}

void LogSink::write(const std::string& room, LogLevel level, std::string_view message, const std::string& context,
                    std::initializer_list<LogField> fields) {
  ++state_->counts[static_cast<std::size_t>(level)];
  Line line(state_->format);
  line.add("ts", rfc3339(state_->clock.now()));
  line.add("l", logLevelName(level));
  line.add("m", message);
  if (!room.empty()) line.add("pkg", room);
  if (!context.empty()) {
    for (auto pair : split(std::string_view(context).substr(0, context.size() - 1), pairSeparator))
      if (auto kv = cut(pair, keySeparator)) line.add(kv->first, kv->second);
  }
  for (const auto& field : fields) line.add(field.key, field.value);
  std::string text = std::move(line).finish();
  std::lock_guard hold(state_->writing);
  state_->write(text);
}

std::uint64_t LogSink::count(LogLevel level) const { return state_->counts[static_cast<std::size_t>(level)]; }

Log Log::with(const LogField& field) const {
  Log out = *this;
  out.context_.append(field.key);
  out.context_ += keySeparator;
  for (char c : field.value) out.context_ += c == pairSeparator || c == keySeparator ? '?' : c;
  out.context_ += pairSeparator;
  return out;
}

Log Log::room(std::string name) const {
  Log out = *this;
  out.room_ = std::move(name);
  return out;
}

}  // namespace mox
