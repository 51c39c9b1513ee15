// SPF macros, RFC 7208 §7. Values of letters are asked for when met, since "p" costs DNS lookups.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/Result.h"

namespace mox::spf {

/// Octets an expansion may have; more is hostile (permerror). Names are cut to 253 only after this.
inline constexpr std::size_t maxExpansion = 16 * 1024;

/// Syntax only. A domain-spec ends in ".toplabel" or a macro.
Result<void> checkMacroString(std::string_view text);
Result<void> checkDomainSpec(std::string_view text);

/// Value of a lower-case macro letter.
using MacroValue = std::function<std::string(char letter)>;

/// Domain-specs know the letters s l o d i p v h; explanations also c r t.
enum class MacroUse { domain, explanation };
Result<std::string> expandMacros(std::string_view text, MacroUse use, const MacroValue& value);

/// RFC 7208 §7.3: labels are dropped from the left until at most 253 octets are left.
std::string fitDomain(std::string expanded);

}  // namespace mox::spf
