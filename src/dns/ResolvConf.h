// resolv.conf(5): which name servers the machine uses, read again when the file changes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/Guarded.h"
#include "base/Ip.h"

namespace mox::dns {

struct NameServers {
  std::vector<Endpoint> servers;
  /// "options trust-ad": the way to these servers is as safe as loopback.
  bool trustAd = false;
  friend bool operator==(const NameServers&, const NameServers&) = default;
};

/// Lines "nameserver ADDRESS" (port 53) and "options"; what is not understood is skipped, as libc does. Without
/// any server: 127.0.0.1 and ::1. At most maxNameServers are kept.
NameServers parseResolvConf(std::string_view text);
inline constexpr std::size_t maxNameServers = 8;

/// Thread safe. Looks at the file's identity on each call (one stat) and parses it only when that changed.
class ResolvConf {
 public:
  explicit ResolvConf(std::string path) : path_(std::move(path)) {}
  /// A file that cannot be read counts as empty.
  NameServers current();

 private:
  struct Seen {
    long long seconds = -1, nanoseconds = 0, size = 0;
    unsigned long long inode = 0;
    NameServers servers;
  };
  std::string path_;
  Guarded<Seen> seen_;
};

}  // namespace mox::dns
