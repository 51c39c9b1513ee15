// Serving: the life of a server process, from the configuration to the last signal. Shared by serve and localserve.
#pragma once

#include <chrono>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "app/Command.h"
#include "app/Server.h"
#include "base/Limits.h"
#include "net/Sockets.h"

namespace mox::app {

/// Loads the configuration and says what is wrong with it on `err`; null if anything is. With `pedantic` it is as if
/// the file said "Pedantic: true".
struct LoadedConfig {
  config::ConfigPtr config;
  config::FileReader files;
  std::vector<config::Problem> warnings;
};
LoadedConfig loadConfig(const std::string& path, bool pedantic, std::ostream& err, const config::LoadOptions& options = {});

/// DataDir of a configuration, which may be wrong otherwise, or hold secrets that this process cannot read: all that is
/// needed to speak with its server. Errors name the file.
Result<std::string> configuredDataDir(const std::string& path);

/// The level that -loglevel names; nothing without it. Errc::syntax.
Result<std::optional<LogLevel>> logLevelOption(const Invocation& call);

/// Blocks the signals that runUntilStopped() waits for, and SIGPIPE. Call before any thread starts.
void blockSignals();

/// Tells the service manager that the server is ready, then waits for signals: HUP reloads, INT and TERM stop. Returns
/// when the server has stopped.
void runUntilStopped(Server& server, Foundations& foundations);

/// Counted each time a message to the service manager is given up.
inline constexpr Limit notifyWait{"notify-wait", net::notifyPatience.count(), "seconds"};
/// A service manager is asked to wait so much longer while the server is at work, each time it is told of that.
inline constexpr std::chrono::microseconds busyPatience = std::chrono::seconds(60);
/// Tells the service manager how the server is (sd_notify STATUS, and EXTEND_TIMEOUT_USEC if it is at work).
void notifyStatus(const std::string& status, bool busy, Foundations& foundations);

/// Makes this process receive TERM, for `mox stop`.
void requestStopBySignal();

}  // namespace mox::app
