// What a finished handshake says: names, certificate, verification, channel bindings.
#pragma once

#include "net/Session.h"

struct ssl_st;

namespace mox::net {

/// `ssl` must have finished its handshake. RFC 5929, RFC 9266.
TlsInfo tlsFacts(const ssl_st& ssl);

}  // namespace mox::net
