// Content-Type, Content-Disposition and the like: a value with parameters. RFC 2045 §5.1, RFC 2183, RFC 2231.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "message/Parsed.h"

namespace mox::message {

struct ContentType {
  std::string type, subtype;  ///< lower case
  std::vector<Parameter> parameters;
};

/// `value` raw, comments and all. Nothing without "type/subtype": RFC 2045 §5.2 says text/plain then.
std::optional<ContentType> contentType(std::string_view value);
/// Nothing without a type. A bare "attachment" is one.
std::optional<Disposition> contentDisposition(std::string_view value);
/// The first token, lower case: for Content-Transfer-Encoding. "" if there is none.
std::string firstToken(std::string_view value);
/// Tokens between commas, RFC 3282; at most maxParameters.
std::vector<std::string> languageTags(std::string_view value);

}  // namespace mox::message
