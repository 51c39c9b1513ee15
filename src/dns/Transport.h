// One question to one name server over UDP, then TCP if the answer was cut.
//
// The UDP socket is connected, so the kernel drops packets from other sources and reports a closed port at
// once; each query has a fresh socket, hence a fresh source port (RFC 5452 §9.2). Blocks until the deadline.
#pragma once

#include <cstdint>
#include <string>

#include "base/Clock.h"
#include "base/Ip.h"
#include "base/Result.h"
#include "dns/Packet.h"

namespace mox::dns {

struct Patience {
  const Clock& clock;
  Steady deadline;
  int giveUp = -1;  ///< a descriptor, -1 for none; once it is readable nothing is waited for
};

/// The reply as octets, checked by isReplyTo(), not truncated. Errors: timeout, temporary (refused, unreachable,
/// cut short, given up), syntax (a name that cannot be asked for).
Result<std::string> exchange(const Patience& patience, const Endpoint& server, const Question& question, std::uint16_t id);

}  // namespace mox::dns
