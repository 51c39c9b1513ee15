// ManagedCommands: `config account|address|domain|alias …`, which change domains.conf.
//
// The running server makes the change and works by it at once. Without one the command makes it, and the next start takes
// it over.
#pragma once

#include <functional>
#include <string_view>

#include "app/Command.h"
#include "app/ManagedConfig.h"
#include "base/Clock.h"

namespace mox::app {

struct Management {
  config::ConfigPtr config;  ///< now
  /// What the server applied besides: Server::changeDomains().
  std::function<Result<std::vector<std::string>>(const Changing&)> change;
  const Clock& clock;
  /// From when on a change counts, for who made it; null in the server, where it does at once.
  std::function<std::string()> from = nullptr;
};

/// The words of all these commands.
const std::vector<std::string_view>& managedCommands();

/// Does what call.words say.
int runManaged(const Management& management, Invocation& call);

}  // namespace mox::app
