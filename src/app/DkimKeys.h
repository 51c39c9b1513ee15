// DKIM keys that the server makes, for selectors with an Algorithm and no PrivateKeyFile.
#pragma once

#include <string>
#include <vector>

#include "base/Log.h"
#include "config/Config.h"
#include "store/Files.h"

namespace mox::app {

/// Makes those that are missing, each durable and with mode 0600; none that is there is touched. Names as in DNS
/// ("2026a._domainkey.example.org") of the new ones: the configuration must be read again for them to sign. Throws
/// store::FileError.
std::vector<std::string> makeDkimKeys(store::Files& files, const config::Config& config, const Log& log);

}  // namespace mox::app
