// DnsCheck: does the DNS say of a domain what it should? What is there, what is expected, what to change.
//
// Asks through the resolver it is given, each question and the whole within a time limit: whatever is not answered by
// then is an error that says so. Connects to nobody: that the policy of MTA-STS is served is not looked at.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "app/DnsRecords.h"
#include "base/Clock.h"
#include "dns/Resolver.h"

namespace mox::app {

inline constexpr Duration dnsCheckLimit = std::chrono::seconds(60);         ///< of all checks
inline constexpr Duration dnsCheckQuestionLimit = std::chrono::seconds(10);  ///< of each

struct DnsFinding {
  enum class Level {
    ok,
    warning,  ///< works, but not as well as it could, or not for all
    error,    ///< mail is lost, held back, or looks forged
  };
  Level level = Level::ok;
  std::string check;                 ///< "MX", "DKIM 2026a"
  std::string text;                  ///< one line
  std::vector<std::string> found;    ///< what is there instead, as in a zone file
  std::vector<std::string> publish;  ///< records to add, or to put in place of those found
};

struct DnsCheckWorld {
  dns::Resolver& resolver;
  const Clock& clock;
  const config::FileReader& files;
  /// Gets each finding at once.
  std::function<void(const DnsFinding&)> tell;
};

/// Errc::notFound for a domain that is not configured.
Result<void> checkDns(const config::Config& config, const Domain& domain, const DnsCheckWorld& world);

/// For people, several lines, with a line end.
std::string findingText(const DnsFinding& finding);

/// What TLSA records can name of a certificate, RFC 6698 §2.1: both in DER.
struct TlsaSubject {
  std::string name;         ///< of its file
  std::string certificate;  ///< "" if there is none yet for the key
  std::string publicKey;    ///< SubjectPublicKeyInfo
};
/// Of all keys that the listener shows to senders. Those that cannot be read are left out: loading the configuration
/// complains of them.
std::vector<TlsaSubject> tlsaSubjects(const config::Config& config, const config::ListenerInfo& listener, const config::FileReader& files);
/// Whether the record names this certificate or key itself (usage 3). Usage 2 names an authority, 0 and 1 mean nothing to
/// senders of mail (RFC 7672 §3.1.3).
bool tlsaMatches(const dns::Tlsa& record, const TlsaSubject& subject);

}  // namespace mox::app
