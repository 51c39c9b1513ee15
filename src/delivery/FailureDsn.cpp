#include "delivery/FailureDsn.h"

#include <algorithm>
#include <stdexcept>

#include "message/Dsn.h"
#include "message/HeaderFields.h"

namespace mox::delivery {

namespace {

std::string headerOf(std::string_view message) {
  message::HeaderFields fields(message);
  while (fields.next()) {
  }
  return std::string(message.substr(0, std::min(fields.end(), message::maxReturnedHeader)));
}

message::DsnRecipient reported(const Recipient& recipient, const Outcome& outcome, Time now) {
  message::DsnRecipient out{recipient.address, "", message::DsnAction::failed, outcome.enhanced, "", "", "", now, std::nullopt};
  // Whatever it was, we do not try again: to the sender it is final (RFC 3464 §2.3.4).
  if (out.status.starts_with("4.")) out.status.front() = '5';
  out.diagnosticCode = std::to_string(outcome.code) + " " + outcome.enhanced + " " + outcome.text;
  return out;
}

}  // namespace

std::optional<FailureDsn> failureDsn(const Incoming& incoming, const std::vector<Recipient>& recipients, const std::vector<Outcome>& outcomes,
                                     Time now, Random& random) {
  auto delivered = [](const Outcome& outcome) { return outcome.delivered; };
  bool none = std::none_of(outcomes.begin(), outcomes.end(), delivered), all = std::all_of(outcomes.begin(), outcomes.end(), delivered);
  if (none || all || !incoming.mailFrom) return std::nullopt;
  auto postmaster = Localpart::make("postmaster");
  std::optional<Domain> domain;
  std::vector<message::DsnRecipient> failed;
  for (std::size_t i = 0; i < outcomes.size(); i++) {
    if (outcomes[i].delivered) continue;
    const auto* host = std::get_if<Domain>(&recipients[i].address.host);
    if (!domain) domain = host != nullptr ? *host : incoming.hostname;
    failed.push_back(reported(recipients[i], outcomes[i], now));
  }
  std::string text = "Your message could not be delivered to these recipients; the others have it:\n\n";
  for (const auto& one : failed) text += one.finalRecipient.text() + "\n  " + one.diagnosticCode + "\n";
  bool utf8 = incoming.smtpUtf8;
  message::Dsn dsn{utf8, {"", Address{*postmaster, *domain}}, *incoming.mailFrom, "mail delivery failed for some recipients", text,
                   incoming.hostname, "", incoming.helo, incoming.received, "", std::move(failed), incoming.message->parsed.messageId,
                   headerOf(incoming.message->data())};
  auto composed = message::composeDsn(dsn, now, random);
  if (!composed) throw std::runtime_error("composing a DSN: " + composed.error().text);
  auto id = message::parse(*composed).messageId;
  return FailureDsn{*composed, id, *domain, *incoming.mailFrom, dsn.subject, utf8};
}

}  // namespace mox::delivery
