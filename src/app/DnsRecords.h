// DnsRecords: what a domain's zone should hold for this server, as lines of a zone file.
#pragma once

#include <string>
#include <vector>

#include "base/Address.h"
#include "base/Result.h"
#include "config/Config.h"
#include "config/Files.h"

namespace mox::app {

enum class DnssecState {
  secure,    ///< TLSA records are worth publishing
  insecure,  ///< they are commented out
  unknown,   ///< printed, with a word on it
};

/// Errc::notFound for a domain that is not configured. Reads host keys through `files`.
Result<std::vector<std::string>> dnsRecords(const config::Config& config, const Domain& domain, const config::FileReader& files, DnssecState dnssec);

/// A TXT record's text as character-strings of at most 255 octets, quoted, in brackets if there are several.
std::string txtStrings(const std::string& text);

/// SHA-256 of the key's SubjectPublicKeyInfo in hex: the data of TLSA 3 1 1 (RFC 6698 §2.1). Errc::syntax.
Result<std::string> tlsaData(const std::string& privateKeyPem);

}  // namespace mox::app
