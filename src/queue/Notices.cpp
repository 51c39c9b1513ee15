#include "queue/Notices.h"

#include <algorithm>
#include <stdexcept>

#include "base/Date.h"
#include "base/Text.h"
#include "base/Unicode.h"
#include "imap/Structure.h"
#include "message/Charset.h"
#include "message/Dsn.h"
#include "message/EncodedWords.h"
#include "queue/Backoff.h"

namespace mox::queue {

namespace {

/// Octets of subject and of remote replies shown in the text for people.
constexpr std::size_t mostShown = 300;

std::string replyText(const Attempt& a) {
  std::string out;
  if (a.code != 0) out = std::to_string(a.code) + " ";
  if (!a.enhanced.empty()) out += a.enhanced + " ";
  return out + a.text;
}

message::DsnRecipient recipient(const Record& r, bool failed) {
  message::DsnRecipient out{r.claim.recipient, "", message::DsnAction::failed, "", "", "", "", {}, {}};
  out.action = failed ? message::DsnAction::failed : message::DsnAction::delayed;
  out.status = r.attempt.enhanced;
  if (!failed && out.status.starts_with('5')) out.status.clear();  // a refusal that is tried again all the same
  // 3464 §2.3.4: the class must fit the action; a 4.x.x that lasted too long has failed all the same.
  if (failed && out.status.starts_with('4')) out.statusComment = "gave up after " + std::to_string(r.claim.attempts) + " attempts";
  out.remoteMta = r.remoteHost;
  if (r.attempt.code != 0) out.diagnosticCode = replyText(r.attempt);
  else out.statusComment += (out.statusComment.empty() ? "" : ": ") + r.attempt.text;
  out.lastAttempt = r.attempt.start;
  if (!failed) out.willRetryUntil = lastAttemptTime(r.claim.nextAttempt, r.claim.attempts, r.claim.maxAttempts);
  return out;
}

/// As its sender reads it; without what could pass for other lines or turn the direction of the text.
std::string shownSubject(const std::string& subject) {
  auto text = message::decodeWords(subject);
  if (!isPlainUtf8(text)) return printable(text, mostShown);
  return text.size() <= mostShown ? text : std::string(message::cutUtf8(text, mostShown)) + "...";
}

std::string textFor(const std::vector<Record>& records, bool failed) {
  const auto& message = *records.front().claim.message;
  std::string out = failed ? "Your message could not be delivered to:\n\n" : "Your message has not been delivered yet to:\n\n";
  for (const auto& r : records) {
    out += "  " + r.claim.recipient.text() + "\n";
    out += "    " + printable(replyText(r.attempt), mostShown) + "\n";
    if (!r.attempt.remote.empty()) out += "    at " + printable(r.attempt.remote, mostShown) + "\n";
  }
  out += "\nSubject: " + shownSubject(message.subject) + "\nSent: " + rfc5322Date(message.queued) + "\n\n";
  if (failed) return out + "It will not be tried again.\n";
  const auto& claim = records.front().claim;
  return out + "You need not do anything. The next attempt is at " + rfc5322Date(claim.nextAttempt) + ", the last one around " +
         rfc5322Date(lastAttemptTime(claim.nextAttempt, claim.attempts, claim.maxAttempts)) + ".\n";
}

}  // namespace

Notices::Notices(config::ConfigSource& config, store::Accounts& accounts, Storage& storage, const Clock& clock, Random& random, Log log)
    : config_(config), accounts_(accounts), storage_(storage), clock_(clock), random_(random), log_(std::move(log)) {}

std::string Notices::originalHeader(QueueId message) {
  auto body = storage_.body(message);
  if (!body) return "";
  std::string text;
  body->read(0, message::maxReturnedHeader, text);
  auto end = text.find("\r\n\r\n");
  if (end != std::string::npos) text.resize(end + 2);
  // Whole lines only: what is cut off would read as another field.
  else text.resize(text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
  return text;
}

std::shared_ptr<store::Account> Notices::recipientOf(const config::Config& config, const std::string& account) {
  for (const auto& name : {account, config.postmaster().account}) {
    if (name.empty() || config.account(name) == nullptr) continue;
    auto opened = accounts_.open(name);
    if (opened) return *opened;
    log_.warn("account of the sender cannot be opened", {{"account", name}, {"err", opened.error().text}});
  }
  throw std::runtime_error("no account for a delivery report, not even the postmaster's");
}

void Notices::deliver(store::Account& account, const std::string& text) {
  const std::string prefix = "Return-Path: <>\r\n";
  auto parsed = message::parse(prefix, text);
  store::NewMessage out;
  out.data = text;
  out.prefix = prefix;
  out.parsed = &parsed;
  out.envelope = imap::renderEnvelope(*parsed.root.envelope);
  out.bodyStructure = imap::renderBody(parsed.root);
  out.bodyStructureExtended = imap::renderBodyStructure(parsed.root);
  out.partTree = message::encode(parsed.root);
  out.received = clock_.now();
  auto inbox = account.reader().mailbox("Inbox");
  if (!inbox) {
    account.ensureMailboxes({{"Inbox", 0}});
    inbox = account.reader().mailbox("Inbox");
  }
  out.mailbox = inbox.value().id;
  // No quota here: a report must not get lost because the mailbox it tells of is full.
  std::vector<store::NewMessage> messages;
  messages.push_back(std::move(out));
  auto done = account.deliver(std::move(messages));
  if (!done) throw std::runtime_error("delivery report: " + done.error().text);
}

bool Notices::send(const std::vector<Record>& records) {
  const auto& message = *records.front().claim.message;
  if (!message.mailFrom) return false;
  auto config = config_.current();
  bool failed = records.front().verdict == Verdict::failed;
  message::Dsn dsn{message.smtpUtf8, {"", {*Localpart::make("postmaster"), config->hostname()}}, *message.mailFrom,
                   failed ? "mail delivery failed" : "mail delivery delayed", textFor(records, failed), config->hostname(), "", {}, {}, "", {}, "", ""};
  dsn.arrivalDate = message.queued;
  dsn.futureRelease = message.futureRelease;
  dsn.originalMessageId = message.messageId;
  dsn.originalHeader = originalHeader(message.id);
  for (const auto& record : records) dsn.recipients.push_back(recipient(record, failed));
  auto text = message::composeDsn(dsn, clock_.now(), random_);
  if (!text) throw std::runtime_error("composing a delivery report: " + text.error().text);
  auto account = recipientOf(*config, message.account);
  deliver(*account, *text);
  log_.info("delivery report", {{"message", message.id.value}, {"account", account->name()}, {"action", failed ? "failed" : "delayed"},
                                {"recipients", records.size()}});
  return true;
}

}  // namespace mox::queue
