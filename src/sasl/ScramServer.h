// Server side of SCRAM-SHA-1 and SCRAM-SHA-256, with and without -PLUS:
// RFC 5802, RFC 7677. Made through sasl::makeServer().
//
// Flags: "p" is taken under the bare name too (Cyrus clients do that); "n" is
// refused under a -PLUS name; "y" is refused where -PLUS was announced, for
// then somebody between us cut the list (RFC 5802 §6).
#pragma once

#include <memory>

#include "sasl/ScramMessages.h"
#include "sasl/Server.h"

namespace mox::sasl {

std::unique_ptr<ServerMechanism> makeScramServer(HashKind kind, bool plus, ServerContext context);

}  // namespace mox::sasl
