// Flags: command-line options of one command, Go style: "-name value",
// "-name=value", "-switch"; two dashes do as well. "--" ends the options.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"

namespace mox::app {

class Flags {
 public:
  /// An option with a value; `value` holds the default and outlives parse().
  Flags& text(std::string name, std::string& value, std::string doc);
  /// A switch; "-name", "-name=true" or "-name=false".
  Flags& toggle(std::string name, bool& value, std::string doc);
  /// An option checked while parsing.
  Flags& parsed(std::string name, std::function<Result<void>(std::string_view)> set, std::string doc);

  /// Words that look like options and are none, such as keys that begin with "-". Without it they need "--" before them.
  Flags& operands(bool (*isOperand)(std::string_view word));

  /// What is left when the options are taken out. Unknown and valueless options are errors.
  Result<std::vector<std::string>> parse(const std::vector<std::string>& args) const;
  /// One line an option, for help.
  std::string usage() const;

 private:
  struct Flag {
    std::string name;
    bool isSwitch;
    std::string doc;
    std::function<Result<void>(std::string_view)> set;
  };
  const Flag* find(std::string_view name) const;
  std::vector<Flag> flags_;
  bool (*isOperand_)(std::string_view word) = nullptr;
};

}  // namespace mox::app
