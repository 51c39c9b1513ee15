// Verifying, RFC 6376 §6: each DKIM-Signature field of a message gets its own result, RFC 8601 §2.7.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Clock.h"
#include "base/Metrics.h"
#include "dkim/KeyRecord.h"
#include "dkim/PublicSuffix.h"
#include "dkim/Signature.h"
#include "dns/Resolver.h"

namespace mox::dkim {

/// Signatures of one message that are evaluated, from the top; the rest get "policy". Each costs a DNS lookup.
inline constexpr std::size_t maxEvaluated = 10;
/// Results of one message; further fields are not even reported.
inline constexpr std::size_t maxReported = 50;

enum class Status {
  none,       ///< t=y: the domain only tests, and the signature did not pass
  pass,
  fail,       ///< body or signature does not fit
  policy,     ///< not acceptable to us
  neutral,
  temperror,  ///< later perhaps
  permerror,  ///< never
};
/// As in Authentication-Results.
std::string_view statusName(Status status);

struct Outcome {
  Status status = Status::neutral;
  /// What the field says; nothing if it could not be parsed.
  std::optional<Signature> signature;
  unsigned keyBits = 0;        ///< 0 if the key was not got
  bool authentic = false;      ///< the key record was validated by DNSSEC
  bool testing = false;        ///< t=y
  std::vector<std::string> services;  ///< s= of the key record, lower case, empty for all
  std::string reason;          ///< one line, "" on pass
};

class Verifier {
 public:
  struct Options {
    bool refuseLength = true;     ///< l=: what is appended to the body would look signed
    bool requireSubject = true;   ///< an unsigned Subject is changed at will
    std::string service = "email";  ///< s= the key must allow
    /// Ignore t=y, as a report of one's own setup wants.
    bool ignoreTesting = false;
  };

  /// `metrics` may be null: mox_dkim_verify_duration_seconds{algorithm,status}.
  Verifier(dns::Resolver& resolver, const Clock& clock, const PublicSuffixList& suffixes, Metrics* metrics, Options options);
  Verifier(dns::Resolver& resolver, const Clock& clock, const PublicSuffixList& suffixes, Metrics* metrics = nullptr);

  /// In the order of the fields; empty if there is no signature. Blocks until done or the deadline (temperror).
  std::vector<Outcome> verify(std::string_view prefix, std::string_view data, Steady deadline) const;

 private:
  dns::Resolver& resolver_;
  const Clock& clock_;
  const PublicSuffixList& suffixes_;
  Metrics* metrics_;
  Options options_;
};

}  // namespace mox::dkim
