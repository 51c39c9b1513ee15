// Client side of SCRAM, RFC 5802 and RFC 7677. Made through sasl::chooseClient();
// open here so that tests can play the published vectors.
#pragma once

#include <memory>

#include "sasl/Client.h"
#include "sasl/ScramMessages.h"

namespace mox::sasl {

struct ScramBinding {
  BindFlag flag = BindFlag::none;
  ChannelBindings bindings;  ///< with flag `bound`: the strongest of them is used
};

/// `credentials` prepared. `nonce` as text; the overload makes a random one.
std::unique_ptr<ClientMechanism> makeScramClient(HashKind kind, ScramBinding binding, const ClientCredentials& credentials, std::string nonce);
std::unique_ptr<ClientMechanism> makeScramClient(HashKind kind, ScramBinding binding, const ClientCredentials& credentials, Random& random);

}  // namespace mox::sasl
