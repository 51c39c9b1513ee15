#include "delivery/Judge.h"

#include <algorithm>
#include <array>

#include "delivery/Rulesets.h"
#include "store/Reputation.h"

namespace mox::delivery {

namespace {

/// smtp.md §8: how far back mail with one address counts.
constexpr Duration senderHistory = std::chrono::hours(24 * 365 * 3);

std::optional<Verdict> highRate(const Judge::Case& c) {
  const auto& account = c.candidate.info->name;
  const auto& ip = c.incoming.remote.ip;
  if (!c.rates.isHigh(account, c.reader, ip, c.incoming.message->spool->size(), c.incoming.received)) return std::nullopt;
  c.limits.hit(deliveryRateLimit, ip.text());
  return Verdict::reject(452, "4.2.2", "too much mail from this network, try again later", Reason::highRate);
}

/// RCPT says so already; a catchall of an alias member can still lead here.
std::optional<Verdict> destinationError(const Judge::Case& c) {
  const auto& error = c.candidate.target->smtpError;
  if (!error) return std::nullopt;
  auto reply = replyOf(*error);
  return Verdict::reject(reply.code, reply.enhanced, reply.text, Reason::none);
}

/// Mail of a list the user named, proved to come from it.
std::optional<Verdict> listAllow(const Judge::Case& c) {
  if (c.candidate.rule == nullptr || !c.candidate.rule->listAllowDomain) return std::nullopt;
  const auto& list = *c.candidate.rule->listAllowDomain;
  bool bySpf = c.incoming.isMailFromValidated() && c.incoming.spf.domain == list;
  auto signers = c.incoming.dkimDomains();
  bool byDkim = std::find(signers.begin(), signers.end(), list) != signers.end();
  if (!bySpf && !byDkim) return std::nullopt;
  return Verdict::accept(Reason::listAllow, "list domain " + list.ascii());
}

std::optional<Verdict> messageAuthRequired(const Judge::Case& c) {
  const auto& text = c.candidate.target->messageAuthRequiredError;
  if (!text || c.incoming.isFromValidated()) return std::nullopt;
  bool later = c.incoming.hasTemporaryTrouble();
  return Verdict::reject(later ? 451u : 550u, later ? "4.7.26" : "5.7.26", *text, Reason::msgAuthRequired);
}

constexpr std::array<Judge::Step, 4> decisionList{{
    {"high-rate", highRate},
    {"destination-error", destinationError},
    {"list-allow", listAllow},
    {"message-auth-required", messageAuthRequired},
}};

}  // namespace

smtp::CommandError replyOf(const config::SmtpError& error) {
  auto code = error.code == 421 ? 450u : static_cast<unsigned>(error.code);
  return {code, code < 500 ? "4.2.1" : "5.2.1", error.text.empty() ? "mailbox is disabled" : error.text};
}

const std::string& Candidate::mailbox() const {
  return rule != nullptr && !rule->settings.mailbox.empty() ? rule->settings.mailbox : target->mailbox;
}

std::span<const Judge::Step> Judge::steps() { return decisionList; }

Verdict Judge::judge(const Incoming& incoming, const Candidate& candidate) const {
  auto reader = candidate.account->reader();
  Case c{incoming, candidate, reader, rates_, limits_};
  for (const auto& step : steps()) {
    if (auto verdict = step.decide(c)) return *verdict;
  }
  return Verdict::accept(Reason::noBadSignals);
}

bool isKnownSender(const Incoming& incoming, const Candidate& candidate) {
  auto reader = candidate.account->reader();
  store::Reputation past(reader, reader.mailbox(candidate.mailbox()).value_or(store::MailboxRow()).id);
  auto since = incoming.received - std::chrono::duration_cast<std::chrono::microseconds>(senderHistory);
  const auto& from = incoming.from();
  if (!from) return false;
  if (past.sentTo(*from, since)) return true;  // kept in a Sent mailbox
  // Submitted, kept or not. (Not by outgoingUse(): asked for another time than submissions ask for, it reads the day anew.)
  if (candidate.account->hasWrittenTo(*from)) return true;
  auto judged = past.byFrom(from->localpart.text(), from->domain.ascii(), incoming.isFromValidated(), since, 1);
  return !judged.empty() && !judged.front().isJunk;
}

}  // namespace mox::delivery
