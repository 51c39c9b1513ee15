// What a reload changed, in words for the log.
#pragma once

#include <string>
#include <vector>

#include "config/Config.h"

namespace mox::app {

/// "account added: mjl", "domain changed: example.org", ...; empty if nothing differs.
std::vector<std::string> changes(const config::Dynamic& before, const config::Dynamic& after);

}  // namespace mox::app
