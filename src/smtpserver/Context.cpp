#include "smtpserver/Context.h"

#include "base/Text.h"

namespace mox::smtpserver {

Context::Context(Services& s, std::shared_ptr<const ListenerSettings> l)
    : services(s),
      listener(std::move(l)),
      checks(s.resolver, s.suffixes, s.clock, s.metrics),
      log(s.log),
      exchange(s.authenticator, "submission", listener->hostname.ascii()) {}

smtp::Leniency Context::leniency() const {
  if (isPedantic()) return smtp::Leniency::pedantic();
  return isSubmission() ? smtp::Leniency::submission() : smtp::Leniency::delivery();
}

State Context::state() const {
  if (!helo) return State::connected;
  if (isSubmission() && !account) return State::anonymous;
  if (!transaction) return State::ready;
  return transaction->recipients.empty() ? State::mail : State::rcpt;
}

void Context::resetAll() {
  resetTransaction();
  helo.reset();
  esmtp = true;
}

void Context::begin(smtp::Verb commandVerb) {
  verb = commandVerb;
  running = true;
  began_ = services.clock.steady();
}

void Context::reply(const smtp::Reply& reply) {
  smtp::Reply said = reply;
  // The id lets the administrator find the connection; the peer can do nothing with it.
  if (!said.positive() && !said.lines.empty()) said.lines.back() += " (" + receivedId + ")";
  out += said.wire(transaction && transaction->mail.smtpUtf8);
  observe(said);
  running = false;
  channel->setDeadline(timeoutCommand);
  if (stopping && !closing) replyAndClose(421, "4.3.2", "the server stops, come back soon");
}

void Context::conclude(const smtp::Reply& said) {
  if (transaction && said.code < 500) badTransactions--;
  if (transaction && said.positive()) goodTransactions++;
  reply(said);
  resetTransaction();
}

void Context::busy() {
  auto said = smtp::Reply::make(451, "4.3.2", "busy, try again later");
  if (verb == smtp::Verb::data) conclude(said);
  else reply(said);
}

void Context::intermediate(unsigned code, std::string_view text) {
  out += std::to_string(code) + " " + std::string(text) + "\r\n";
  channel->setDeadline(timeoutCommand);
}

void Context::replyAndClose(unsigned code, std::string enhanced, std::string_view text) {
  if (closing) return;
  closing = true;
  reply(code, std::move(enhanced), text);
  resetTransaction();
  flush();
  channel->close();
}

void Context::observe(const smtp::Reply& said) {
  if (log.enabled(LogLevel::debug)) {
    log.debug("smtp command done", {{"cmd", smtp::verbName(verb)}, {"code", said.code}, {"ecode", said.enhanced}, {"text", said.text(200)}});
  }
  if (!running) return;
  std::chrono::duration<double> took = services.clock.steady() - began_;
  static const std::vector<double> bounds{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 20, 30, 60, 120};
  services.metrics
      .histogram("mox_smtpserver_command_duration_seconds", "Duration of SMTP commands.",
                 {{"kind", std::string(kindName())}, {"cmd", lower(smtp::verbName(verb))}, {"code", std::to_string(said.code)}, {"ecode", said.enhanced}},
                 bounds)
      .observe(took.count());
}

void Context::flush() {
  if (out.empty()) return;
  if (log.enabled(LogLevel::trace)) log.trace(LogLevel::trace, "smtp >", printable(out, 2000));
  channel->write(out);
  out.clear();
}

void Context::pause(Duration time, std::function<void(Context&)> then) {
  channel->setDeadline(time + timeoutWait);
  channel->pause(time, [this, then = std::move(then)](net::Channel& now) { guard(now, [&] { then(*this); }); });
}

std::string tlsText(const net::Channel& channel) {
  const auto* tls = channel.tls();
  if (tls == nullptr) return "";
  std::string version = tls->version;
  if (version.starts_with("TLSv")) version.erase(3, 1);
  return version + " " + tls->cipher;
}

}  // namespace mox::smtpserver
