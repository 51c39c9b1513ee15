// DnsFormats: DNS records as text that people read and tools load.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/DnsRecords.h"

namespace mox::app {

/// RDATA as in a zone file, RFC 1035 §5.1: long TXT split into strings, without brackets; names absolute.
std::string dataText(const DnsRecord& record);
/// One line: "example.org. 300 IN MX 10 mail.example.org.".
std::string recordText(const DnsRecord& record);

enum class RecordFormat {
  mox,       ///< zone lines under one $TTL, as `config dnsrecords` has printed them always
  zone,      ///< a zone file's lines, each with its TTL
  json,      ///< {"records": [{"name", "ttl", "type", "data", "text", "purpose", "condition"}], "problems": [...]}
  nsupdate,  ///< RFC 2136, for nsupdate and knsupdate
};
std::optional<RecordFormat> recordFormat(std::string_view name);

/// Everything, with a line end. Records under a condition are comments in all forms but JSON.
/// nsupdate replaces what is there under a name and type, except TXT and CAA records of domain and host themselves, which
/// belong to others too: those are only added to.
std::string printRecords(const DnsRecords& records, RecordFormat format);

}  // namespace mox::app
