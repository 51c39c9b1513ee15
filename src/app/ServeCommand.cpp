// mox serve: the server of a configuration, from root to user.
#include <sys/stat.h>

#include <ostream>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/GiveTree.h"
#include "app/Privileges.h"
#include "app/Serving.h"
#include "net/Sockets.h"

namespace mox::app {

namespace {

constexpr mode_t fileMask = 007;  // user and group may read and write, nobody else anything

/// As root: the data directory belongs to the user from here on, then this process is that user.
Result<void> leaveRoot(Foundations& foundations, const config::Config& config) {
  const auto& name = config.fixed().user;
  auto user = findUser(name.empty() ? "mox" : name);
  if (!user) return fail("refusing to serve as root, \"User\" in the configuration must name who to become", user.error());
  makeDataDirectory(foundations.files, config.dataDir());
  if (!config.fixed().noFixPermissions && !giveTree(config.dataDir(), *user))
    foundations.log.warn("on the way to the data directory is a link that is not root's: its files are not given to the user", {{"directory", config.dataDir()}});
  becomeUser(*user);
  foundations.log.info("dropped privileges", {{"user", user->name}, {"uid", user->uid}, {"gid", user->gid}});
  return {};
}

Result<std::vector<BoundSocket>> sockets(Foundations& foundations, const config::Config& config) {
  auto passed = net::takeListenFds();
  if (!passed) return fail("sockets of the service manager", passed.error());
  return getSockets(planSockets(config), std::move(*passed), foundations.log);
}

int failed(Invocation& call, const Error& error) {
  call.err << "error: " << error.text << "\n";
  return 1;
}

}  // namespace

int commandServe(Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  auto level = logLevelOption(call);
  if (!level) return call.err << level.error().text << "\n", 2;
  ::umask(fileMask);
  blockSignals();
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  if (!loaded.config) {
    if (auto why = whyDenied(call.configPath, R_OK); !why.empty()) call.err << "error: " << why << "\n";
    return 1;
  }
  Foundations foundations(&writeToStderr);
  foundations.setLevels(loaded.config->fixed(), *level);
  foundations.log.info("starting", {{"version", MOX_VERSION}, {"config", call.configPath}});
  for (const auto& problem : loaded.warnings) foundations.log.warn("configuration", {{"problem", problem.text()}});
  auto limit = net::raiseFileLimit();
  if (!limit.error.empty()) foundations.log.warn("cannot raise the limit of open files", {{"limit", limit.now}, {"err", limit.error}});

  // Before root gives all of it to another user.
  if (auto foreign = foreignData(loaded.config->dataDir()); !foreign.empty()) return failed(call, {Errc::unsupported, foreign});
  auto certificates = readCertificates(*loaded.config, loaded.files);
  if (!certificates) return failed(call, certificates.error());
  useBindCapability();
  auto bound = sockets(foundations, *loaded.config);
  if (!bound) return failed(call, bound.error());
  if (isRoot()) {
    if (auto left = leaveRoot(foundations, *loaded.config); !left) return failed(call, left.error());
  } else {
    dropCapabilities();
  }
  // After a restore in particular, what was copied may be root's.
  if (auto why = whyDataDenied(loaded.config->dataDir()); !why.empty()) return failed(call, {Errc::denied, why + "; give it to the server's user (chown -R)"});
  ServerOptions options;
  options.configPath = call.configPath;
  options.config = loaded.config;
  options.files = loaded.files;
  options.certificates = std::move(*certificates);
  options.sockets = std::move(*bound);
  options.requestStop = &requestStopBySignal;
  options.onStatus = [&foundations](const std::string& status, bool busy) { notifyStatus(status, busy, foundations); };
  Server server(std::move(options), foundations);
  foundations.log.info("ready");
  runUntilStopped(server, foundations);
  return 0;
}

}  // namespace mox::app
