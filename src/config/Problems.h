// What is wrong with a configuration, and where.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mox::config {

/// How many errors of one load are kept; one wrong indent must not give a thousand.
inline constexpr std::size_t maxProblems = 20;

/// Of a field that mox has and this program does nothing with yet.
inline constexpr std::string_view notAvailableYet = "accepted, but not available yet in this program";

/// The way to a value: record fields, map keys and list positions.
class Path {
 public:
  Path operator/(std::string_view field) const;
  Path operator/(std::size_t position) const;

  struct Step {
    std::string name;  ///< field or key; of a position its decimal digits
    bool isPosition = false;
  };
  const std::vector<Step>& steps() const { return steps_; }
  /// "Listeners.public.IPs[0]"; what is not printable as \xNN.
  std::string dotted() const;
  /// RFC 6901: "/Listeners/public/IPs/0".
  std::string pointer() const;

 private:
  std::vector<Step> steps_;
};

struct Problem {
  std::string file;
  int line = 0;      ///< from 1; 0 if not known
  std::string path;  ///< empty for the file as a whole
  std::string message;

  /// "file:line: path: message", without what is not known.
  std::string text() const;
  friend bool operator==(const Problem&, const Problem&) = default;
};

/// All of them, one a line.
std::string text(const std::vector<Problem>& problems);

}  // namespace mox::config
