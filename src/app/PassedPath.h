// PassedPath: files and folders named to a command, for a server that may see others under the same names.
//
// A service has a /tmp of its own, no /home, and what it may not write is read-only (systemd.exec(5)). So the command opens what
// was named and passes it with the request, and the server works below /proc/self/fd/N (proc(5)), which leads to where
// the command has been, whatever the server sees. Where both see the same the server uses the name, since only so can a backup
// have links to the files of the data directory: link(2) does not go across mounts.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "app/Command.h"
#include "net/Sockets.h"

namespace mox::app {

struct ServerParts;
struct CtlRequest;

/// What the command passes.
struct PassedPath {
  std::shared_ptr<net::Fd> fd;  ///< null if the command cannot open anything: then the name is all there is
  std::string at;               ///< what it is, above or equal to the path that was named

  /// Adds both to a request whose command is run by withPassedPath().
  void addTo(CtlRequest& request) const;
};

/// A file or folder to read. `path` is absolute.
PassedPath passSource(const std::string& path);
/// A folder to write into, or above it as far as there is one. Root makes what lacks and gives it to the owner of the server
/// at `ctlPath`. `path` is absolute. Throws store::FileError if root cannot.
PassedPath passFolder(const std::string& path, const std::string& ctlPath);
/// Where a new file is to be: the folder above it.
PassedPath passParent(const std::string& path);

/// On the server: has `run` work on the path to use for the `named` one. `at` is what the request had as option; "" if
/// nothing was passed. What `run` prints or throws has the name in place of the path.
int withPassedPath(const ServerParts& server, Invocation& call, const std::string& at, const std::string& named,
                   const std::function<int(Invocation& call, const std::string& path)>& run);

/// The option that addTo() makes.
inline constexpr const char* passedOption = "passed";

}  // namespace mox::app
