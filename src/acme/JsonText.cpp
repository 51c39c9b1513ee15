#include "acme/JsonText.h"

#include <Poco/JSONString.h>

namespace mox::acme {

std::string jsonText(std::string_view text) { return Poco::toJSON(std::string(text), true); }

}  // namespace mox::acme
