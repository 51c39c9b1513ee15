// Signing, RFC 6376 §5. One DKIM-Signature field a selector; the body is hashed once for each form wanted.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Metrics.h"
#include "dkim/Key.h"

namespace mox::dkim {

/// From is always signed. Cc and the like matter even if absent: sealed, they cannot be added.
const std::vector<std::string>& defaultSignedHeaders();

struct Selector {
  std::string name;  ///< s=, A-labels
  Domain domain;     ///< d=
  PrivateKey key;
  Hash hash = Hash::sha256;
  /// rsa-sha1 is signed only if this says so: nobody should believe it (RFC 8301 §3.1).
  bool allowSha1 = false;
  Canonicalization header = Canonicalization::simple, body = Canonicalization::simple;
  std::vector<std::string> headers = defaultSignedHeaders();
  /// Names each field once more than it occurs, so that none can be added (§8.15).
  bool seal = true;
  std::optional<std::chrono::seconds> expiration{};  ///< x= this long after t=, or after the message leaves
};

class Signer {
 public:
  /// `metrics` may be null: mox_dkim_sign_total{key}.
  Signer(const Clock& clock, Metrics* metrics = nullptr) : clock_(clock), metrics_(metrics) {}

  /// The header lines to put in front of the message, each with CRLF. The message is `prefix` (complete header
  /// fields, may be "") and `data`. `identity`: localpart of i= at d=; none leaves i= out.
  /// A message that is held back until `leaves` has a signature that expires only some time after that.
  /// Refuses messages without just one From field, and with a header beyond the limits of HeaderBlock.h.
  Result<std::string> sign(const std::vector<Selector>& selectors, const std::optional<Localpart>& identity, std::string_view prefix,
                           std::string_view data, Time leaves = {}) const;

 private:
  const Clock& clock_;
  Metrics* metrics_;
};

}  // namespace mox::dkim
