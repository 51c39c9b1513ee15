#include "config/Problems.h"

#include "base/Text.h"
#include "base/Unicode.h"

namespace mox::config {

namespace {

/// A name for an error line: as it is if it is plain text, else escaped.
std::string shown(const std::string& name) { return isPlainUtf8(name) ? name : printable(name); }

}  // namespace

Path Path::operator/(std::string_view field) const {
  Path out(*this);
  out.steps_.push_back({std::string(field), false});
  return out;
}

Path Path::operator/(std::size_t position) const {
  Path out(*this);
  out.steps_.push_back({std::to_string(position), true});
  return out;
}

std::string Path::dotted() const {
  std::string out;
  for (const auto& step : steps_) {
    if (step.isPosition) out += "[" + step.name + "]";
    else out += (out.empty() ? "" : ".") + shown(step.name);
  }
  return out;
}

std::string Path::pointer() const {
  std::string out;
  for (const auto& step : steps_) {
    out += '/';
    for (char c : shown(step.name)) {
      if (c == '~') out += "~0";
      else if (c == '/') out += "~1";
      else out += c;
    }
  }
  return out;
}

std::string Problem::text() const {
  std::string out = file;
  if (line > 0) out += ":" + std::to_string(line);
  if (!out.empty()) out += ": ";
  if (!path.empty()) out += path + ": ";
  return out + message;
}

std::string text(const std::vector<Problem>& problems) {
  std::string out;
  for (const auto& problem : problems) out += problem.text() + "\n";
  return out;
}

}  // namespace mox::config
