// A self-signed certificate for a key that is there: what net::selfSigned does not make.
#pragma once

#include <string>

#include "base/Clock.h"
#include "base/Random.h"

namespace mox::app {

/// PEM, valid from an hour ago for four years. Of use with DANE-EE, which asks only for the key (RFC 7672 §3.1.1).
/// Throws std::runtime_error if the library fails or `keyPem` is no private key.
std::string selfSignedFor(const std::string& keyPem, const std::string& hostname, const Clock& clock, Random& random);

}  // namespace mox::app
