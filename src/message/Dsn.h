// Delivery status notifications, written and read. RFC 3461, RFC 3464, RFC 6522, RFC 6533.
//
// What remote servers said goes into the report for people to read: it is made
// one line, printable and bounded, and can add no field. Sizes are in octets.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Random.h"
#include "base/Result.h"
#include "message/Compose.h"

namespace mox::message {

inline constexpr std::size_t maxDiagnostic = 2'000;         ///< of one remote reply
inline constexpr std::size_t maxReturnedHeader = 64 << 10;  ///< of the original header
inline constexpr std::size_t maxStatusPart = 1 << 20;       ///< of an incoming delivery-status part
inline constexpr std::size_t maxDsnRecipients = 1'000;      ///< of an incoming report

/// RFC 3464 §2.3.3.
enum class DsnAction { failed, delayed, delivered, relayed, expanded };
std::string_view dsnActionName(DsnAction action);

struct DsnRecipient {
  Mailbox finalRecipient;
  std::string originalRecipient;  ///< ORCPT, decoded: "rfc822;user@example.org", or ""
  DsnAction action = DsnAction::failed;
  std::string status;         ///< "5.1.1"; other text is written as 4.0.0 or 5.0.0 to fit the action
  std::string statusComment;
  std::string remoteMta;      ///< host name, or ""
  std::string diagnosticCode;  ///< the SMTP reply, its lines one after the other, or ""
  std::optional<Time> lastAttempt, willRetryUntil;
};

struct Dsn {
  bool utf8 = false;  ///< the receiver takes UTF-8: message/global-delivery-status
  NamedAddress from;  ///< postmaster
  Mailbox to;         ///< the reverse-path of the message reported on
  std::string subject, text;  ///< for people; lines of `text` end with LF
  Domain reportingMta;
  std::string originalEnvelopeId;  ///< ENVID, decoded, or ""
  std::optional<Host> receivedFromMta;
  std::optional<Time> arrivalDate;
  std::string futureRelease;  ///< "for;seconds" or "until;date", RFC 4865, or ""
  std::vector<DsnRecipient> recipients;
  std::string originalMessageId;  ///< canonical, or ""; References has it as `originalHeader` does
  std::string originalHeader;     ///< raw header block; "" leaves the third part out
};

/// The message, CRLF line ends, no trace fields. Its sender is the null reverse-path. 8-bit if `dsn.utf8`.
Result<std::string> composeDsn(const Dsn& dsn, Time now, Random& random);

struct ReportedRecipient {
  std::string originalRecipient, finalRecipient;  ///< addresses without their type, or ""
  std::optional<DsnAction> action;  ///< nothing for an unknown word
  std::string status;         ///< "5.1.1" or ""
  std::string statusComment;
  std::string remoteMta;
  std::string diagnosticCode;       ///< without its type
  std::optional<int> smtpCode;      ///< of an "smtp" diagnostic: 200..599
  std::optional<Time> lastAttempt, willRetryUntil;
};

struct DsnReport {
  std::string reportingMta, originalEnvelopeId;
  std::optional<Time> arrivalDate;
  std::vector<ReportedRecipient> recipients;
  std::string originalMessageId;  ///< of the returned message or header: canonical, or ""
};

/// `message` as stored, `root` its tree. Fails if it is no report or has no recipient.
Result<DsnReport> parseDsn(const Part& root, std::string_view message);

}  // namespace mox::message
