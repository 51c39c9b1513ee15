// SPF, RFC 7208: may this address send for this domain?
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/Address.h"
#include "base/Metrics.h"
#include "dns/Resolver.h"

namespace mox::spf {

// Processing limits, RFC 7208 §4.6.4. Passing the first three is permerror.
inline constexpr unsigned maxDnsTerms = 10;    ///< include, a, mx, ptr, exists, redirect
inline constexpr unsigned maxVoidLookups = 2;  ///< lookups that find nothing
inline constexpr std::size_t maxMxNames = 10;
inline constexpr std::size_t maxPtrNames = 10;  ///< further names are ignored
/// Octets of a sender's explanation that are shown.
inline constexpr std::size_t maxExplanation = 800;

enum class Status { none, neutral, pass, fail, softfail, temperror, permerror };
/// As in Received-SPF and Authentication-Results.
std::string_view statusName(Status status);

enum class Identity { mailFrom, helo };

struct Arguments {
  IpAddress remoteIp;
  /// Empty: the HELO identity is checked as postmaster@helo. §2.4.
  std::optional<Address> mailFrom;
  /// As the client said it; an address literal has no SPF.
  Host helo;
  /// Us, for Received-SPF and the macro "r".
  Domain receiver;
};

struct Verdict {
  Status status = Status::none;
  Identity identity = Identity::mailFrom;
  /// The domain checked; nothing if there was none to check (null path and HELO literal).
  std::optional<Domain> domain;
  /// What decided, as in Received-SPF: "ip4", "all", "default" or "" if nothing did. §9.1.
  std::string mechanism;
  /// On fail: the sender's text, printable ASCII, at most maxExplanation; "" if it has none.
  std::string explanation;
  /// Why none, temperror or permerror, or what matched: one line.
  std::string reason;
  /// Every DNS answer that was used was validated by DNSSEC.
  bool authentic = false;
};

/// check_host(). Blocks until done or the deadline (temperror). With metrics: mox_spf_verify_duration_seconds{status}.
Verdict check(dns::Resolver& resolver, const Clock& clock, const Arguments& arguments, Steady deadline, Metrics* metrics = nullptr);

/// The header field with name and final CRLF, folded. §9.1. Everything strangers said is quoted or made printable.
std::string receivedSpf(const Arguments& arguments, const Verdict& verdict);

}  // namespace mox::spf
