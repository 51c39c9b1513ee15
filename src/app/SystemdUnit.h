// The systemd unit for `mox serve`.
#pragma once

#include <string>
#include <vector>

namespace mox::app {

/// What a unit is made for. Paths are absolute.
struct Unit {
  std::string program;
  std::string configPath;          ///< of mox.conf
  std::string dataDir;
  std::string user = "mox";
  std::vector<std::string> notes = {};  ///< comments at the top, a line each
};

/// The running program with the configuration at `configPath`, which quickstart has made or will make: data/ stands beside
/// its folder.
Unit quickstartUnit(const std::string& configPath);
/// The same with what the configuration there says. One that does not load is noted.
Unit configuredUnit(const std::string& configPath);

/// Type=notify, as an ordinary user who may bind low ports and nothing else: no root at any time.
std::string systemdUnit(const Unit& unit);

}  // namespace mox::app
