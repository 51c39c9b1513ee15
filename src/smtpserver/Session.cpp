#include "smtpserver/Session.h"

#include <algorithm>

#include "base/Text.h"
#include "smtpserver/Handlers.h"

namespace mox::smtpserver {

namespace {

using Handler = void (*)(Context&, std::string_view);

Handler handlerOf(smtp::Verb verb) {
  using smtp::Verb;
  switch (verb) {
    case Verb::helo: return handleHelo;
    case Verb::ehlo: return handleEhlo;
    case Verb::startTls: return handleStartTls;
    case Verb::auth: return handleAuth;
    case Verb::mail: return handleMail;
    case Verb::rcpt: return handleRcpt;
    case Verb::data: return handleData;
    case Verb::rset: return handleRset;
    case Verb::vrfy:
    case Verb::expn: return handleLookup;
    case Verb::help: return handleHelp;
    case Verb::noop: return handleNoop;
    case Verb::quit: return handleQuit;
    case Verb::unknown: break;
  }
  return nullptr;
}

/// Label of mox_smtpserver_delivery_starttls_errors_total.
std::string_view tlsErrorReason(std::string_view detail) {
  if (findNoCase(detail, "closed") != std::string_view::npos || findNoCase(detail, "eof") != std::string_view::npos) return "eof";
  if (findNoCase(detail, "http request") != std::string_view::npos || findNoCase(detail, "wrong version number") != std::string_view::npos) return "nottls";
  if (findNoCase(detail, "unsupported protocol") != std::string_view::npos) return "unsupportedversions";
  return "other";
}

}  // namespace

std::unique_ptr<net::Session> makeSession(Services& services, std::shared_ptr<const ListenerSettings> listener) {
  return std::make_unique<Session>(services, std::move(listener));
}

Session::Session(Services& services, std::shared_ptr<const ListenerSettings> listener) : context_(services, std::move(listener)) {
  context_.guard = [this](net::Channel& channel, const std::function<void()>& f) { guarded(channel, f); };
}

template <class F>
void Session::guarded(net::Channel& channel, F&& f) {
  context_.channel = &channel;
  try {
    f();
  } catch (const std::exception& broken) {
    // Disk, database or a bug of ours. Nothing was acknowledged; the client may try again.
    context_.log.error("smtp command failed", {{"cmd", smtp::verbName(context_.verb)}, {"err", broken.what()}});
    context_.services.metrics.counter("mox_smtpserver_errors_total", "Failures of the server's own.", {{"error", "internal"}}).inc();
    auto failure = delivery::failureOf(broken);
    const auto& transaction = context_.transaction;
    bool withinData = transaction && transaction->intake && !transaction->intake->done();  // the rest would be read as commands
    if (!context_.running || withinData) context_.replyAndClose(421, failure.enhanced, failure.text);
    else if (context_.verb == smtp::Verb::data) context_.conclude(smtp::Reply::make(failure.code, failure.enhanced, failure.text));
    else context_.reply(failure.code, failure.enhanced, failure.text);
    context_.resetTransaction();
  }
  context_.flush();
}

void Session::onOpen(net::Channel& channel) {
  context_.log = context_.services.log.with({"cid", channel.id().value});
  context_.receivedId = context_.services.receivedId.encode(channel.id());
  context_.services.metrics.counter("mox_smtpserver_connection_total", "SMTP connections.", {{"kind", std::string(context_.kindName())}}).inc();
  if (context_.log.enabled(LogLevel::debug)) context_.log.debug("smtp connection", {{"remote", channel.remote().text()}, {"local", channel.local().text()}, {"kind", context_.kindName()}});
  guarded(channel, [&] { context_.intermediate(220, context_.listener->hostname.ascii() + " ESMTP mox"); });
}

void Session::onTls(net::Channel& channel, const net::TlsInfo&) {
  // RFC 3207 §4.2: nothing learnt before TLS counts. On implicit TLS onOpen() follows.
  guarded(channel, [&] {
    context_.resetAll();
    tlsExpected_ = false;
    channel.setDeadline(timeoutCommand);
  });
}

std::size_t Session::onInput(net::Channel& channel, std::string_view input) {
  if (context_.closing) return input.size();
  std::size_t taken = 0;
  guarded(channel, [&] { takeInput(input, taken); });
  return taken;
}

// `taken` is set before anything is done with the input: whatever breaks then, no octet may be read a second time, as a
// command instead of a message.
void Session::takeInput(std::string_view input, std::size_t& taken) {
  if (context_.transaction && context_.transaction->intake) return takeData(input, taken);
  bool longer = context_.exchange.active() || startsWithNoCase(input, "AUTH ");
  std::size_t limit = longer ? smtp::maxAuthLine : smtp::maxCommandLine;
  if (auto line = smtp::nextLine(input, limit)) {
    taken = line->consumed;
    return takeLine(line->text);
  }
  if (!smtp::isOverlong(input, limit)) return;
  taken = input.size();
  context_.replyAndClose(500, "5.5.0", "line too long");
}

void Session::takeData(std::string_view input, std::size_t& taken) {
  auto& transaction = *context_.transaction;
  taken = transaction.intake->feed(input);
  if (transaction.intake->done()) {
    context_.channel->setDeadline(timeoutWait);
    return handleEndOfData(context_);
  }
  auto left = transaction.dataEnds - context_.services.clock.steady();
  context_.channel->setDeadline(std::clamp<Duration>(left, Duration::zero(), timeoutCommand));
}

void Session::takeLine(std::string_view line) {
  traceLine(line);
  if (context_.exchange.active()) return context_.exchange.respond(*context_.channel, line);
  auto command = smtp::splitCommand(line);
  bool first = !anyCommand_;
  context_.begin(command ? command->verb : smtp::Verb::unknown);
  bool known = command && command->verb != smtp::Verb::unknown;
  // Whose first words are no SMTP (a browser, a scanner) is not here for mail.
  if (first && !known) return context_.replyAndClose(500, "5.5.2", "this is an SMTP server");
  anyCommand_ = true;
  if (!command) return context_.reply(command.error());
  run(*command);
}

void Session::run(const smtp::CommandLine& command) {
  if (const auto* refusal = refusalOf(command.verb, context_.state())) return context_.reply(*refusal);
  tlsExpected_ = command.verb == smtp::Verb::startTls;
  handlerOf(command.verb)(context_, command.arguments);
}

void Session::traceLine(std::string_view line) const {
  bool secret = context_.exchange.active() || startsWithNoCase(line, "AUTH");
  auto level = secret ? LogLevel::traceAuth : LogLevel::trace;
  if (context_.log.enabled(level)) context_.log.trace(level, "smtp <", printable(line, 2000));
}

void Session::onDeadline(net::Channel& channel) {
  guarded(channel, [&] { context_.replyAndClose(421, "4.4.2", "too slow, goodbye"); });
}

void Session::onShutdown(net::Channel& channel) {
  guarded(channel, [&] {
    if (context_.running) context_.stopping = true;  // the reply to what is under way comes first
    else context_.replyAndClose(421, "4.3.2", "the server stops, come back soon");
  });
}

void Session::onOverrun(net::Channel& channel) {
  guarded(channel, [&] { context_.replyAndClose(500, "5.5.0", "line too long"); });
}

void Session::onEnd(net::End end, std::string_view detail) {
  if (end == net::End::tls && tlsExpected_ && !context_.isSubmission()) {
    context_.services.metrics
        .counter("mox_smtpserver_delivery_starttls_errors_total", "Failed STARTTLS handshakes of incoming deliveries.",
                 {{"reason", std::string(tlsErrorReason(detail))}})
        .inc();
  }
  if (context_.log.enabled(LogLevel::debug)) context_.log.debug("smtp connection over", {{"end", static_cast<int>(end)}, {"detail", detail}});
}

}  // namespace mox::smtpserver
