// DkimKeys: signs with the keys of a domain as configured, and keeps the keys parsed. Thread safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/Guarded.h"
#include "base/Metrics.h"
#include "config/Config.h"
#include "dkim/Signer.h"

namespace mox::delivery {

class DkimKeys {
 public:
  static constexpr std::size_t maxKeys = 1000;  ///< parsed ones kept

  DkimKeys(const Clock& clock, Metrics& metrics) : signer_(clock, &metrics) {}

  /// DKIM-Signature fields for a message made of `prefix` and `data`; "" if the domain has no keys. About a millisecond
  /// of CPU for an RSA-2048 key. `leaves`: when, if it is held back.
  Result<std::string> sign(const config::DomainInfo& domain, const Localpart& identity, std::string_view prefix, std::string_view data, Time leaves = {});

 private:
  Result<dkim::PrivateKey> key(const std::string& pem);

  dkim::Signer signer_;
  Guarded<std::map<std::string, dkim::PrivateKey>> keys_;
};

}  // namespace mox::delivery
