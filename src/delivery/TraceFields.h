// The header fields put in front of a delivered message, smtp.md §10. RFC 5321 §4.4, RFC 8601, RFC 7208 §9.1.
#pragma once

#include <string>

#include "delivery/Incoming.h"
#include "delivery/Judge.h"

namespace mox::delivery {

/// Those that differ by recipient and verdict, then those all copies share, in the order of smtp.md §10.
class TraceFields {
 public:
  explicit TraceFields(const Incoming& incoming);
  /// Complete fields, each with CRLF.
  std::string prefix(const Mailbox& recipient, const Verdict& verdict) const;

 private:
  const Incoming& incoming_;
  std::string shared_;  ///< Return-Path, Authentication-Results, Received-SPF
};

/// RFC 3848, RFC 6531 §3.7.2: "ESMTPS", "UTF8SMTPSA", ...
std::string withProtocol(bool esmtp, bool utf8, bool tls, bool authenticated);

}  // namespace mox::delivery
