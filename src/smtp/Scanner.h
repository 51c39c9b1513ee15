// A cursor over one command line. Used by the parsers of this room only.
#pragma once

#include <string_view>

#include "base/Text.h"

namespace mox::smtp {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool atEnd() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  std::string_view rest() const { return rest_; }
  void skip(std::size_t count) { rest_.remove_prefix(count < rest_.size() ? count : rest_.size()); }

  /// Takes `c` if it is next.
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool takeNoCase(std::string_view word) {
    if (!startsWithNoCase(rest_, word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  template <class Predicate>
  std::string_view takeWhile(Predicate belongs) {
    std::size_t count = 0;
    while (count < rest_.size() && belongs(rest_[count])) ++count;
    auto taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  std::size_t skipSpaces() {
    return takeWhile([](char c) { return c == ' '; }).size();
  }

 private:
  std::string_view rest_;
};

}  // namespace mox::smtp
