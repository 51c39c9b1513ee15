#include "delivery/Place.h"

#include <algorithm>

#include "base/Text.h"
#include "delivery/Rulesets.h"
#include "delivery/TraceFields.h"
#include "store/Damage.h"
#include "store/Db.h"

namespace mox::delivery {

struct Placement::Copy {
  /// Whose outcome is this copy's: the one it is made for, and lists of which this member has it already by the first.
  std::vector<std::size_t> recipients;
  Candidate candidate;
  Verdict verdict;
  std::string prefix{};
  message::Parsed parsed{};
};

Placement::Placement(PlaceServices services, std::shared_ptr<const Incoming> incoming, config::ConfigPtr config, std::vector<Recipient> recipients)
    : services_(std::move(services)),
      incoming_(std::move(incoming)),
      config_(std::move(config)),
      recipients_(std::move(recipients)),
      outcomes_(recipients_.size()) {}
Placement::~Placement() = default;
Placement::Placement(Placement&&) noexcept = default;

Outcome failureOf(const std::exception& broken) {
  const auto* database = dynamic_cast<const store::DatabaseError*>(&broken);
  const auto* file = dynamic_cast<const store::FileError*>(&broken);
  bool full = (database != nullptr && database->isDiskFull()) || (file != nullptr && file->isDiskFull());
  if (full) return {false, 452, "4.3.1", "no room on the disk, try again later"};
  return {false, 451, "4.3.0", "error processing"};
}

// ---- Judging

Candidate Placement::candidate(const Mailbox& recipient, const config::Target& target) const {
  auto account = services_.accounts.open(target.account);
  if (!account) throw std::runtime_error("account " + target.account + ": " + account.error().text);
  const auto* info = config_->account(target.account);
  if (info == nullptr) throw std::logic_error("a target without account");
  return {recipient, &target, info, matchRule(target.rules, *incoming_), *account};
}

Verdict Placement::judged(const Candidate& candidate) const {
  auto verdict = Judge(services_.rates, services_.limits).judge(*incoming_, candidate);
  if (!verdict.accepted) {
    services_.log.info("message refused", {{"reason", reasonName(verdict.reason)}, {"code", verdict.code}, {"account", candidate.info->name},
                                           {"recipient", candidate.recipient.text()}});
    count(verdict.reason == Reason::highRate ? "highrate" : "reject", verdict.reason);
  }
  return verdict;
}

/// Lists come after the recipients of their own, whatever order they were named in: they look at the copies those get.
void Placement::judge() {
  for (bool lists : {false, true})
    for (std::size_t i = 0; i < recipients_.size(); i++)
      if ((recipients_[i].lookup.kind == config::Lookup::Kind::alias) == lists) judgeOne(i);
}

void Placement::judgeOne(std::size_t recipient) {
  const auto& lookup = recipients_[recipient].lookup;
  try {
    if (lookup.kind == config::Lookup::Kind::account) return judgeAccount(recipient, *lookup.target);
    if (lookup.kind == config::Lookup::Kind::alias) return judgeAlias(recipient, *lookup.alias);
    outcomes_[recipient] = {false, 550, "5.1.1", "no such user"};
    count("unknownuser", Reason::none);
  } catch (const std::exception& broken) {
    services_.log.error("judging a message failed", {{"recipient", recipients_[recipient].address.text()}, {"err", broken.what()}});
    outcomes_[recipient] = failureOf(broken);
    count("accounterror", Reason::none);
  }
}

void Placement::judgeAccount(std::size_t recipient, const config::Target& target) {
  auto one = candidate(recipients_[recipient].address, target);
  auto verdict = judged(one);
  if (verdict.accepted) {
    copies_.push_back({{recipient}, std::move(one), std::move(verdict)});
    return;
  }
  rejected_ = true;
  outcomes_[recipient] = {false, verdict.code, verdict.enhanced, verdict.text};
}

/// With case and separators as the domain has them: MJL+tag@ is mjl@.
bool Placement::isSame(const Address& a, const Address& b) const {
  if (a.domain != b.domain) return false;
  const auto* domain = config_->domain(a.domain);
  return domain == nullptr ? a.localpart == b.localpart : domain->canonical(a.localpart) == domain->canonical(b.localpart);
}

/// smtp.md §9: who may write to a list.
bool Placement::mayPost(const config::AliasTarget& alias) const {
  if (alias.postPublic) return true;
  const auto& from = incoming_->from();
  if (!from) return false;
  if (alias.allowMsgFrom && isSame(*from, alias.address)) return true;
  auto found = config_->lookup(from->localpart, from->domain);
  if (found.kind != config::Lookup::Kind::account) return false;
  return std::any_of(alias.members.begin(), alias.members.end(), [&](const auto& member) { return member.target == found.target; });
}

/// Who wrote it has it.
bool Placement::isAuthor(const config::AliasTarget::Member& member) const { return incoming_->from() && isSame(*incoming_->from(), member.address); }

/// Such a domain takes no mail, also not by way of a list of another.
bool Placement::isDisabled(const Domain& name) const {
  const auto* domain = config_->domain(name);
  return domain != nullptr && domain->disabled;
}

Placement::Copy* Placement::copyFor(const config::Target& target) {
  auto found = std::find_if(copies_.begin(), copies_.end(), [&](const Copy& copy) { return copy.candidate.target == &target; });
  return found == copies_.end() ? nullptr : &*found;
}

/// Nothing if the member's account is damaged: the others of the list get their mail all the same.
std::optional<Candidate> Placement::candidateOfList(const Mailbox& list, const config::AliasTarget::Member& member) const {
  try {
    return candidate(list, *member.target);
  } catch (const store::AccountDamaged& broken) {
    services_.log.error("a member of a list misses a message", {{"recipient", list.text()}, {"member", member.address.text()}, {"err", broken.what()}});
    return std::nullopt;
  }
}

void Placement::judgeAlias(std::size_t recipient, const config::AliasTarget& alias) {
  if (!mayPost(alias)) {
    rejected_ = true;
    outcomes_[recipient] = {false, 550, "5.7.2", "not allowed to send to this list"};
    count("reject", Reason::none);
    return;
  }
  std::vector<Copy> copies;
  std::vector<Copy*> shared;  // those that others have asked for
  std::optional<Verdict> refusal;
  bool anyAccepted = false, anyEnabled = false, anyBroken = false;
  for (const auto& member : alias.members) {
    if (isDisabled(member.address.domain)) continue;
    anyEnabled = true;
    auto opened = candidateOfList(recipients_[recipient].address, member);
    if (!opened) {
      anyBroken = true;
      continue;
    }
    auto one = std::move(*opened);
    auto verdict = judged(one);
    anyAccepted = anyAccepted || verdict.accepted;
    if (!verdict.accepted) refusal = verdict;
    if (isAuthor(member)) continue;
    if (auto* copy = copyFor(*member.target)) {
      shared.push_back(copy);
      continue;
    }
    if (!verdict.accepted) verdict.details = "accepted for the list";  // one member's yes is all members' yes
    copies.push_back({{recipient}, std::move(one), std::move(verdict)});
  }
  if (!anyAccepted && refusal) {
    rejected_ = true;
    outcomes_[recipient] = {false, refusal->code, refusal->enhanced, refusal->text};
    return;
  }
  if (!anyEnabled) {
    outcomes_[recipient] = {false, 450, "4.2.1", "the domains of all members are disabled for now"};
    count("reject", Reason::none);
    return;
  }
  if (anyBroken && copies.empty() && shared.empty()) {
    outcomes_[recipient] = {false, 451, "4.3.0", "the members' mailboxes cannot be opened now"};
    count("accounterror", Reason::none);
    return;
  }
  // That a member gets it by another way is known when that copy is stored, not before: it may still fail.
  for (auto* copy : shared) copy->recipients.push_back(recipient);
  if (copies.empty() && shared.empty()) outcomes_[recipient].delivered = true;  // nobody on the list but its author
  std::move(copies.begin(), copies.end(), std::back_inserter(copies_));
}

bool Placement::wantsDelay() const {
  if (incoming_->message->parsed.isMailingList) return false;
  return std::any_of(copies_.begin(), copies_.end(), [&](const Copy& copy) {
    const auto& candidate = copy.candidate;
    return copy.verdict.reason == Reason::noBadSignals && !candidate.isForward() && !candidate.info->settings.noFirstTimeSenderDelay &&
           !isKnownSender(*incoming_, candidate);
  });
}

bool Placement::anyRejected() const { return rejected_; }

// ---- Delivering

void Placement::deliver() {
  TraceFields trace(*incoming_);
  std::map<std::string, std::vector<Copy*>> byAccount;
  for (auto& copy : copies_) {
    copy.prefix = trace.prefix(copy.candidate.recipient, copy.verdict);
    copy.parsed = withPrefix(incoming_->message->parsed, copy.prefix);
    byAccount[copy.candidate.info->name].push_back(&copy);
  }
  for (auto& [account, copies] : byAccount) deliverTo(account, copies);
}

void Placement::deliverTo(const std::string& account, std::vector<Copy*>& copies) {
  try {
    deliverAll(*copies.front()->candidate.account, copies);
  } catch (const std::exception& broken) {
    services_.log.error("delivery failed", {{"account", account}, {"err", broken.what()}});
    auto failure = failureOf(broken);
    conclude(copies, &failure, "delivererror");
  }
}

namespace {

MailboxId mailboxFor(store::Account& account, const std::string& name) {
  if (auto row = account.reader().mailbox(std::string_view(name))) return row->id;
  // Two deliveries may find it missing at once: that it exists now is as good.
  auto made = account.createMailbox(name);
  if (!made && made.error().code != Errc::exists) throw std::runtime_error("mailbox " + name + ": " + made.error().text);
  auto row = account.reader().mailbox(std::string_view(name));
  if (!row) throw std::runtime_error("mailbox " + name + " is gone");
  return row->id;
}

/// A forward's own address and domains say nothing of who wrote the message (smtp.md §7 step 3).
void forgetForwarder(store::Origin& origin, const config::Rule& rule) {
  origin.isForward = true;
  origin.remoteIp.reset();
  origin.ehloDomain.clear();
  origin.mailFromLocalpart.clear();
  origin.mailFromDomain.clear();
  origin.ehloValidated = origin.mailFromValidated = false;
  if (rule.verifiedDomain) std::erase(origin.dkimDomains, rule.verifiedDomain->ascii());
}

}  // namespace

void Placement::deliverAll(store::Account& account, std::vector<Copy*>& copies) {
  const auto& message = *incoming_->message;
  std::vector<store::NewMessage> messages;
  for (auto* copy : copies) {
    store::NewMessage one;
    one.mailbox = mailboxFor(account, copy->candidate.mailbox());
    one.spool = message.spool.get();
    one.prefix = copy->prefix;
    one.parsed = &copy->parsed;
    one.envelope = message.envelope;
    one.bodyStructure = message.bodyStructure;
    one.bodyStructureExtended = message.bodyStructureExtended;
    one.partTree = message::encode(copy->parsed.root);
    one.received = incoming_->received;
    one.origin = originOf(*incoming_, copy->candidate.recipient, services_.suffixes);
    if (copy->candidate.isForward()) forgetForwarder(one.origin, *copy->candidate.rule);
    messages.push_back(std::move(one));
  }
  store::DeliverOptions options;
  auto quota = copies.front()->candidate.info->quota;
  options.quota = quota == 0 ? -1 : quota;
  auto quotaMessages = copies.front()->candidate.info->quotaMessages;
  options.quotaMessages = quotaMessages == 0 ? -1 : quotaMessages;
  auto stored = account.deliver(std::move(messages), options);
  if (stored) return conclude(copies, nullptr, "delivered");
  bool full = stored.error().code == Errc::overQuota;
  Outcome failure = full ? Outcome{false, 452, "4.2.2", "mailbox is full"} : Outcome{};
  if (!full) services_.log.error("delivery failed", {{"account", account.name()}, {"err", stored.error().text}});
  conclude(copies, &failure, "delivererror");
}

void Placement::conclude(std::vector<Copy*>& copies, const Outcome* failure, std::string_view result) {
  for (auto* copy : copies) {
    count(result, copy->verdict.reason);
    for (auto recipient : copy->recipients) {
      auto& outcome = outcomes_[recipient];
      if (failure == nullptr) outcome.delivered = true;
      else if (!outcome.delivered) outcome = *failure;
    }
    if (failure != nullptr) continue;
    const auto& candidate = copy->candidate;
    services_.rates.count(candidate.info->name, incoming_->remote.ip, incoming_->message->spool->size(), incoming_->received);
    services_.log.info("message delivered", {{"account", candidate.info->name}, {"mailbox", candidate.mailbox()},
                                             {"recipient", candidate.recipient.text()}, {"reason", reasonName(copy->verdict.reason)}});
  }
}

void Placement::count(std::string_view result, Reason reason) const {
  services_.metrics
      .counter("mox_smtpserver_delivery_total", "Incoming messages by recipient, what became of them and why.",
               {{"result", std::string(result)}, {"reason", std::string(reasonName(reason))}})
      .inc();
}

// ---- Reply

smtp::Reply combinedReply(const std::vector<Recipient>& recipients, const std::vector<Outcome>& outcomes) {
  const auto& first = outcomes.front();
  bool same = std::all_of(outcomes.begin(), outcomes.end(), [&](const Outcome& o) { return o.code == first.code && o.enhanced == first.enhanced; });
  bool permanent = std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& o) { return o.code >= 500; });
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < outcomes.size(); i++) {
    auto text = same ? outcomes[i].text : printable(recipients[i].address.text()) + ": " + std::to_string(outcomes[i].code) + " " + outcomes[i].text;
    if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
  }
  constexpr std::size_t maxTexts = 50;  // a reply of a thousand lines serves nobody
  if (texts.size() > maxTexts) texts.resize(maxTexts);
  auto text = join(texts, "\n");
  if (same) return smtp::Reply::make(first.code, first.enhanced, text);
  return permanent ? smtp::Reply::make(554, "5.3.0", text) : smtp::Reply::make(451, "4.3.0", text);
}

}  // namespace mox::delivery
