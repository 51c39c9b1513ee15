// JsonFault: the place where a text stops being JSON, for people who wrote it by hand.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace mox::config {

struct JsonFault {
  int line = 0;
  std::string text;  ///< "expected a key after the comma"
};

/// The first fault by RFC 8259, or nothing if there is none. Nesting beyond maxDepth is one.
std::optional<JsonFault> findJsonFault(std::string_view text);

}  // namespace mox::config
