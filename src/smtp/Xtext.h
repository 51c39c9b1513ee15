// RFC 3461 §4 xtext: any octets as printable ASCII in a parameter value.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mox::smtp {

std::string encodeXtext(std::string_view bytes);
/// Nothing if malformed, or if the octets hold CR, LF, NUL or another control: no envelope field may.
/// Hex digits must be upper case.
std::optional<std::string> decodeXtext(std::string_view text);

}  // namespace mox::smtp
