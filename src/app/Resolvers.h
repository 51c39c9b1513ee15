// Resolvers: the DNS of this server. Real and cached; for localserve one in memory that knows this machine only.
#pragma once

#include <memory>

#include "app/Foundations.h"
#include "config/Config.h"
#include "dns/Resolver.h"

namespace mox::app {

/// `foundations` outlives the resolver.
std::unique_ptr<dns::Resolver> systemResolver(Foundations& foundations);

/// Answers for the hosted domains of `config`: addresses and MX of the listeners, SPF that passes them, DKIM records
/// of the configured keys. Everything else does not exist.
std::unique_ptr<dns::Resolver> localResolver(const config::Config& config);

}  // namespace mox::app
