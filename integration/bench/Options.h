#pragma once
#include <cstddef>
#include <map>
#include <string>

namespace mox::bench {

// "--name value" pairs of a command line. Every name must be among the defaults given to the constructor, so that a
// misspelt one is an error (std::runtime_error), not a setting that does nothing.
class Options {
 public:
  Options(int count, const char* const* words, std::map<std::string, std::string> defaults);

  [[nodiscard]] const std::string& text(const std::string& name) const;
  [[nodiscard]] std::size_t number(const std::string& name) const;
  [[nodiscard]] bool yes(const std::string& name) const { return text(name) == "yes"; }

 private:
  std::map<std::string, std::string> values_;
};

}  // namespace mox::bench
