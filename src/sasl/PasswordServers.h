// Server side of the simple mechanisms: PLAIN (RFC 4616), LOGIN (never
// standardised; draft-murchison-sasl-login), CRAM-MD5 (RFC 2195) and EXTERNAL
// (RFC 4422 appendix A). Made through sasl::makeServer().
#pragma once

#include <memory>

#include "sasl/Server.h"

namespace mox::sasl {

std::unique_ptr<ServerMechanism> makePlainServer();
std::unique_ptr<ServerMechanism> makeLoginServer();
std::unique_ptr<ServerMechanism> makeCramMd5Server(ServerContext context);
std::unique_ptr<ServerMechanism> makeExternalServer(ServerContext context);

}  // namespace mox::sasl
