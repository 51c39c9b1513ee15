// Described records as text: sconf (plain, with values, or as an annotated
// template), JSON, and JSON Schema.
#pragma once

#include <string>

#include "base/Describe.h"
#include "base/Result.h"
#include "config/Dynamic.h"
#include "config/Static.h"

namespace mox::config {

enum class Comments {
  none,
  brief,  ///< documentation above each field that is written
};

/// sconf of a record; optional zero fields are left out. Errc::unsupported, with the path, if a value cannot be
/// written: text with a line break, a key with a colon.
Result<std::string> writeSconf(const described::Type& type, const void* value, Comments comments);
template <class T>
Result<std::string> writeSconf(const T& value, Comments comments = Comments::none) {
  return writeSconf(described::typeOf<T>(), &value, comments);
}

/// All fields with documentation, one element in each list and map: `mox config describe-static`. It parses.
std::string describeSconf(const described::Type& type);
template <class T>
std::string describeSconf() {
  return describeSconf(described::typeOf<T>());
}

/// JSON, indented by two spaces; optional zero fields are left out.
std::string writeJson(const described::Type& type, const void* value);
template <class T>
std::string writeJson(const T& value) {
  return writeJson(described::typeOf<T>(), &value);
}

/// JSON Schema, draft 2020-12.
std::string jsonSchema(const described::Type& type, std::string_view title);
template <class T>
std::string jsonSchema(std::string_view title) {
  return jsonSchema(described::typeOf<T>(), title);
}

/// Both parts at one top: the JSON form of a whole configuration.
struct Whole {
  Static fixed;
  Dynamic dynamic;
};
void describe(described::Fields&, Whole&);

}  // namespace mox::config
