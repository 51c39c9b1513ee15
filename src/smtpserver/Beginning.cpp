#include "smtpserver/Beginning.h"

#include "message/HeaderFields.h"

namespace mox::smtpserver {

namespace {

/// Octets in which the colon of a field must come.
constexpr std::size_t mostHeld = 2 * message::maxFieldName;

bool isMboxLine(std::string_view line) { return line.starts_with("From ") || line.starts_with(">From "); }

}  // namespace

void Beginning::feed(std::string_view bytes) {
  if (at_ == At::rest) return sink_(bytes);
  held_ += bytes;
  while (at_ != At::rest && decide(false)) {
  }
}

void Beginning::finish() {
  while (at_ != At::rest && !held_.empty() && decide(true)) {
  }
}

bool Beginning::decide(bool isComplete) {
  auto newline = held_.find('\n');
  bool hasLine = newline != std::string::npos;
  if (at_ == At::mboxLine) {
    held_.erase(0, hasLine ? newline + 1 : held_.size());
    if (hasLine) at_ = At::firstLine;
    return hasLine;
  }
  if (!hasLine && held_.size() < mostHeld && !isComplete) return false;
  std::size_t next = 0;
  auto line = message::lineAt(held_, 0, next);
  auto kind = message::classifyHeaderLine(line, true);
  bool fits = kind == message::HeaderLine::field || kind == message::HeaderLine::blank;
  if (!fits && !dropped_ && isMboxLine(line)) {
    dropped_ = true;
    at_ = At::mboxLine;
    return true;
  }
  if (!fits) sink_("\r\n");
  pass();
  return true;
}

void Beginning::pass() {
  at_ = At::rest;
  sink_(held_);
  held_ = {};
}

}  // namespace mox::smtpserver
