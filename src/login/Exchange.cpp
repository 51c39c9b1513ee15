#include "login/Exchange.h"

#include "base/Text.h"
#include "net/JobPool.h"

namespace mox::login {

namespace {

Verdict verdictOf(sasl::FailureReason reason) {
  using sasl::FailureReason;
  switch (reason) {
    case FailureReason::syntax:
    case FailureReason::tooLong:
    case FailureReason::unsupportedExtension: return Verdict::protocol;
    case FailureReason::cancelled: return Verdict::cancelled;
    case FailureReason::badCredentials: return Verdict::badCredentials;
    case FailureReason::authorizationDenied: return Verdict::denied;
    case FailureReason::channelBindingMismatch:
    case FailureReason::unsupportedBinding: return Verdict::channelBinding;
    case FailureReason::internal: return Verdict::broken;
  }
  return Verdict::broken;
}

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

/// A damaged account, or a disk that fails, is an answer: without one the client would see its connection end and guess.
Outcome checked(Authenticator& authenticator, const std::string& login, const std::string& password) {
  try {
    return authenticator.checkPassword(login, password);
  } catch (const std::exception& broken) {
    authenticator.services().log.error("checking a password failed", {{"login", printable(login)}, {"err", broken.what()}});
    return {Verdict::broken, "", "", "the server failed"};
  }
}

}  // namespace

Peer Exchange::peer(const net::Channel& channel) const {
  return {channel.remote().ip, channel.local().ip, channel.tls(), protocol_, userAgent_, channel.id()};
}

void Exchange::afterDelay(net::Channel& channel, net::Resume next) {
  if (++attempts_ <= failuresBeforeDelay || failures_ < failuresBeforeDelay) return next(channel);
  channel.pause(std::chrono::seconds(attempts_ - failuresBeforeDelay), std::move(next));
}

void Exchange::start(net::Channel& channel, std::string_view mechanism, std::optional<std::string_view> initial,
                     OnChallenge onChallenge, OnDone onDone) {
  onChallenge_ = std::move(onChallenge);
  onDone_ = std::move(onDone);
  mechanismName_ = lower(mechanism);
  login_.clear();
  auto made = authenticator_.mechanism(mechanism, peer(channel), hostname_);
  if (!made) return finish(channel, {Verdict::unknownMechanism, "", "", "mechanism not supported"});
  mechanism_ = std::make_unique<sasl::ServerExchange>(std::move(made));
  std::optional<std::string> first = initial ? std::optional<std::string>(*initial) : std::nullopt;
  afterDelay(channel, [this, first](net::Channel& now) {
    take(now, stepped([&] { return mechanism_->start(first ? std::optional<std::string_view>(*first) : std::nullopt); }));
  });
}

void Exchange::respond(net::Channel& channel, std::string_view line) {
  take(channel, stepped([&] { return mechanism_->respond(line); }));
}

/// What breaks on the way, as an account that cannot be opened, ends the exchange: its next line would be taken for a response.
sasl::Step Exchange::stepped(const std::function<sasl::Step()>& step) {
  try {
    return step();
  } catch (const std::exception& broken) {
    authenticator_.services().log.error("a login could not be checked", {{"mechanism", mechanismName_}, {"err", broken.what()}});
    return sasl::Failure{sasl::FailureReason::internal, "the server failed"};
  }
}

void Exchange::password(net::Channel& channel, std::string login, std::string password, OnDone onDone) {
  onDone_ = std::move(onDone);
  mechanismName_ = "login";
  afterDelay(channel, [this, login = std::move(login), password = std::move(password)](net::Channel& now) { check(now, login, password); });
}

void Exchange::take(net::Channel& channel, sasl::Step step) {
  std::visit(Overloaded{
                 [&](const sasl::Challenge& challenge) {
                   // SCRAM's last one says already that the proof was right (RFC 5802 §5).
                   if (authenticator_.isLimited(channel.remote().ip)) return finish(channel, {Verdict::rateLimited, "", "", "too many failed logins, try again later"});
                   onChallenge_(channel, challenge.bytes);
                 },
                 [&](const sasl::Success& success) {
                   login_ = success.authcid;
                   finish(channel, authenticator_.admit(success.authcid, success.authzid));
                 },
                 [&](sasl::NeedsPasswordCheck& need) { check(channel, std::move(need.authcid), std::move(need.password)); },
                 [&](const sasl::Failure& failure) { finish(channel, {verdictOf(failure.reason), "", "", failure.text}); },
             },
             step);
}

void Exchange::check(net::Channel& channel, std::string login, std::string password) {
  login_ = login;
  // The job may outlive the connection and this: it touches only the authenticator.
  auto* authenticator = &authenticator_;
  bool taken = channel.offload(authenticator_.services().pool, [this, authenticator, login, password]() -> net::Resume {
    auto outcome = checked(*authenticator, login, password);
    return [this, outcome](net::Channel& now) { finish(now, outcome); };
  });
  if (!taken) finish(channel, {Verdict::overloaded, "", "", "too many logins at once, try again later"});
}

void Exchange::finish(net::Channel& channel, Outcome outcome) {
  if (mechanism_ && login_.empty()) login_ = mechanism_->authcid();
  mechanism_.reset();
  outcome = authenticator_.conclude(std::move(outcome), peer(channel), mechanismName_, login_);
  if (outcome.verdict == Verdict::ok) {
    failures_ = attempts_ = 0;
    channel.setSlow(false);
  } else if (outcome.verdict == Verdict::badCredentials || outcome.verdict == Verdict::channelBinding || outcome.verdict == Verdict::denied) {
    if (++failures_ >= failuresBeforeSlow) channel.setSlow(true);
  }
  auto done = std::move(onDone_);  // the callback may start the next exchange
  onChallenge_ = nullptr;
  done(channel, outcome);
}

}  // namespace mox::login
