// DnsRecords: what a domain's zone should hold for this server, as typed records; DnsFormats.h prints them.
#pragma once

#include <string>
#include <vector>

#include "base/Address.h"
#include "base/Result.h"
#include "config/Config.h"
#include "config/Files.h"
#include "dns/Answer.h"

namespace mox::app {

enum class DnssecState {
  secure,    ///< TLSA records are worth publishing
  insecure,  ///< they have a condition: that the zone is signed
  unknown,   ///< given, with a word on it
};

/// Short, so that mistakes pass soon.
inline constexpr std::chrono::seconds recordTtl{300};

struct DnsRecord {
  std::string name;  ///< owner: absolute, A-labels
  dns::Type type = dns::Type::txt;
  dns::Record data;
  std::string purpose;    ///< sentences for people; records of one purpose stand together
  std::string condition;  ///< not empty: to be published only if this is so

  friend auto operator<=>(const DnsRecord&, const DnsRecord&) = default;
};

struct DnsRecords {
  std::vector<DnsRecord> records;
  /// Keys that could not be read, so that their records lack.
  std::vector<std::string> problems;
};

/// Records of the domain, and of this host unless it is a configured domain itself, which then has them. Of a domain that
/// is here for its reports only, those that make reports come. Errc::notFound for a domain that is not configured. Reads
/// keys through `files`.
Result<DnsRecords> dnsRecords(const config::Config& config, const Domain& domain, const config::FileReader& files, DnssecState dnssec);
/// Of all configured domains, each record once.
DnsRecords allDnsRecords(const config::Config& config, const config::FileReader& files, DnssecState dnssec);

/// The listener that stands for this server in the DNS: "public", else the first with SMTP; null if none has.
const config::ListenerInfo* publicListener(const config::Config& config);

/// SHA-256 of the key's SubjectPublicKeyInfo: the data of TLSA 3 1 1 (RFC 6698 §2.1). Errc::syntax.
Result<std::string> tlsaData(const std::string& privateKeyPem);

}  // namespace mox::app
