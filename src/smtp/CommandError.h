// Why a command line was refused: the reply it wants, ready to send.
#pragma once

#include <string>
#include <tl/expected.hpp>

namespace mox::smtp {

struct CommandError {
  unsigned code = 501;              ///< RFC 5321 §4.2
  std::string enhanced = "5.5.2";   ///< RFC 3463
  std::string text;                 ///< one printable line
};

template <class T>
using Parsed = tl::expected<T, CommandError>;

[[nodiscard]] inline tl::unexpected<CommandError> refuse(unsigned code, std::string enhanced, std::string text) {
  return tl::unexpected<CommandError>(CommandError{code, std::move(enhanced), std::move(text)});
}
/// 501 5.5.2.
[[nodiscard]] inline tl::unexpected<CommandError> badSyntax(std::string text) { return refuse(501, "5.5.2", std::move(text)); }
/// 501 5.5.4.
[[nodiscard]] inline tl::unexpected<CommandError> badParameter(std::string text) { return refuse(501, "5.5.4", std::move(text)); }

}  // namespace mox::smtp
