// What a server announced in its EHLO reply, RFC 5321 §4.1.1.1.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "smtp/Reply.h"

namespace mox::smtp {

struct Extensions {
  bool startTls = false;          ///< RFC 3207
  bool pipelining = false;        ///< RFC 2920
  bool eightBitMime = false;      ///< RFC 6152
  bool smtpUtf8 = false;          ///< RFC 6531
  bool requireTls = false;        ///< RFC 8689
  bool enhancedCodes = false;     ///< RFC 2034
  bool size = false;              ///< RFC 1870
  std::uint64_t maxSize = 0;      ///< 0: not told
  std::vector<std::string> auth;  ///< mechanisms, upper case
  std::optional<std::uint64_t> rcptMax, mailMax, rcptDomainMax;  ///< RFC 9422

  /// The first line is the server's greeting and holds none.
  static Extensions parse(const Reply& ehlo);
};

}  // namespace mox::smtp
