#include "smtpserver/Submission.h"

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "delivery/TraceFields.h"
#include "message/Compose.h"
#include "message/HeaderFields.h"
#include "message/Trace.h"
#include "smtpserver/Handlers.h"
#include "smtpserver/Localserve.h"

namespace mox::smtpserver {

namespace {

constexpr Duration limitWindow = std::chrono::hours(24);

SubmissionError refuse(std::string_view result, unsigned code, std::string enhanced, std::string text) {
  return {{code, std::move(enhanced), std::move(text)}, result};
}

}  // namespace

Submission::Submission(Context& context, std::shared_ptr<const store::Spool> spool)
    : context_(context),
      transaction_(*context.transaction),
      spool_(std::move(spool)),
      parsed_(message::parse(spool_->data())),
      now_(context.services.clock.now()) {
  utf8_ = needsUtf8();
}

/// RFC 6531 §3.4: what the message needs, whatever the client declared.
bool Submission::needsUtf8() const {
  auto beyond = [](const delivery::Recipient& recipient) { return !recipient.address.localpart.isAscii(); };
  const auto& from = transaction_.mail.from;
  return parsed_.utf8Headers || (from && !from->localpart.isAscii()) ||
         std::any_of(transaction_.recipients.begin(), transaction_.recipients.end(), beyond);
}

std::optional<SubmissionError> Submission::check() {
  if (auto error = checkForm()) return error;
  if (auto error = checkFrom()) return error;
  if (auto error = checkFields()) return error;
  if (auto error = checkLimits()) return error;
  return std::nullopt;
}

std::optional<SubmissionError> Submission::checkForm() const {
  if (parsed_.headerCut) return refuse("badmessage", 552, "5.3.4", "the header is too large, at most " + std::to_string(message::maxHeaderBytes) + " octets");
  if (!beginsWithField()) return refuse("badmessage", 554, "5.6.0", "a message begins with a header field");
  if (!parsed_.hasBody) return refuse("badmessage", 554, "5.6.0", "a message needs an empty line after its header");
  // RFC 2045 §2.8, RFC 3030 §3: only BDAT with BINARYMIME carries it, which we do not offer; no next hop takes it.
  if (parsed_.hasNul) return refuse("badmessage", 554, "5.6.0", "NUL in a message");
  if (parsed_.receivedFields > maxReceived) return refuse("badmessage", 550, "5.4.6", "the message goes in circles");
  if (!context_.isPedantic()) return std::nullopt;
  if (parsed_.has8bit && transaction_.mail.body != smtp::BodyKind::eightBitMime) return refuse("badmessage", 500, "5.6.0", "8-bit octets without BODY=8BITMIME");
  if (utf8_ && !transaction_.mail.smtpUtf8) return refuse("badmessage", 550, "5.6.0", "UTF-8 in the header without SMTPUTF8");
  if (message::firstField(spool_->data(), "Return-Path")) return refuse("badheader", 550, "5.6.0", "a message must not come with Return-Path");
  return std::nullopt;
}

/// Our own fields go straight in front: white space would continue the last of them, in our name.
bool Submission::beginsWithField() const {
  std::size_t next = 0;
  return message::classifyHeaderLine(message::lineAt(spool_->data(), 0, next), true) == message::HeaderLine::field;
}

/// RFC 5322 §3.6.2, narrowed: one author, whom the account may be.
std::optional<SubmissionError> Submission::checkFrom() {
  if (parsed_.fromFields != 1 || !parsed_.from) return refuse("badfrom", 550, "5.6.0", "a message needs one From field with one address");
  switch (transaction_.config->mayUseFrom(context_.account->name(), *parsed_.from)) {
    case config::Config::Sender::allowed: return std::nullopt;
    case config::Config::Sender::domainDisabled: return refuse("badfrom", 451, "4.3.0", "the domain is disabled for now");
    case config::Config::Sender::notAllowed: break;
  }
  context_.log.info("From address refused", {{"from", parsed_.from->text()}});
  return refuse("badfrom", 550, "5.7.1", "From is not your address");
}

/// TLS-Required (RFC 8689 §5) and X-Mox-Extra-*.
std::optional<SubmissionError> Submission::checkFields() {
  if (transaction_.mail.requireTls) requireTls_ = true;
  bool anyTlsRequired = false, allNo = true;
  message::HeaderFields fields(spool_->data());
  while (auto field = fields.next()) {
    if (field->is("TLS-Required")) {
      anyTlsRequired = true;
      allNo = allNo && equalsNoCase(message::unfold(field->value), "no");
    } else if (startsWithNoCase(field->name, extraPrefix)) {
      auto key = lower(field->name.substr(extraPrefix.size()));
      if (key.empty() || extra_.size() >= maxExtraFields) return refuse("badheader", 554, "5.6.0", "bad X-Mox-Extra field");
      auto value = message::unfold(field->value);
      if (!isUtf8(value)) return refuse("badheader", 554, "5.6.0", "X-Mox-Extra fields must be UTF-8");
      if (!extra_.try_emplace(key, value).second) return refuse("badheader", 554, "5.6.0", "the same X-Mox-Extra field twice");
    }
  }
  if (anyTlsRequired && allNo && !requireTls_) requireTls_ = false;
  return std::nullopt;
}

std::vector<Mailbox> Submission::recipients() const {
  std::vector<Mailbox> out;
  for (const auto& recipient : transaction_.recipients) out.push_back(recipient.address);
  return out;
}

/// Takes the room, which goes back if the message does not get into the queue.
std::optional<SubmissionError> Submission::checkLimits() {
  const auto* info = transaction_.config->account(context_.account->name());
  if (info == nullptr) return refuse("messagelimiterror", 451, "4.7.1", "the account is not configured any more");
  auto since = now_ - std::chrono::duration_cast<std::chrono::microseconds>(limitWindow);
  using Limit = store::Account::OutgoingLimit;
  auto room = context_.account->reserveOutgoing(recipients(), now_, since, {info->maxOutgoingMessagesPerDay, info->maxFirstTimeRecipientsPerDay});
  if (room) {
    room_.emplace(std::move(*room));
    return std::nullopt;
  }
  if (room.error() == Limit::messages) {
    context_.services.limits.hit({"outgoing-messages", info->maxOutgoingMessagesPerDay, "messages/day"}, info->name);
    return refuse("messagelimiterror", 451, "4.7.1", "too many messages in 24 hours");
  }
  context_.services.limits.hit({"outgoing-new-recipients", info->maxFirstTimeRecipientsPerDay, "recipients/day"}, info->name);
  return refuse("recipientlimiterror", 451, "4.7.1", "too many new recipients in 24 hours");
}

/// RFC 6409 §8: what a client left out.
std::string Submission::addedFields() const {
  std::string out;
  if (!messageId_.empty()) out += "Message-Id: <" + messageId_ + ">\r\n";
  if (!message::firstField(spool_->data(), "Date")) out += "Date: " + rfc5322Date(now_) + "\r\n";
  return out;
}

/// RFC 4865: when it may leave; the epoch for at once.
Time Submission::release() const {
  const auto& mail = transaction_.mail;
  if (mail.holdFor) return now_ + std::chrono::seconds(*mail.holdFor);
  return mail.holdUntil.value_or(Time());
}

std::string Submission::signature(std::string_view added) const {
  const auto* domain = transaction_.config->domain(parsed_.from->domain);
  if (domain == nullptr) return "";
  auto signed_ = context_.services.keys->sign(*domain, domain->canonical(parsed_.from->localpart), added, spool_->data(), release());
  if (signed_) return *signed_;
  // The message is good; that we cannot prove it is ours is for the administrator to mend.
  context_.log.error("signing failed", {{"domain", domain->name.ascii()}, {"err", signed_.error().text}});
  return "";
}

/// Tells that we know the sender, and nothing of where they are (SUB-04).
std::string Submission::trace() const {
  const auto& hostname = context_.listener->hostname;
  const auto& mail = transaction_.mail;
  message::AuthMethod method{"auth", "pass", "", "", {}};
  method.properties.push_back({"smtp", "mailfrom", mail.from ? mail.from->text(utf8_) : ""});
  std::string results = message::authenticationResultsField({hostname, "", {method}, utf8_});
  bool tls = context_.channel->tls() != nullptr;
  message::Received hop{hostname, std::nullopt, std::nullopt, hostname, std::nullopt, delivery::withProtocol(context_.esmtp, utf8_, tls, true),
                        mail.requireTls, context_.receivedId, tlsText(*context_.channel), std::nullopt, now_, utf8_};
  if (transaction_.recipients.size() == 1) hop.recipient = transaction_.recipients.front().address;
  return message::receivedField(hop) + results;
}

void Submission::send() {
  const auto& mail = transaction_.mail;
  if (!message::firstField(spool_->data(), "Message-Id")) messageId_ = message::makeMessageId(context_.services.random, parsed_.from->domain);
  auto added = addedFields();
  queue::NewMessage message;
  message.senderAccount = context_.account->name();
  message.mailFrom = mail.from;
  message.recipients = recipients();
  message.spool = spool_.get();
  message.prefix = trace() + signature(added) + added;
  message.messageId = messageId_.empty() ? parsed_.messageId : lower(messageId_);
  message.subject = message::unfold(parsed_.root.envelope->subject.value_or(""));
  message.has8bit = parsed_.has8bit;
  message.smtpUtf8 = utf8_;
  message.requireTls = requireTls_;
  if (release() != Time()) message.notBefore = release();
  if (mail.holdFor) message.futureReleaseRequest = "for;" + std::to_string(*mail.holdFor);
  else if (mail.holdUntil) message.futureReleaseRequest = "until;" + rfc3339Seconds(*mail.holdUntil);
  message.extra = extra_;
  auto ids = context_.services.queue.add(message);
  noteOutgoing();
  context_.log.info("message queued", {{"queueid", ids.empty() ? 0 : ids.front().value}, {"recipients", message.recipients.size()},
                                       {"size", spool_->size()}, {"messageid", message.messageId}});
}

/// The message is on its way whatever happens here: refusing it now would send it twice.
void Submission::noteOutgoing() {
  try {
    room_.value().keep();
  } catch (const std::exception& broken) {
    context_.log.error("noting outgoing recipients failed, limits may be passed", {{"err", broken.what()}});
  }
}

namespace {

void countSubmission(Context& context, std::string_view result) {
  context.services.metrics.counter("mox_smtpserver_submission_total", "Submitted messages and what became of them.", {{"result", std::string(result)}}).inc();
}

void refuseSubmission(Context& context, const smtp::CommandError& error, std::string_view result) {
  countSubmission(context, result);
  context.conclude(smtp::Reply::make(error));
}

}  // namespace

void submitMessage(Context& context, std::shared_ptr<const store::Spool> spool) {
  if (context.services.localserve) {
    smtp::CommandError asked{451, "4.3.0", "failure as asked for"};
    auto wanted = wantedFailure(context.transaction->recipients);
    if (wanted && wanted->hangs) return context.pause(localserveHang, [asked](Context& c) { refuseSubmission(c, asked, "localserveerror"); });
    if (wanted) return refuseSubmission(context, {wanted->code, wanted->code < 500 ? "4.3.0" : "5.3.0", asked.text}, "localserveerror");
  }
  Submission submission(context, std::move(spool));
  if (auto error = submission.check()) return refuseSubmission(context, error->reply, error->result);
  try {
    submission.send();
  } catch (const std::exception&) {
    countSubmission(context, "queueerror");
    throw;
  }
  countSubmission(context, "ok");
  context.conclude(smtp::Reply::make(250, "2.2.0", "queued (" + context.receivedId + ")"));
}

}  // namespace mox::smtpserver
