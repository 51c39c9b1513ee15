// One destination of an account with its rulesets, checked. Inside of load().
#pragma once

#include "config/Build.h"

namespace mox::config {

/// Account and address are for the caller to fill.
Target buildTarget(Document& file, const Path& path, const Destination& destination);

}  // namespace mox::config
