// The key record at SELECTOR._domainkey.DOMAIN, RFC 6376 §3.6.1.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/Result.h"
#include "dkim/Signature.h"

namespace mox::dkim {

struct KeyRecord {
  KeyType keyType = KeyType::rsa;
  std::string key;                  ///< p=, octets; empty is a revoked key
  std::vector<std::string> hashes;  ///< h=, lower case; empty allows all
  std::vector<std::string> services;  ///< s=, lower case; empty allows all
  bool testing = false;             ///< t=y
  bool strictIdentity = false;      ///< t=s: i= must be d= itself
  std::string notes;                ///< n=, decoded; shown to people only after being made printable

  bool allows(Hash hash) const;
  bool allowsService(std::string_view service) const;

  /// Whether this TXT record is one of DKIM at all: other services share the name by wildcards.
  static bool looksLikeOne(std::string_view txt);
  static Result<KeyRecord> parse(std::string_view txt);
};

}  // namespace mox::dkim
