// Resolvers: the DNS of this server. Real and cached; for localserve one in memory that knows this machine only.
#pragma once

#include <memory>

#include "app/Foundations.h"
#include "config/Config.h"
#include "dns/Resolver.h"

namespace mox::app {

/// A resolver that can be told that the server stops: lookups under way and all to come then fail at once.
class ServerResolver : public dns::Resolver {
 public:
  virtual void stop() = 0;
};

/// `foundations` outlives the resolver.
std::unique_ptr<ServerResolver> systemResolver(Foundations& foundations);

/// Answers for the hosted domains of `config`: addresses and MX of the listeners, SPF that passes them, DKIM records
/// of the configured keys. Everything else does not exist.
std::unique_ptr<ServerResolver> localResolver(const config::Config& config);

}  // namespace mox::app
