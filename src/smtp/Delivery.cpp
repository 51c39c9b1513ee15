#include "smtp/Delivery.h"

#include <algorithm>
#include <stdexcept>

#include "base/Text.h"
#include "smtp/Grammar.h"

namespace mox::smtp {

namespace {

RecipientResult fromReply(Outcome outcome, const Reply& reply) { return {outcome, reply.code, reply.enhanced, reply.text(), LocalReason::none}; }

Outcome outcomeOf(const Reply& reply) { return reply.permanent() ? Outcome::permanent : Outcome::temporary; }

/// RFC 5321 §4.5.3.1.10: 452, and 552 of old, say "too many recipients", but 452 is also "mailbox full". Where
/// there is an enhanced code it must be x.5.3.
bool saysTooMany(const Reply& reply) {
  if (reply.code != 452 && reply.code != 552) return false;
  return reply.enhanced.empty() || reply.enhanced.ends_with(".5.3");
}

}  // namespace

Delivery::Delivery(Transaction transaction, const PeerInfo& peer, bool strict8bit) : transaction_(std::move(transaction)) {
  if (transaction_.recipients.empty()) throw std::invalid_argument("transaction without recipients");
  const std::size_t count = transaction_.recipients.size();
  result_.recipients.resize(count);
  decided_.resize(count);
  accepted_.resize(count);
  auto most = peer.extensions.rcptMax.value_or(count);
  limit_ = most < count ? static_cast<std::size_t>(most) : count;
  checkPeer(peer, strict8bit);
  if (!finished_) queueCommands(peer);
}

void Delivery::checkPeer(const PeerInfo& peer, bool strict8bit) {
  const auto& have = peer.extensions;
  RecipientResult refusal;
  if (transaction_.requireTls && !(peer.tls && have.requireTls))
    refusal = {Outcome::permanent, 0, "5.7.30", "server does not support REQUIRETLS", LocalReason::noRequireTls};
  else if (transaction_.smtpUtf8 && !have.smtpUtf8)
    refusal = {Outcome::temporary, 0, "4.6.7", "server does not support SMTPUTF8", LocalReason::noSmtpUtf8};
  else if (have.maxSize != 0 && transaction_.size > have.maxSize)
    refusal = {Outcome::permanent, 0, "5.3.4", "message is larger than the server takes", LocalReason::tooLarge};
  else if (transaction_.has8bit && strict8bit && !have.eightBitMime)
    refusal = {Outcome::temporary, 0, "4.6.3", "server does not support 8BITMIME", LocalReason::no8bitMime};
  if (refusal.local == LocalReason::none) return;
  decideOpen(refusal);
  finished_ = true;
}

void Delivery::queueCommands(const PeerInfo& peer) {
  const auto& have = peer.extensions;
  MailArguments mail;
  mail.from = transaction_.from;
  if (have.size) mail.size = transaction_.size;
  if (transaction_.has8bit && have.eightBitMime) mail.body = BodyKind::eightBitMime;
  mail.smtpUtf8 = transaction_.smtpUtf8;
  mail.requireTls = transaction_.requireTls;
  commands_.push_back({Awaiting::mail, commandText(mail) + "\r\n"});
  for (std::size_t i = 0; i < limit_; ++i)
    commands_.push_back({Awaiting::rcpt, commandText(RcptArguments{transaction_.recipients[i]}, transaction_.smtpUtf8) + "\r\n"});
  commands_.push_back({Awaiting::data, "DATA\r\n"});
  for (std::size_t i = limit_; i < decided_.size(); ++i) {
    result_.recipients[i] = {Outcome::tooMany, 0, "4.5.3", "server announced a limit of recipients", LocalReason::none};
    decided_[i] = true;
  }
}

std::string Delivery::nextCommands(bool pipelining) {
  std::string out;
  if (!awaited_.empty() || wantsBody_) return out;
  while (!commands_.empty()) {
    out += commands_.front().line;
    awaited_.push_back(commands_.front().kind);
    commands_.pop_front();
    if (!pipelining) break;
  }
  return out;
}

void Delivery::onReply(const Reply& reply) {
  auto kind = awaiting();
  if (kind == Awaiting::nothing) throw std::logic_error("reply without a command");
  awaited_.pop_front();
  switch (kind) {
    case Awaiting::mail: onMail(reply); break;
    case Awaiting::rcpt: onRcpt(reply); break;
    case Awaiting::data: onData(reply); break;
    case Awaiting::end: onEnd(reply); break;
    case Awaiting::emptyEnd:
      // A message of nothing for nobody. Whatever the server made of it, the transaction is over.
      needsReset_ = false;
      break;
    case Awaiting::nothing: break;
  }
  if (awaited_.empty() && commands_.empty() && !wantsBody_) finished_ = true;
}

void Delivery::onMail(const Reply& reply) {
  if (reply.positive()) {
    needsReset_ = true;
    return;
  }
  decideOpen(fromReply(outcomeOf(reply), reply));
  skipRest();
}

void Delivery::onRcpt(const Reply& reply) {
  const std::size_t index = nextRecipient_++;
  if (!decided_[index]) {
    if (reply.positive()) {
      accepted_[index] = true;
    } else {
      bool tooMany = saysTooMany(reply) && anyAccepted();
      result_.recipients[index] = fromReply(tooMany ? Outcome::tooMany : outcomeOf(reply), reply);
      decided_[index] = true;
    }
  }
  if (nextRecipient_ == limit_ && !anyAccepted()) skipRest();
}

/// Pipelined, 354 may come although every recipient was refused: a lone dot ends that (RFC 2920 §3.1).
void Delivery::onData(const Reply& reply) {
  bool goOn = reply.code == 354;
  if (goOn && anyAccepted()) {
    wantsBody_ = true;
  } else if (goOn) {
    commands_.push_back({Awaiting::emptyEnd, ".\r\n"});
  } else {
    decideOpen(reply.code >= 400 ? fromReply(outcomeOf(reply), reply)
                                 : RecipientResult{Outcome::temporary, reply.code, "", "unexpected reply to DATA: " + reply.text(), LocalReason::protocol});
  }
}

void Delivery::bodySent() {
  wantsBody_ = false;
  awaited_.push_back(Awaiting::end);
}

void Delivery::onEnd(const Reply& reply) {
  needsReset_ = false;
  decideOpen(reply.code < 300 || reply.code >= 400
                 ? fromReply(reply.positive() ? Outcome::delivered : outcomeOf(reply), reply)
                 : RecipientResult{Outcome::temporary, reply.code, "", "unexpected reply to data: " + reply.text(), LocalReason::protocol});
}

void Delivery::badMessage(std::string_view why) {
  decideOpen({Outcome::permanent, 0, "5.6.0", std::string(why), LocalReason::badMessage});
  wantsBody_ = false;
  finished_ = true;
}

void Delivery::abort(LocalReason reason, std::string_view text, const Reply* reply) {
  RecipientResult result{Outcome::temporary, 0, "4.4.2", std::string(text), reason};
  if (reply != nullptr) result = fromReply(outcomeOf(*reply), *reply);
  result.local = reason;
  decideOpen(result);
  finished_ = true;
}

/// What has not been sent need not be.
void Delivery::skipRest() { commands_.clear(); }

void Delivery::decideOpen(const RecipientResult& result) {
  for (std::size_t i = 0; i < decided_.size(); ++i) {
    if (decided_[i]) continue;
    result_.recipients[i] = result;
    decided_[i] = true;
  }
}

bool Delivery::anyAccepted() const { return std::find(accepted_.begin(), accepted_.end(), true) != accepted_.end(); }

}  // namespace mox::smtp
