// What a DNS lookup gives: records, or an error that says which kind of "no" it is.
//
// "No such name" and "no such record" are answers a caller acts on; "temporary" means try later; "bogus" means
// the data failed DNSSEC and must not be used or worked around (RFC 4035 §5.5, RFC 8914 extended errors).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <variant>
#include <vector>

#include "base/Ip.h"

namespace mox::dns {

/// RR types this server asks for, IANA numbers.
enum class Type : std::uint16_t { a = 1, ns = 2, cname = 5, ptr = 12, mx = 15, txt = 16, aaaa = 28, srv = 33, tlsa = 52, caa = 257 };
/// "A", "MX", ...
std::string_view typeName(Type type);

/// RFC 5321 §5.1. Host "." is the null MX of RFC 7505.
struct Mx {
  std::uint16_t preference = 0;
  std::string host;  ///< absolute
  friend auto operator<=>(const Mx&, const Mx&) = default;
};

/// RFC 2782.
struct Srv {
  std::uint16_t priority = 0, weight = 0, port = 0;
  std::string target;  ///< absolute; "." means the service is not there
  friend auto operator<=>(const Srv&, const Srv&) = default;
};

/// RFC 6698 §2.1.
struct Tlsa {
  std::uint8_t usage = 0, selector = 0, matching = 0;
  std::string data;  ///< octets
  friend auto operator<=>(const Tlsa&, const Tlsa&) = default;
};

/// RFC 8659 §4.1.
struct Caa {
  std::uint8_t flags = 0;
  std::string tag;    ///< "issue", "issuewild", "iodef", ...; lower case
  std::string value;  ///< any octets
  friend auto operator<=>(const Caa&, const Caa&) = default;
};

/// RDATA: addresses of A and AAAA, names of PTR, CNAME and NS (absolute), the joined text of TXT (any octets).
using Record = std::variant<std::string, IpAddress, Mx, Srv, Tlsa, Caa>;

/// How a lookup failed.
enum class Failure {
  noName,     ///< NXDOMAIN
  noData,     ///< the name exists, without such records
  temporary,  ///< SERVFAIL, timeout, refused, no server
  bogus,      ///< DNSSEC validation failed
  malformed,  ///< a name that cannot be asked for, or an answer that cannot be understood
};

struct LookupError {
  Failure failure = Failure::temporary;
  std::string text;  ///< one line, printable
  /// noName and noData: the resolver vouches for it by DNSSEC.
  bool authentic = false;
  /// How long noName and noData may be remembered; 0 for other failures and answers without SOA. RFC 2308.
  std::chrono::seconds ttl{0};
  /// Where CNAMEs led, absolute; the name asked for if there were none.
  std::string name;
  /// RFC 8914 INFO-CODE, and its EXTRA-TEXT made printable.
  std::optional<std::uint16_t> extendedCode;
  std::string extendedText;
  /// temporary, because the deadline passed.
  bool timeout = false;

  bool notFound() const { return failure == Failure::noName || failure == Failure::noData; }
};

/// Never without records.
template <class T>
struct Answer {
  std::vector<T> records;
  /// Validated by DNSSEC by a resolver we trust, the whole CNAME chain included.
  bool authentic = false;
  std::chrono::seconds ttl{0};  ///< the least of all records and CNAMEs
  std::string name;             ///< canonical: where CNAMEs led, absolute, lower case
};

template <class T>
using Lookup = tl::expected<Answer<T>, LookupError>;

}  // namespace mox::dns
