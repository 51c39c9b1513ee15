// The client side of SASL, for smarthosts and for tests of our own server.
//
// A client mechanism that is told "success" before complete() is true has been
// lied to (SCRAM: the server never proved that it knows the password).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Random.h"
#include "base/Result.h"
#include "sasl/ChannelBindings.h"

namespace mox::sasl {

struct ClientCredentials {
  std::string user;
  std::string password;
  std::string authzid;  ///< "" or whom to act as
};

class ClientMechanism {
 public:
  virtual ~ClientMechanism() = default;
  virtual std::string_view name() const = 0;
  /// The initial response of client-first mechanisms; nothing if the server speaks first.
  virtual std::optional<std::string> initial() = 0;
  /// The answer to a challenge; an error ends the exchange (send "*").
  virtual Result<std::string> step(std::string_view challenge) = 0;
  /// Everything this mechanism requires of the server has happened.
  virtual bool complete() const = 0;
};

/// Servers may ask for so many SCRAM iterations, no more: about a second of CPU. RFC 7677 §4 asks for at
/// least 4096; fewer would let a false server find the password more easily.
inline constexpr unsigned maxScramIterations = 1'000'000;
inline constexpr unsigned minScramIterations = 4096;

/// Best first. PLAIN and LOGIN must be asked for by name, and the caller sees to TLS.
std::vector<std::string> defaultClientMechanisms();

/// The first of `allowed` (in order of preference) that is in `announced` and possible here: -PLUS needs a
/// binding. Null if there is none, an error if user or password are not fit for use.
/// If the connection has a binding and the server announced no -PLUS for the SCRAM chosen, it says so in
/// the exchange ("y"), and a server that did announce it then notices the man in the middle.
Result<std::unique_ptr<ClientMechanism>> chooseClient(const std::vector<std::string>& announced, const std::vector<std::string>& allowed,
                                                      const ClientCredentials& credentials, const ChannelBindings& bindings, Random& random);

}  // namespace mox::sasl
