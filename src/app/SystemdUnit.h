// The systemd unit for `mox serve`.
#pragma once

#include <string>

namespace mox::app {

struct UnitPaths {
  std::string program;    ///< absolute
  std::string directory;  ///< absolute; config/ and data/ are below it
  std::string user = "mox";

  /// The running program and the working directory.
  static UnitPaths ofThisProcess();
};

/// Type=notify, as an ordinary user who may bind low ports and nothing else: no root at any time.
std::string systemdUnit(const UnitPaths& paths);

}  // namespace mox::app
