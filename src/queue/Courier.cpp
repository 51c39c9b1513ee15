#include "queue/Courier.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/Text.h"

namespace mox::queue {

using smtp::ClientPhase;
using smtp::Outcome;

namespace {

/// Addresses dialled in one attempt that are kept.
constexpr std::size_t mostDialsKept = 20;
/// Connections a message may see end under it without being blamed for it.
constexpr unsigned mostReconnects = 3;

std::string phaseName(ClientPhase phase) {
  switch (phase) {
    case ClientPhase::connect: return "connect";
    case ClientPhase::greeting: return "greeting";
    case ClientPhase::hello: return "hello";
    case ClientPhase::startTls: return "starttls";
    case ClientPhase::handshake: return "handshake";
    case ClientPhase::auth: return "auth";
    case ClientPhase::idle: break;
  }
  return "idle";
}

}  // namespace

Courier::Courier(Dispatcher& dispatcher, std::string key, std::shared_ptr<Destination> destination, std::size_t firstHost)
    : dispatcher_(dispatcher), key_(std::move(key)), destination_(std::move(destination)), firstHost_(firstHost), host_(firstHost) {}

std::string Courier::remote() const {
  if (dialled_.empty()) return "";
  return dialled_.back().host + " (" + dialled_.back().ip.text() + ")";
}

void Courier::start() { dial(); }

void Courier::cancel() {
  auto link = link_.lock();
  link->cancelled = true;
  if (link->dialled) link->dialled->cancel();
}

smtp::ClientOptions Courier::clientOptions() const {
  smtp::ClientOptions options;
  options.hello = plan().hello;
  // Literals are no names: nothing to send as SNI.
  options.serverName = hostNow().name.starts_with('[') ? "" : hostNow().name;
  options.tls = withoutTls_ ? smtp::ClientTls::none : plan().tls;
  options.tlsContext = plan().tlsContext;
  options.auth = plan().auth;
  options.strict8bit = plan().strict8bit;
  options.timeouts = dispatcher_.options_.timeouts;
  options.replyTimes = &dispatcher_.metrics_.replyTimes;
  options.log = dispatcher_.log_;
  return options;
}

void Courier::dial() {
  const auto& host = hostNow();
  const auto& ip = host.ips.at(address_);
  failure_.reset();
  isEstablishedNow_ = wasParked_ = false;
  tlsMode_ = "none";
  if (dialled_.size() < mostDialsKept && (dialled_.empty() || !withoutTls_)) dialled_.push_back({host.name, ip});
  auto options = clientOptions();
  net::DialOptions to;
  to.to = {ip, plan().port};
  to.timeout = dispatcher_.options_.dialTimeout / static_cast<Duration::rep>(host.ips.size());
  to.source = sourceFor(ip, plan().sources);
  if (options.tls == smtp::ClientTls::immediate) {
    to.tls = plan().tlsContext;
    to.serverName = options.serverName;
  }
  ++dispatcher_.dials_;
  auto session = std::make_unique<smtp::ClientSession>(std::move(options), shared_from_this(), dispatcher_.random_);
  auto number = ++link_.lock()->number;
  // The connection may be over, and this courier on its next one, before dial() is back.
  auto dialled = dispatcher_.engine_.dial(std::move(to), std::move(session));
  auto link = link_.lock();
  if (link->number != number) return;
  link->dialled = std::move(dialled);
  if (link->cancelled) link->dialled->cancel();
}

smtp::NextStep Courier::onReady(smtp::ClientSession& session, const std::shared_ptr<net::Waker>& waker) {
  if (!isEstablishedNow_) {
    isEstablishedNow_ = true;
    const auto& tls = session.peer().tls;
    tlsMode_ = !tls ? "none" : tls->peerVerified ? "verified" : "unverified";
    dispatcher_.metrics_.connection("ok");
  }
  for (;;) {
    auto next = dispatcher_.next(*this, session.transactions(), waker);
    if (const auto* idle = std::get_if<smtp::Idle>(&next)) {
      wasParked_ |= *idle == smtp::Idle::park;
      return *idle;
    }
    if (auto transaction = begin(std::move(std::get<Parcel>(next)))) return std::move(*transaction);
  }
}

std::optional<smtp::Transaction> Courier::begin(Parcel parcel) {
  std::shared_ptr<const Body> body;
  try {
    body = dispatcher_.storage_.body(parcel.message->id);
  } catch (const std::exception& error) {
    dispatcher_.log_.error("cannot read a queued message", {{"id", parcel.message->id.value}, {"err", error.what()}});
    fail(std::move(parcel), {false, 0, "4.3.0", "cannot read the message"});
    return std::nullopt;
  }
  if (!body) {
    fail(std::move(parcel), {false, 0, "4.3.0", "message was dropped"});
    return std::nullopt;
  }
  smtp::Transaction out;
  out.from = parcel.message->mailFrom;
  for (const auto& claim : parcel.claims) out.recipients.push_back(claim.recipient);
  out.size = body->size;
  out.has8bit = parcel.message->has8bit;
  out.smtpUtf8 = parcel.message->smtpUtf8;
  out.requireTls = parcel.claims.front().requireTls.value_or(false);
  bodyAsked_ = std::make_shared<bool>(false);
  out.message = [body, asked = bodyAsked_] {
    *asked = true;
    return makeProducer(body);
  };
  if (!dialled_.empty() && (parcel.dialled.empty() || !(parcel.dialled.back() == dialled_.back()))) parcel.dialled.push_back(dialled_.back());
  parcel_ = std::move(parcel);
  return out;
}

void Courier::fail(Parcel parcel, const Refusal& why) {
  std::vector<Record> records;
  for (const auto& claim : parcel.claims) records.push_back(dispatcher_.makeRecord(claim, parcel, {why, remote(), ""}));
  dispatcher_.onTransaction(*this, true, false, std::move(records), std::nullopt, std::nullopt);
}

/// smtp.md §13: a policy rejection may be about the family of our address; the next attempt tries the other one.
bool Courier::deservesOtherFamily(const Claim& claim, const smtp::RecipientResult& result) const {
  return claim.attempts == 1 && result.code != 0 && result.enhanced.starts_with("5.7.") && hostNow().dualStack;
}

/// A server that insists on TLS refuses the connection we made without because its handshake had failed, not the message: next
/// time there may be TLS again. Those are the codes for it (RFC 3207 §4, and 5.7.10 and 5.7.11 of RFC 5248's registry); others of 5.7 may
/// mean it or the message, and have one more attempt.
bool Courier::isForLackOfTls(std::string_view enhanced, unsigned code, int attempts) const {
  bool isMeant = code == 530 || enhanced == "5.7.10" || enhanced == "5.7.11";
  return withoutTls_ && (isMeant || (attempts == 1 && enhanced.starts_with("5.7.")));
}

/// Servers end a connection that has carried enough or is idle, with 421 or without a word. The message that comes next says nothing
/// about that and takes another connection at once; not if its text was under way, for it may have arrived.
bool Courier::isStale(const smtp::ClientSession& session, const Parcel& parcel, const smtp::RecipientResult& result) const {
  bool ended = result.local == smtp::LocalReason::connectionLost || result.code == 421;
  return ended && (session.transactions() > 0 || wasParked_) && !*bodyAsked_ && parcel.reconnects < mostReconnects;
}

void Courier::onResult(smtp::ClientSession& session, const smtp::TransactionResult& result) {
  auto parcel = std::exchange(parcel_, std::nullopt).value();
  Parcel again = parcel, elsewhere = parcel;
  again.claims.clear();
  elsewhere.claims.clear();
  elsewhere.firstHost = host_ + 1;
  bool healthy = true, delivered = false, progress = false, haveOther = host_ + 1 < plan().hosts.size();
  bool stopping = dispatcher_.stopping();
  std::vector<Record> records;
  for (std::size_t i = 0; i < result.recipients.size(); ++i) {
    const auto& r = result.recipients[i];
    const auto& claim = parcel.claims.at(i);
    if (r.outcome != Outcome::tooMany) progress = true;
    if (isStale(session, parcel, r)) {
      again.claims.push_back(claim);
      again.reconnects = parcel.reconnects + 1;
      continue;
    }
    if (r.local == smtp::LocalReason::connectionLost || r.code == 421) healthy = false;
    if (r.local == smtp::LocalReason::noRequireTls) dispatcher_.metrics_.requireTlsNoSupport.inc();
    if (r.outcome == Outcome::tooMany) {
      again.claims.push_back(claim);
      continue;
    }
    bool lacksTls = r.outcome == Outcome::permanent && isForLackOfTls(r.enhanced, r.code, claim.attempts);
    bool soft = r.outcome == Outcome::temporary || lacksTls;
    if (soft && stopping && r.local == smtp::LocalReason::connectionLost) {
      again.claims.push_back(claim);
      continue;
    }
    if (soft && haveOther) {
      elsewhere.claims.push_back(claim);
      if (r.code != 0) elsewhere.heard[claim.id] = {{false, static_cast<int>(r.code), r.enhanced, r.text}, remote(), hostNow().name};
      continue;
    }
    Refusal why{r.outcome == Outcome::permanent && !lacksTls && !deservesOtherFamily(claim, r), static_cast<int>(r.code), r.enhanced, r.text};
    auto record = dispatcher_.makeRecord(claim, parcel, {why, remote(), hostNow().name});
    if (r.outcome == Outcome::delivered) {
      delivered = true;
      record.verdict = Verdict::delivered;
      record.attempt.success = true;
    }
    dispatcher_.tell(record, &plan(), tlsMode_);
    records.push_back(std::move(record));
  }
  if (!progress && !stopping) {
    // A server that takes no recipient at all would be asked for ever.
    for (const auto& claim : again.claims)
      records.push_back(dispatcher_.makeRecord(claim, parcel, {{false, 0, "4.5.3", "server takes no recipients"}, remote(), ""}));
    again.claims.clear();
  }
  auto some = [](Parcel& p) { return p.claims.empty() ? std::nullopt : std::optional(std::move(p)); };
  dispatcher_.onTransaction(*this, healthy, delivered, std::move(records), some(again), some(elsewhere));
}

void Courier::onFailed(smtp::ClientSession& session, const smtp::ClientFailure& failure) {
  (void)session;
  failure_ = failure;
}

bool Courier::retryWithoutTls() {
  bool broken = failure_->phase == ClientPhase::handshake && plan().tls == smtp::ClientTls::opportunistic && !withoutTls_;
  if (!broken) return false;
  dispatcher_.metrics_.plaintextFallback.inc();
  dispatcher_.log_.info("TLS failed, trying without", {{"remote", remote()}, {"err", failure_->text}});
  withoutTls_ = true;
  return true;
}

/// Where nobody answered, another address of the same host may.
bool Courier::nextAddress() {
  bool next = failure_->phase == ClientPhase::connect && address_ + 1 < hostNow().ips.size();
  if (!next) return false;
  ++address_;
  withoutTls_ = false;
  return true;
}

bool Courier::nextHost() {
  withoutTls_ = false;
  address_ = 0;
  return ++host_ < plan().hosts.size();
}

/// A server that sends us away before it has heard of a message judges our connection: others may think better of it, and only if
/// none does, for good, does mail come back. What one has said tells more than that the next could not be reached.
void Courier::noteAnswer() {
  const auto& f = *failure_;
  // What is wrong with our credentials is no reason to give mail back.
  bool permanent = f.outcome == Outcome::permanent && f.phase != ClientPhase::auth && !isForLackOfTls(f.enhanced, f.code, 0);
  // As deservesOtherFamily(); greetings have no enhanced codes (RFC 2034 §4).
  if (permanent && hostNow().dualStack && (f.enhanced.empty() || f.enhanced.starts_with("5.7."))) otherFamilyMayServe_ = true;
  bool all = permanent && (!answer_ || answer_->why.permanent);
  if (!answer_ || f.code != 0 || answer_->why.code == 0) {
    auto text = f.phase == ClientPhase::connect ? "connecting: " + f.text : f.text;
    answer_ = {{all, static_cast<int>(f.code), f.enhanced, text}, remote(), f.code != 0 ? hostNow().name : ""};
  }
  answer_->why.permanent = all;
}

Answer Courier::answerFor(const Parcel& parcel, const Claim& claim) const {
  // What was said of the message itself counts for more than what was said of our connections.
  if (auto heard = parcel.heard.find(claim.id); heard != parcel.heard.end()) return heard->second;
  auto out = answer_.value();
  // Hosts before the first of these have said "not now".
  if (parcel.firstHost > 0 || (claim.attempts == 1 && otherFamilyMayServe_)) out.why.permanent = false;
  if (!out.why.permanent && out.why.enhanced.starts_with('5')) out.why.enhanced.clear();
  return out;
}

void Courier::onClosed(smtp::ClientSession& session) {
  auto self = shared_from_this();
  bool exhausted = false;
  bool failed = failure_ && !isEstablishedNow_ && session.transactions() == 0;
  if (failure_ && failure_->end == net::End::shutdown) dispatcher_.engineIsGone();
  if (failed && !link_.lock()->cancelled && !dispatcher_.stopping()) {
    dispatcher_.metrics_.connection(phaseName(failure_->phase));
    dispatcher_.log_.info("connection failed", {{"remote", remote()}, {"phase", phaseName(failure_->phase)}, {"err", failure_->text}});
    if (retryWithoutTls() || nextAddress()) return dial();
    noteAnswer();
    if (nextHost()) return dial();
    exhausted = true;
  }
  dispatcher_.onEnded(self, exhausted);
}

}  // namespace mox::queue
