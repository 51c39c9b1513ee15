#include "Options.h"

#include <stdexcept>

namespace mox::bench {

Options::Options(int count, const char* const* words, std::map<std::string, std::string> defaults) : values_(std::move(defaults)) {
  for (int i = 1; i < count; i += 2) {
    const std::string name = words[i];
    const auto known = name.rfind("--", 0) == 0 ? values_.find(name.substr(2)) : values_.end();
    if (known == values_.end() || i + 1 == count) {
      std::string usage = "not understood: " + name + "; options and defaults:";
      for (const auto& [key, value] : values_) usage += "\n  --" + key + " " + value;
      throw std::runtime_error(usage);
    }
    known->second = words[i + 1];
  }
}

const std::string& Options::text(const std::string& name) const { return values_.at(name); }

std::size_t Options::number(const std::string& name) const {
  const std::string& value = text(name);
  std::size_t used = 0;
  const unsigned long result = value.empty() || value[0] == '-' ? 0 : std::stoul(value, &used);
  if (used != value.size() || value.empty()) throw std::runtime_error("--" + name + " is not a number: " + value);
  return result;
}

}  // namespace mox::bench
