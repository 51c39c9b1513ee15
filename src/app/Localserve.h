// Localserve: a server for developers and tests, ready at once. Its account and password are known to all, it listens
// on loopback only unless told otherwise, and never sends anything to another machine.
#pragma once

#include <string>
#include <vector>

#include "app/Foundations.h"
#include "base/Ip.h"
#include "config/Dynamic.h"
#include "config/Static.h"

namespace mox::app {

inline constexpr std::string_view localAccount = "mox";
inline constexpr std::string_view localAddress = "mox@localhost";
inline constexpr std::string_view localPassword = "moxmoxmox";
inline constexpr std::uint16_t localSmtpPort = 1025;

config::Static localStatic(const std::vector<IpAddress>& ips);
config::Dynamic localDynamic();

/// $XDG_CONFIG_HOME/mox-localserve or ~/.config/mox-localserve. Throws std::runtime_error without either.
std::string defaultLocalDirectory();

/// Writes configuration, certificate, DKIM key and the account with its password into `directory`, unless a
/// configuration is there. Gives the path of mox.conf. Throws.
std::string prepareLocal(Foundations& foundations, const std::string& directory, const std::vector<IpAddress>& ips);

}  // namespace mox::app
