#include "delivery/TraceFields.h"

#include "base/Text.h"
#include "message/FieldWriter.h"
#include "message/Trace.h"

namespace mox::delivery {

namespace {

std::string dnssecComment(bool authentic) { return authentic ? "with dnssec" : "without dnssec"; }

message::AuthMethod iprevMethod(const Incoming& incoming) {
  const auto& found = incoming.iprev;
  return {"iprev", std::string(iprev::statusName(found.status)), dnssecComment(found.authentic), found.reason,
          {{"policy", "iprev", incoming.remote.ip.text()}}};
}

message::AuthMethod dkimMethod(const dkim::Outcome& outcome) {
  message::AuthMethod method{"dkim", std::string(dkim::statusName(outcome.status)), "", outcome.reason, {}};
  if (!outcome.signature) return method;
  const auto& signature = *outcome.signature;
  if (outcome.keyBits > 0)
    method.comment = std::to_string(outcome.keyBits) + " bit " + std::string(dkim::keyTypeName(signature.keyType)) + ", " + dnssecComment(outcome.authentic);
  method.properties = {{"header", "d", signature.domain.ascii()},
                       {"header", "s", signature.selector},
                       {"header", "a", signature.algorithm()},
                       {"header", "b", signature.shortSignature()}};
  if (signature.identityDomain) method.properties.push_back({"header", "i", signature.identity()});
  return method;
}

message::AuthMethod spfMethod(const Incoming& incoming) {
  const auto& verdict = incoming.spf;
  message::AuthMethod method{"spf", std::string(spf::statusName(verdict.status)), "", verdict.reason, {}};
  if (verdict.domain) method.comment = dnssecComment(verdict.authentic);
  if (verdict.identity == spf::Identity::mailFrom && incoming.mailFrom)
    method.properties.push_back({"smtp", "mailfrom", incoming.mailFrom->text(incoming.smtpUtf8)});
  else method.properties.push_back({"smtp", "helo", hostText(incoming.helo, incoming.smtpUtf8)});
  return method;
}

std::string authenticationResults(const Incoming& incoming) {
  message::AuthResults results{incoming.hostname, "", {}, incoming.smtpUtf8};
  results.methods.push_back(iprevMethod(incoming));
  for (const auto& outcome : incoming.dkim) results.methods.push_back(dkimMethod(outcome));
  results.methods.push_back(spfMethod(incoming));
  return message::authenticationResultsField(results);
}

std::optional<Domain> provedName(const Incoming& incoming) {
  if (incoming.iprev.status != iprev::Status::pass) return std::nullopt;
  auto name = Domain::make(incoming.iprev.name);
  const auto* helo = std::get_if<Domain>(&incoming.helo);
  if (!name || (helo != nullptr && *helo == *name)) return std::nullopt;
  return *name;
}

std::string received(const Incoming& incoming, const Mailbox& recipient) {
  message::Received hop{incoming.helo, provedName(incoming), incoming.remote.ip, incoming.hostname, incoming.local.ip,
                        withProtocol(incoming.esmtp, incoming.smtpUtf8, !incoming.tls.empty(), false),
                        incoming.requireTls, incoming.receivedId, incoming.tls, recipient, incoming.received, incoming.smtpUtf8};
  return message::receivedField(hop);
}

}  // namespace

std::string withProtocol(bool esmtp, bool utf8, bool tls, bool authenticated) {
  std::string out = utf8 ? "UTF8SMTP" : esmtp ? "ESMTP" : "SMTP";
  if (tls) out += "S";
  if (authenticated) out += "A";
  return out;
}

TraceFields::TraceFields(const Incoming& incoming) : incoming_(incoming) {
  shared_ = message::returnPathField(incoming.mailFrom, incoming.smtpUtf8);
  shared_ += authenticationResults(incoming);
  shared_ += spf::receivedSpf(incoming.spfArguments(), incoming.spf);
}

std::string TraceFields::prefix(const Mailbox& recipient, const Verdict& verdict) const {
  message::FieldWriter reason("X-Mox-Reason");
  reason.word(reasonName(verdict.reason));
  if (!verdict.details.empty()) reason.glue(";").words(message::safeText(verdict.details, 400));
  return reason.end() + message::deliveredToField(recipient, incoming_.smtpUtf8) + shared_ + received(incoming_, recipient);
}

}  // namespace mox::delivery
