// ManagedConfig: changes of domains.conf by command, as its owner would make them with an editor: the file keeps its
// comments, order, mode and owner, is replaced at once, and never by one that does not load.
#pragma once

#include <functional>
#include <string>

#include "app/CreatedFiles.h"
#include "base/Limits.h"
#include "base/Result.h"
#include "config/SconfEdit.h"
#include "config/Source.h"
#include "store/Files.h"

namespace mox::app {

/// What a change works with. Files made on the way, below the directory of the configuration, go again if it fails.
struct Change {
  const config::Config& config;  ///< what the file says before
  config::SconfEdit& file;
  CreatedFiles& created;
};
using Changing = std::function<Result<void>(Change&)>;

/// How long the server waits for others that are changing the file. Short: it cannot stop meanwhile.
inline constexpr Limit configLockWait{"config-lock-wait", 2, "seconds"};
/// How long a command without a server does; all that were begun at once should have their turn.
inline constexpr Duration configLockPatience = std::chrono::seconds(60);

struct ManagedFiles {
  std::string configPath;   ///< of mox.conf
  std::string staticText;   ///< its content, or what it was when the server started
  config::FileReader read;
  store::Files& files;
  Duration patience = configLockPatience;  ///< with others that are changing the file
};

/// Makes the change and puts the file in place, durably; what it means then. Errors leave all as it was:
/// Errc::unsupported  one JSON file, or a declared configuration: those are not written by programs
/// Errc::syntax       the file has errors, before the change or with it
/// Errc::conflict     somebody wrote to the file meanwhile
/// Errc::denied       the file system does not let this user do it
/// Errc::timeout      others kept changing it for as long as we were patient
/// and what `changing` gives. One change at a time, of all processes, from reading to replacing (FolderLock).
Result<config::ConfigPtr> changeDomains(const ManagedFiles& managed, const Changing& changing);

}  // namespace mox::app
