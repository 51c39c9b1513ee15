#include "smtp/ClientSession.h"

#include <stdexcept>
#include <utility>

#include "base/Text.h"
#include "smtp/DotStuffer.h"

namespace mox::smtp {

namespace {

/// RFC 4954 §4: a longer AUTH line must not carry the initial response.
constexpr std::size_t maxAuthCommand = 510;

sasl::ChannelBindings bindings(const std::optional<net::TlsInfo>& tls) {
  if (!tls) return {};
  return {true, tls->exporterBinding, tls->uniqueBinding, tls->serverEndPointBinding};
}

std::vector<std::string> allowedMechanisms(const ClientAuth& auth, bool tls) {
  std::vector<std::string> out;
  for (const auto& name : auth.mechanisms) {
    bool password = equalsNoCase(name, "PLAIN") || equalsNoCase(name, "LOGIN");
    if (!password || tls || auth.passwordWithoutTls) out.push_back(name);
  }
  return out;
}

}  // namespace

/// Dot-stuffs the owner's message on its way to the socket. On an error it ends without the final dot; the
/// session then sees `error` and drops the connection.
class ClientSession::Body final : public net::Producer {
 public:
  Body(std::unique_ptr<net::Producer> message, std::shared_ptr<std::string> error) : message_(std::move(message)), error_(std::move(error)) {}

  bool produce(std::string& out) override {
    piece_.clear();
    bool more = message_->produce(piece_);
    auto done = stuffer_.add(piece_, out);
    if (done && !more) done = stuffer_.finish(out);
    if (!done) *error_ = done.error().text;
    return done && more;
  }

 private:
  std::unique_ptr<net::Producer> message_;
  std::shared_ptr<std::string> error_;
  DotStuffer stuffer_;
  std::string piece_;
};

ClientSession::ClientSession(ClientOptions options, std::shared_ptr<ClientOwner> owner, Random& random)
    : options_(std::move(options)), owner_(std::move(owner)), random_(random) {
  if (!isOneLine(options_.hello) || options_.hello.empty()) throw std::invalid_argument("EHLO name is not one line");
}

ClientSession::~ClientSession() = default;

void ClientSession::onOpen(net::Channel& channel) {
  state_ = State::greeting;
  startClock();
  channel.setDeadline(options_.timeouts.greeting);
}

std::size_t ClientSession::onInput(net::Channel& channel, std::string_view input) {
  if (state_ == State::closed) return input.size();
  std::size_t used = 0;
  auto reply = parser_.feed(input, used);
  if (!reply) {
    broken(channel, LocalReason::protocol, reply.error().text);
    return input.size();
  }
  if (!*reply) return used;
  // What follows the 220 in plaintext was put there by somebody in the middle (RFC 3207 §4.2, hostile input 13).
  bool injected = state_ == State::startTls && (*reply)->positive() && used < input.size();
  if (injected) {
    broken(channel, LocalReason::protocol, "plaintext after the reply to STARTTLS");
    return input.size();
  }
  handle(channel, std::move(**reply));
  return used;
}

void ClientSession::handle(net::Channel& channel, Reply reply) {
  // EHLO replies are logged whole, others by their text; challenges (334) only among credentials.
  options_.log.trace(reply.code == 334 ? LogLevel::traceAuth : LogLevel::trace, "smtp client read", std::to_string(reply.code) + " " + reply.text());
  if (reply.code >= 400 || state_ == State::delivering) extractEnhanced(reply);
  measure(reply);
  switch (state_) {
    case State::greeting: return onGreeting(channel, reply);
    case State::ehlo:
    case State::helo: return onHello(channel, reply);
    case State::startTls: return onStartTls(channel, reply);
    case State::auth: return onAuth(channel, reply);
    case State::delivering: return onDelivery(channel, reply);
    case State::resetting: return onReset(channel, reply);
    case State::parked: return onUnasked(channel, reply);
    case State::quitting: return shut(channel);
    case State::connecting:
    case State::handshake:
    case State::body:
    case State::closed: return broken(channel, LocalReason::protocol, "reply without a command");
  }
}

void ClientSession::onGreeting(net::Channel& channel, Reply& reply) {
  if (reply.code != 220) return fail(channel, reply, "greeting");
  peer_.greeting = printable(reply.text());
  sayEhlo(channel);
}

void ClientSession::sayEhlo(net::Channel& channel) {
  peer_.extensions = {};
  state_ = State::ehlo;
  send(channel, "EHLO " + options_.hello, options_.timeouts.command);
}

void ClientSession::onHello(net::Channel& channel, Reply& reply) {
  bool unknown = reply.code >= 500 && reply.code <= 504;
  if (state_ == State::ehlo && unknown) {
    state_ = State::helo;
    return send(channel, "HELO " + options_.hello, options_.timeouts.command);
  }
  if (!reply.positive()) return fail(channel, reply, state_ == State::ehlo ? "EHLO" : "HELO");
  peer_.esmtp = state_ == State::ehlo;
  auto name = std::string_view(reply.lines.front());
  peer_.name = printable(name.substr(0, name.find(' ')));
  if (peer_.esmtp) peer_.extensions = Extensions::parse(reply);
  if (!peer_.tls) peer_.announcedStartTls = peer_.extensions.startTls;
  afterHello(channel);
}

void ClientSession::afterHello(net::Channel& channel) {
  bool wantsTls = options_.tls == ClientTls::opportunistic || options_.tls == ClientTls::required;
  if (!peer_.tls && wantsTls && peer_.extensions.startTls) {
    state_ = State::startTls;
    return send(channel, "STARTTLS", options_.timeouts.command);
  }
  if (!peer_.tls && options_.tls == ClientTls::required) {
    state_ = State::startTls;
    return fail(channel, Outcome::temporary, "4.7.10", "server does not offer STARTTLS");
  }
  if (options_.auth && peer_.authMechanism.empty()) return startAuth(channel);
  ready(channel);
}

void ClientSession::onStartTls(net::Channel& channel, Reply& reply) {
  if (reply.code == 220) {
    state_ = State::handshake;
    channel.setDeadline(options_.timeouts.command);
    return channel.startTls(options_.tlsContext, options_.serverName);
  }
  if (options_.tls == ClientTls::required || reply.code == 421) return fail(channel, reply, "STARTTLS");
  // Opportunistic: the server changed its mind, and nothing is lost by going on as if it had not offered.
  peer_.extensions.startTls = false;
  afterHello(channel);
}

void ClientSession::onTls(net::Channel& channel, const net::TlsInfo& info) {
  peer_.tls = info;
  if (state_ == State::handshake) sayEhlo(channel);  // for an implicit-TLS connection onOpen() follows
}

void ClientSession::startAuth(net::Channel& channel) {
  state_ = State::auth;
  const auto& auth = *options_.auth;
  auto chosen = sasl::chooseClient(peer_.extensions.auth, allowedMechanisms(auth, peer_.tls.has_value()), auth.credentials, bindings(peer_.tls), random_);
  if (!chosen) return fail(channel, Outcome::permanent, "5.7.8", "credentials: " + chosen.error().text);
  if (!*chosen) return fail(channel, Outcome::temporary, "4.7.4", "server offers no authentication mechanism we may use");
  mechanism_ = std::move(*chosen);
  auto initial = mechanism_->initial();
  std::string line = "AUTH " + std::string(mechanism_->name());
  heldInitial_.reset();
  if (initial) {
    std::string with = line + " " + (initial->empty() ? "=" : base64(*initial));
    if (with.size() <= maxAuthCommand) line = std::move(with);
    else heldInitial_ = std::move(initial);
  }
  send(channel, line, options_.timeouts.command, true);
}

void ClientSession::onAuth(net::Channel& channel, Reply& reply) {
  if (reply.positive()) {
    if (!mechanism_->complete()) return fail(channel, Outcome::temporary, "4.7.0", "server claims success without having proved itself");
    peer_.authMechanism = mechanism_->name();
    mechanism_.reset();
    return ready(channel);
  }
  if (reply.code != 334) return fail(channel, reply, "AUTH");
  auto challenge = fromBase64(trim(reply.lines.front()));
  tl::expected<std::string, Error> answer = tl::unexpected(Error{Errc::syntax, "challenge is not base64"});
  if (challenge && heldInitial_) answer = std::exchange(heldInitial_, std::nullopt).value();
  else if (challenge) answer = mechanism_->step(*challenge);
  if (!answer) {
    send(channel, "*", options_.timeouts.command);
    return fail(channel, Outcome::temporary, "4.7.0", "authentication: " + answer.error().text);
  }
  send(channel, base64(*answer), options_.timeouts.command, true);
}

void ClientSession::ready(net::Channel& channel) {
  bool exhausted = peer_.extensions.mailMax && transactions_ >= *peer_.extensions.mailMax;
  if (exhausted || stopping_) return quit(channel);
  if (delivery_ && delivery_->needsReset()) {
    delivery_.reset();
    state_ = State::resetting;
    return send(channel, "RSET", options_.timeouts.command);
  }
  delivery_.reset();
  askOwner(channel, true);
}

void ClientSession::onReset(net::Channel& channel, Reply& reply) {
  if (!reply.positive()) return fail(channel, reply, "RSET");
  askOwner(channel, true);
}

/// A parked connection that the server ends (RFC 5321 §3.8) was good to the end.
void ClientSession::onUnasked(net::Channel& channel, Reply& reply) {
  if (reply.code == 421) return shut(channel);
  broken(channel, LocalReason::protocol, "reply without a command");
}

/// Transactions that this server cannot take are answered here one after the other, without a word to it.
void ClientSession::askOwner(net::Channel& channel, bool mayPark) {
  state_ = State::delivering;
  auto waker = mayPark && options_.timeouts.parked > Duration::zero() ? channel.waker() : nullptr;
  for (;;) {
    auto next = owner_->onReady(*this, waker);
    if (const auto* idle = std::get_if<Idle>(&next)) {
      if (*idle == Idle::quit || !waker) return quit(channel);
      state_ = State::parked;
      return channel.setDeadline(options_.timeouts.parked);
    }
    delivery_.emplace(std::move(std::get<Transaction>(next)), peer_, options_.strict8bit);
    if (!delivery_->finished()) return advanceDelivery(channel);
    report();
    delivery_.reset();
  }
}

/// A wake may come late: the session was woken by its deadline, or is busy again.
void ClientSession::onWake(net::Channel& channel) {
  if (state_ == State::parked) askOwner(channel, true);
}

void ClientSession::advanceDelivery(net::Channel& channel) {
  if (delivery_->wantsBody()) return startBody(channel);
  if (delivery_->finished()) {
    ++transactions_;
    report();
    return ready(channel);
  }
  std::string commands = delivery_->nextCommands(peer_.extensions.pipelining);
  if (commands.empty()) return;  // one deadline for all replies of a pipeline, not a new one with each
  const auto& times = options_.timeouts;
  bool alone = delivery_->awaited() == 1;
  bool data = delivery_->awaiting() == Delivery::Awaiting::data;
  auto all = times.command + times.perPipelined * static_cast<Duration::rep>(delivery_->awaited());
  channel.setDeadline(!alone ? all : data ? times.dataStart : times.command);
  options_.log.trace(LogLevel::trace, "smtp client write", printable(commands, 4096));
  channel.write(commands);
  startClock();
}

void ClientSession::onDelivery(net::Channel& channel, Reply& reply) {
  if (delivery_->awaiting() == Delivery::Awaiting::nothing) return broken(channel, LocalReason::protocol, "reply without a command");
  // 421 may answer anything and ends the connection (RFC 5321 §3.8): the recipients may try again elsewhere.
  if (reply.code == 421) return fail(channel, reply, "");
  delivery_->onReply(reply);
  advanceDelivery(channel);
}

void ClientSession::startBody(net::Channel& channel) {
  state_ = State::body;
  bodyError_ = std::make_shared<std::string>();
  auto message = delivery_->transaction().message();
  if (!message) throw std::invalid_argument("transaction without message");
  channel.setDeadline(options_.timeouts.transfer);
  channel.stream(std::make_unique<Body>(std::move(message), bodyError_));
}

void ClientSession::onDrained(net::Channel& channel) {
  if (state_ != State::body) return;
  if (!bodyError_->empty()) {
    delivery_->badMessage(*bodyError_);
    report();
    return shut(channel);
  }
  delivery_->bodySent();
  state_ = State::delivering;
  startClock();
  channel.setDeadline(options_.timeouts.dataEnd);
}

void ClientSession::report() {
  if (delivery_) owner_->onResult(*this, delivery_->result());
}

void ClientSession::quit(net::Channel& channel) {
  delivery_.reset();
  state_ = State::quitting;
  send(channel, "QUIT", options_.timeouts.quit);
  if (stopping_) shut(channel);  // its reply is nothing to wait for now
}

void ClientSession::send(net::Channel& channel, std::string_view line, Duration patience, bool secret) {
  options_.log.trace(secret ? LogLevel::traceAuth : LogLevel::trace, "smtp client write", printable(line, 4096));
  channel.write(std::string(line) + "\r\n");
  startClock();
  channel.setDeadline(patience);
}

std::string_view ClientSession::commandDue() const {
  switch (state_) {
    case State::greeting: return "(greeting)";
    case State::ehlo: return "ehlo";
    case State::helo: return "helo";
    case State::startTls: return "starttls";
    case State::auth: return "auth";
    case State::resetting: return "rset";
    case State::quitting: return "quit";
    case State::delivering: break;
    default: return "";
  }
  switch (delivery_->awaiting()) {
    case Delivery::Awaiting::mail: return "mailfrom";
    case Delivery::Awaiting::rcpt: return "rcptto";
    case Delivery::Awaiting::data:
    case Delivery::Awaiting::end:
    case Delivery::Awaiting::emptyEnd: return "data";
    case Delivery::Awaiting::nothing: break;
  }
  return "";
}

void ClientSession::measure(const Reply& reply) {
  if (options_.replyTimes == nullptr) return;
  if (auto command = commandDue(); !command.empty()) options_.replyTimes->observe(command, reply, asked_);
}

void ClientSession::fail(net::Channel& channel, const Reply& reply, std::string_view context) {
  auto outcome = reply.permanent() ? Outcome::permanent : Outcome::temporary;
  std::string text = (context.empty() ? "" : std::string(context) + ": ") + std::to_string(reply.code) + " " + reply.text();
  if (delivery_) {
    auto local = reply.code == 421 ? LocalReason::none : LocalReason::protocol;
    delivery_->abort(local, text, &reply);
    report();
    delivery_.reset();
  } else {
    tellFailure({phase(), outcome, reply.code, reply.enhanced, text, net::End::closed});
  }
  // After 421 the server closes by itself; else we part politely.
  if (reply.code == 421) return shut(channel);
  quit(channel);
}

/// The server is in order but of no use.
void ClientSession::fail(net::Channel& channel, Outcome outcome, std::string_view enhanced, std::string_view text) {
  tellFailure({phase(), outcome, 0, std::string(enhanced), std::string(text), net::End::closed});
  quit(channel);
}

/// Nothing more can be said on this connection.
void ClientSession::broken(net::Channel& channel, LocalReason reason, std::string_view text) {
  if (delivery_) {
    delivery_->abort(reason, text);
    report();
    delivery_.reset();
  } else if (state_ != State::quitting) {
    tellFailure({phase(), Outcome::temporary, 0, "4.4.2", std::string(text), net::End::closed});
  }
  shut(channel);
}

void ClientSession::tellFailure(ClientFailure failure) {
  if (failureTold_) return;
  failureTold_ = true;
  owner_->onFailed(*this, failure);
}

void ClientSession::shut(net::Channel& channel) {
  state_ = State::closed;
  delivery_.reset();
  channel.close();
}

ClientPhase ClientSession::phase() const {
  switch (state_) {
    case State::connecting: return ClientPhase::connect;
    case State::greeting: return ClientPhase::greeting;
    case State::ehlo:
    case State::helo: return ClientPhase::hello;
    case State::startTls: return ClientPhase::startTls;
    case State::handshake: return ClientPhase::handshake;
    case State::auth: return ClientPhase::auth;
    default: return ClientPhase::idle;
  }
}

void ClientSession::onDeadline(net::Channel& channel) {
  if (state_ == State::parked) return askOwner(channel, false);
  broken(channel, LocalReason::connectionLost, "timeout");
}

/// A transaction may come to its end: cut off, a message of which the server has all would be sent again. The engine ends what takes
/// longer than its grace.
void ClientSession::onShutdown(net::Channel& channel) {
  stopping_ = true;
  if (state_ == State::delivering || state_ == State::body) return;
  if (state_ == State::parked) return quit(channel);
  broken(channel, LocalReason::connectionLost, "we are shutting down");
}

/// A server that breaks a message off may have said why. All commands before it are answered, so this is of the message; and of one
/// that it has not seen whole nothing but a refusal makes sense.
void ClientSession::onUnheard(std::string_view input) {
  if (state_ != State::body || !bodyError_->empty()) return;
  std::size_t used = 0;
  auto reply = parser_.feed(input, used);
  if (!reply || !*reply || (*reply)->code < 400) return;
  options_.log.trace(LogLevel::trace, "smtp client read", std::to_string((*reply)->code) + " " + (*reply)->text());
  extractEnhanced(**reply);
  delivery_->abort(LocalReason::none, "", &**reply);
  ++transactions_;
  report();
  delivery_.reset();
  state_ = State::closed;
}

void ClientSession::onEnd(net::End end, std::string_view detail) {
  std::string text = detail.empty() ? "connection lost" : "connection lost: " + printable(detail);
  if (delivery_ && !delivery_->finished()) {
    delivery_->abort(LocalReason::connectionLost, text);
    report();
  } else if (state_ != State::closed && state_ != State::quitting && state_ != State::parked) {
    tellFailure({phase(), Outcome::temporary, 0, "4.4.2", text, end});
  }
  delivery_.reset();
  state_ = State::closed;
  owner_->onClosed(*this);
}

}  // namespace mox::smtp
