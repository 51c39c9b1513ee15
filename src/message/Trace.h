// Trace and result fields put in front of a message we take in. RFC 5321 §4.4, RFC 8601.
//
// Each function gives whole fields ended by CRLF. What peers chose (names,
// comments, reasons) is made safe: one line, no controls, bounded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Ip.h"

namespace mox::message {

/// One hop. RFC 5321 §4.4, RFC 3848 (with), RFC 8314 §4.3 (tls).
struct Received {
  Host ehlo;                          ///< as the peer called itself
  std::optional<Domain> reverseName;  ///< of peerIp, if verified
  std::optional<IpAddress> peerIp;    ///< not said for submission
  Domain by;
  std::optional<IpAddress> localIp;
  std::string with = "ESMTP";  ///< SMTP, ESMTPSA, UTF8SMTPS, ...
  bool requireTls = false;
  std::string id;
  std::string tls;                     ///< "TLS1.3 TLS_AES_128_GCM_SHA256", or ""
  std::optional<Mailbox> recipient;    ///< only if there is just one: others must not learn of it
  Time date;
  bool utf8 = false;  ///< U-labels and UTF-8 localparts may be written
};

std::string receivedField(const Received& hop);
std::string returnPathField(const ReversePath& from, bool utf8);
std::string deliveredToField(const Mailbox& to, bool utf8);

/// "smtp.mailfrom=user@example.org".
struct AuthProperty {
  std::string type, name, value;
};
struct AuthMethod {
  std::string method;   ///< "spf", ours
  std::string result;   ///< "pass", ours
  std::string comment, reason;  ///< may quote a peer
  std::vector<AuthProperty> properties;
};
struct AuthResults {
  Domain host;
  std::string comment;
  std::vector<AuthMethod> methods;  ///< none is written as "none"
  bool utf8 = false;
};
/// RFC 8601 §2.2.
std::string authenticationResultsField(const AuthResults& results);

}  // namespace mox::message
