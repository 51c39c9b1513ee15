#include "imapserver/Session.h"

#include <fmt/format.h>

#include "base/Text.h"
#include "imapserver/Handlers.h"
#include "imapserver/Notifications.h"
#include "store/Db.h"

namespace mox::imapserver {

std::unique_ptr<net::Session> makeSession(Services& services, std::shared_ptr<const ListenerSettings> listener) {
  return std::make_unique<Session>(services, std::move(listener));
}

std::unique_ptr<net::Session> makePreauthenticatedSession(Services& services, std::shared_ptr<const ListenerSettings> listener,
                                                          std::string account, std::string address) {
  return std::make_unique<Session>(services, std::move(listener), Session::Known{std::move(account), std::move(address)});
}

Session::Session(Services& services, std::shared_ptr<const ListenerSettings> listener, std::optional<Known> known)
    : context_(services, std::move(listener)), known_(std::move(known)) {
  context_.guard = [this](net::Channel& channel, const std::function<void()>& f) { guarded(channel, f); };
}

template <class F>
void Session::guarded(net::Channel& channel, F&& f) {
  context_.channel = &channel;
  try {
    f();
    context_.tell();
  } catch (const std::exception& broken) {
    // Disk, database or a bug of ours. Nothing was acknowledged; the client may try again.
    context_.log.error("imap command failed", {{"cmd", imap::name(context_.kind)}, {"err", broken.what()}});
    context_.services.metrics.counter("mox_panic_total", "Unexpected failures.", {{"pkg", "imapserver"}}).inc();
    append_.reset();
    if (context_.running) context_.no("UNAVAILABLE", "the server failed, try again later");
    else context_.bye("the server failed");
  }
  afterCommand();
  context_.flush();
}

void Session::onOpen(net::Channel& channel) {
  context_.log = context_.services.log.with({"cid", channel.id().value});
  const char* service = context_.listener->implicitTls ? "imaps" : "imap";
  context_.services.metrics.counter("mox_imap_connection_total", "IMAP connections.", {{"service", service}}).inc();
  guarded(channel, [&] { greet(); });
}

std::optional<Session::Known> Session::knownClient() const {
  const auto* tls = context_.channel->tls();
  if (known_ || tls == nullptr || tls->peerKeyFingerprint.empty() || !context_.listener->clientCertificates) return known_;
  auto key = context_.services.authenticator.certificate(tls->peerKeyFingerprint);
  if (!key || !key->imapPreauth) return std::nullopt;
  return Known{key->account, key->loginAddress};
}

void Session::greet() {
  auto known = knownClient();
  bool isIn = known && context_.logIn(known->account, known->address);
  restartDeadline();
  context_.untagged(fmt::format("{} [CAPABILITY {}] {} ready", isIn ? "PREAUTH" : "OK", capabilities(context_), context_.listener->hostname));
}

void Session::onTls(net::Channel& channel, const net::TlsInfo&) {
  // RFC 9051 §6.2.1: nothing learnt before TLS counts.
  guarded(channel, [&] {
    reader_ = imap::CommandReader();
    restartDeadline();
  });
}

void Session::restartDeadline() {
  bool known = context_.state != imap::State::notAuthenticated;
  context_.channel->setDeadline(known ? timeoutAfterLogin : timeoutBeforeLogin);
}

std::size_t Session::onInput(net::Channel& channel, std::string_view input) {
  if (context_.closing) return input.size();
  std::size_t taken = 0;
  guarded(channel, [&] { taken = takeInput(input); });
  return taken;
}

std::size_t Session::takeInput(std::string_view input) {
  afterCommand();  // a login that ended in a job has changed what lines are
  if (context_.state != imap::State::notAuthenticated && !append_) restartDeadline();
  if (append_ && append_->missing() > 0) {
    auto count = static_cast<std::size_t>(std::min<std::uint64_t>(append_->missing(), input.size()));
    append_->take(input.substr(0, count));
    if (append_->missing() == 0) reader_.messageDone();
    return count;
  }
  auto step = reader_.feed(input);
  switch (step.outcome) {
    case imap::ReadOutcome::incomplete: break;
    case imap::ReadOutcome::needContinuation: imap::writeContinuation(context_.out, "go ahead"); break;
    case imap::ReadOutcome::messageLiteral: takeMessageLiteral(); break;
    case imap::ReadOutcome::command: takeLine(); break;
    case imap::ReadOutcome::refused:
    case imap::ReadOutcome::badSync: refuseLiteral(step.outcome); break;
    case imap::ReadOutcome::tooLong:
      noteLimit(reader_.passed());
      context_.begin(imap::readTag(reader_.framed().text), imap::CommandKind::noop);
      context_.bad("the line is too long");
      context_.bye("cannot go on from here");
      break;
  }
  return step.taken;
}

/// Too large, or malformed. Of a value of SETMETADATA the client hears what would have fitted (RFC 5464 §4.3).
void Session::refuseLiteral(imap::ReadOutcome outcome) {
  const auto& text = reader_.framed().text;
  bool isOnItsWay = outcome == imap::ReadOutcome::badSync;
  bool isTooLarge = reader_.passed() != nullptr;
  auto start = imap::parseCommand(reader_.framed(), {context_.utf8});
  auto kind = start ? start->kind : start.error().kind.value_or(imap::CommandKind::noop);
  context_.begin(imap::readTag(text), kind);
  noteLimit(reader_.passed());
  reader_.abandon();
  if (kind == imap::CommandKind::setMetadata && isTooLarge && context_.account) refuseMetadataSize(context_, "the value is too large");
  else if (isOnItsWay) context_.bad(isTooLarge ? "the literal is too large" : "the literal is malformed");
  else context_.bad("the literal is too large", "TOOBIG");
  if (isOnItsWay) context_.bye("cannot go on from here");
}

void Session::takeLine() {
  if (context_.exchange.active()) return context_.exchange.respond(*context_.channel, reader_.take().text);
  if (context_.idling) return endIdle(reader_.take().text);
  if (append_) return continueAppend();
  takeCommand();
}

void Session::takeCommand() {
  auto framed = reader_.take();
  auto command = imap::parseCommand(framed, {context_.utf8});
  if (!command) return refuseSyntax(command.error());
  anyCommand_ = true;
  bool secret = command->kind == imap::CommandKind::login || command->kind == imap::CommandKind::authenticate;
  auto level = secret ? LogLevel::traceAuth : LogLevel::trace;
  if (context_.log.enabled(level)) context_.log.trace(level, "imap <", printable(framed.text, 2000));
  context_.begin(command->tag, command->kind);
  run(*command);
}

void Session::refuseSyntax(const imap::SyntaxError& error) {
  context_.begin(error.tag, error.kind.value_or(imap::CommandKind::noop));
  noteLimit(error.limit);
  context_.bad(error.reason);
  // Somebody whose first words are no IMAP (a browser, SMTP) is not here for mail.
  if (!anyCommand_) context_.bye("this is an IMAP server");
}

void Session::noteLimit(const Limit* limit) {
  if (limit != nullptr) context_.hit(*limit);
}

void Session::refuseNumbers(const imap::Command& command) {
  context_.begin(command.tag, command.kind);
  context_.bad("sequence numbers are not used any more", "UIDREQUIRED");  // RFC 9586 §3.1
}

void Session::run(const imap::Command& command) {
  if (!imap::isLegal(command.kind, context_.state)) return context_.bad(fmt::format("{} is not possible in this state", imap::name(command.kind)));
  if (context_.uidOnly && usesSequenceNumbers(command)) return refuseNumbers(command);
  auto handler = handlerOf(command.kind);
  if (handler == nullptr) return context_.bad(fmt::format("{} is not supported", imap::name(command.kind)));
  handler(context_, command);
}

void Session::takeMessageLiteral() {
  if (append_) return continueAppend();
  beginAppend();
}

void Session::beginAppend() {
  auto command = imap::parseCommand(reader_.framed(), {context_.utf8});
  bool synchronising = reader_.framed().message.synchronising;
  const auto* first = command ? firstMessage(*command) : nullptr;
  bool isNumbered = command && context_.uidOnly && usesSequenceNumbers(*command);
  bool usable = first != nullptr && imap::isLegal(command->kind, context_.state) && !isNumbered;
  if (!usable) {
    imap::SyntaxError error = command ? imap::SyntaxError{command->tag, "that is not possible here", command->kind} : command.error();
    reader_.abandon();
    if (isNumbered) refuseNumbers(*command);
    else refuseSyntax(error);
    // The octets are on their way and would be read as commands.
    if (!synchronising) context_.bye("cannot go on from here");
    return;
  }
  context_.begin(command->tag, command->kind);
  context_.channel->setDeadline(timeoutLiteral);
  append_ = std::make_unique<Append>(context_, *command);
  acceptMessage(*first);
}

void Session::acceptMessage(const imap::args::AppendMessage& message) {
  auto answer = append_->startMessage(context_, message);
  bool isRefused = answer == Append::Answer::refused && message.literal.synchronising;
  if (isRefused || answer == Append::Answer::tooMuch) {
    reader_.abandon();
    append_->refuse(context_);
    if (!isRefused) context_.bye("cannot go on from here");
    return;
  }
  if (message.literal.synchronising) imap::writeContinuation(context_.out, "go ahead");
  if (append_->missing() == 0) reader_.messageDone();
}

void Session::continueAppend() {
  bool more = reader_.framed().hasMessage;
  auto next = imap::parseAfterMessage(reader_.framed(), append_->lastWasUtf8(), append_->mayContinue());
  bool synchronising = more && reader_.framed().message.synchronising;
  if (!next) {
    if (more) reader_.abandon();
    else reader_.take();
    noteLimit(next.error().limit);
    context_.bad(next.error().reason);
    if (more && !synchronising) context_.bye("cannot go on from here");
    return;
  }
  if (*next) return acceptMessage(**next);
  reader_.take();
  append_->commit(context_);
}

void Session::endIdle(std::string_view line) {
  context_.idling = false;
  if (context_.selected) context_.selected->quiet();
  if (context_.notifications) context_.notifications->idle(false);
  reader_.setPlainLines(false);
  if (equalsNoCase(line, "DONE")) return context_.ok("idle is over");
  context_.bad("expected DONE");
  context_.bye("cannot go on from here");
}

void Session::afterCommand() {
  if (!context_.running && append_) append_.reset();
  reader_.setLimits(context_.state == imap::State::notAuthenticated ? imap::limitsBeforeLogin : imap::limitsAfterLogin);
  reader_.setPlainLines(context_.idling || context_.exchange.active());
}

void Session::onDrained(net::Channel& channel) {
  guarded(channel, [&] {
    context_.streamDone();
    restartDeadline();
  });
}

void Session::onWake(net::Channel& channel) {
  bool mustEnd = context_.entry && context_.entry->mustEnd();
  if (context_.closing || (!mustEnd && !context_.idling && !context_.notifications)) return;
  guarded(channel, [&] {
    if (mustEnd) return context_.bye("this account cannot be used any more");
    if (context_.idling) context_.sync();
  });
}

void Session::onDeadline(net::Channel& channel) {
  guarded(channel, [&] { context_.bye("inactive for too long"); });
}

void Session::onShutdown(net::Channel& channel) {
  guarded(channel, [&] { context_.bye("the server stops, come back soon"); });
}

void Session::onOverrun(net::Channel& channel) {
  guarded(channel, [&] { context_.bye("the line is too long"); });
}

void Session::onEnd(net::End end, std::string_view detail) {
  if (context_.log.enabled(LogLevel::debug)) context_.log.debug("imap connection over", {{"end", static_cast<int>(end)}, {"detail", detail}});
}

}  // namespace mox::imapserver
