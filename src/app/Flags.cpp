#include "app/Flags.h"

#include <fmt/format.h>

namespace mox::app {

Flags& Flags::text(std::string name, std::string& value, std::string doc) {
  return parsed(
      std::move(name),
      [&value](std::string_view given) -> Result<void> {
        value = given;
        return {};
      },
      std::move(doc));
}

Flags& Flags::toggle(std::string name, bool& value, std::string doc) {
  auto set = [&value](std::string_view given) -> Result<void> {
    if (given != "true" && given != "false") return fail(Errc::syntax, "takes true or false");
    value = given == "true";
    return {};
  };
  flags_.push_back({std::move(name), true, std::move(doc), set});
  return *this;
}

Flags& Flags::parsed(std::string name, std::function<Result<void>(std::string_view)> set, std::string doc) {
  flags_.push_back({std::move(name), false, std::move(doc), std::move(set)});
  return *this;
}

Flags& Flags::operands(bool (*isOperand)(std::string_view word)) {
  isOperand_ = isOperand;
  return *this;
}

const Flags::Flag* Flags::find(std::string_view name) const {
  for (const auto& flag : flags_)
    if (flag.name == name) return &flag;
  return nullptr;
}

Result<std::vector<std::string>> Flags::parse(const std::vector<std::string>& args) const {
  std::vector<std::string> rest;
  for (std::size_t i = 0; i < args.size(); ++i) {
    std::string_view arg = args[i];
    if (arg == "--") {
      rest.insert(rest.end(), args.begin() + static_cast<std::ptrdiff_t>(i) + 1, args.end());
      break;
    }
    if (arg.size() < 2 || arg[0] != '-' || (isOperand_ != nullptr && isOperand_(arg))) {  // as in Go, the first word that is no option ends them
      rest.insert(rest.end(), args.begin() + static_cast<std::ptrdiff_t>(i), args.end());
      break;
    }
    arg.remove_prefix(arg[1] == '-' ? 2 : 1);
    auto equals = arg.find('=');
    auto name = arg.substr(0, equals);
    const auto* flag = find(name);
    if (flag == nullptr) return fail(Errc::syntax, fmt::format("unknown option -{}", name));
    std::string value = flag->isSwitch ? "true" : "";
    if (equals != std::string_view::npos) {
      value = arg.substr(equals + 1);
    } else if (!flag->isSwitch) {
      if (++i == args.size()) return fail(Errc::syntax, fmt::format("option -{} needs a value", name));
      value = args[i];
    }
    if (auto set = flag->set(value); !set) return fail(fmt::format("option -{}", name), set.error());
  }
  return rest;
}

std::string Flags::usage() const {
  std::string out;
  for (const auto& flag : flags_) out += fmt::format("  -{}{}\n    \t{}\n", flag.name, flag.isSwitch ? "" : " value", flag.doc);
  return out;
}

}  // namespace mox::app
