// Strings for JSON requests, RFC 8259 §7.
#pragma once

#include <string>
#include <string_view>

namespace mox::acme {

/// `text` in quotation marks. It is UTF-8.
std::string jsonText(std::string_view text);

}  // namespace mox::acme
