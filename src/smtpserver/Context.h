// Context: the state of one SMTP session, as command handlers see it.
//
// A handler is a short function that reads its arguments and ends with exactly one reply(), at once or after wait() or
// pause(). Replies gather in `out` and leave together (RFC 2920).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "delivery/Checks.h"
#include "delivery/Place.h"
#include "dns/Remembered.h"
#include "login/Exchange.h"
#include "net/JobPool.h"
#include "net/Session.h"
#include "smtp/Grammar.h"
#include "smtp/Reply.h"
#include "smtpserver/Intake.h"
#include "smtpserver/Services.h"
#include "smtpserver/StateTable.h"

namespace mox::smtpserver {

// Limits and times, smtp.md §1.
inline constexpr Duration timeoutCommand = std::chrono::seconds(30);     ///< for each command, absolute; and for silence within DATA
inline constexpr Duration timeoutWait = std::chrono::minutes(5);         ///< for our own checks of one command
inline constexpr Duration timeoutData = std::chrono::minutes(30);        ///< from 354 to the reply
inline constexpr Duration unknownUserDelay = std::chrono::seconds(5);    ///< before 550 for unknown recipients only
inline constexpr Duration maxFutureRelease = std::chrono::hours(60 * 24);  ///< RFC 4865
inline constexpr Limit maxRecipients{"smtp-recipients", 1000, "recipients"};
inline constexpr unsigned maxReceived = 100;         ///< Received fields; more is a loop, RFC 5321 §6.3
inline constexpr unsigned maxBadTransactions = 10;   ///< without a good one

/// From MAIL to the reply to DATA.
struct Transaction {
  smtp::MailArguments mail;
  config::ConfigPtr config;  ///< the same for all of it; recipients point into it
  std::vector<delivery::Recipient> recipients;
  std::optional<spf::Verdict> spf;  ///< once it was needed
  std::unique_ptr<Intake> intake;   ///< while DATA comes in
  Steady dataEnds{};                ///< timeoutData after DATA
};

class Context {
 public:
  Context(Services& services, std::shared_ptr<const ListenerSettings> listener);

  Services& services;
  std::shared_ptr<const ListenerSettings> listener;
  delivery::Checks checks;
  Log log;
  net::Channel* channel = nullptr;  ///< set while the channel calls the session

  // Who ----------------------------------------------------------------------------------------------------
  std::optional<Host> helo;  ///< what it called itself; its address where submission takes anything
  bool esmtp = true;         ///< by EHLO
  std::shared_ptr<store::Account> account;  ///< null before login
  std::string loginAddress;
  login::Exchange exchange;
  std::optional<iprev::Result> iprev;  ///< once it was needed
  std::string receivedId;              ///< of this connection

  // The transaction ----------------------------------------------------------------------------------------
  std::optional<Transaction> transaction;
  unsigned goodTransactions = 0, badTransactions = 0;  ///< one is bad until conclude()

  bool isSubmission() const { return listener->kind == Kind::submission; }
  bool isPedantic() const { return services.config.current()->fixed().pedantic; }
  smtp::Leniency leniency() const;
  State state() const;
  /// RFC 5321 §4.1.1.5. The only way a transaction ends.
  void resetTransaction() { transaction.reset(); }
  /// RFC 3207 §4.2.
  void resetAll();

  // The command under way ----------------------------------------------------------------------------------
  smtp::Verb verb = smtp::Verb::unknown;
  bool running = false;   ///< a command has begun and has no final reply yet
  bool stopping = false;  ///< the server stops: 421 after the reply
  bool closing = false;
  std::string out;

  void begin(smtp::Verb commandVerb);
  /// Ends the command.
  void reply(const smtp::Reply& reply);
  void reply(unsigned code, std::string enhanced, std::string_view text) { this->reply(smtp::Reply::make(code, std::move(enhanced), text)); }
  void reply(const smtp::CommandError& error) { reply(smtp::Reply::make(error)); }
  /// The reply to the message of a transaction, which it ends: good if it was taken, bad if it was refused for good, and
  /// neither if the peer is to try again, for that is our trouble.
  void conclude(const smtp::Reply& reply);
  /// 334 and 354: the client goes on.
  void intermediate(unsigned code, std::string_view text);
  /// Ends the command with this reply and the connection.
  void replyAndClose(unsigned code, std::string enhanced, std::string_view text);
  void flush();

  /// Runs `job` in the pool, then `then` with what it gave, here. A full pool is 451. What `job` uses must not be the
  /// session's: it may outlive it.
  template <class R>
  void wait(std::function<R()> job, std::function<void(Context&, R)> then);
  /// The same for checks that ask DNS: here and now if all the answers are remembered, which spares two changes of thread.
  template <class R>
  void check(std::function<R(const delivery::Checks&)> job, std::function<void(Context&, R)> then);
  void pause(Duration time, std::function<void(Context&)> then);
  /// The session's guard against failures; whatever goes on after a wait goes through it.
  std::function<void(net::Channel&, const std::function<void()>&)> guard;

  std::string_view kindName() const { return isSubmission() ? "submission" : "smtp"; }

 private:
  void busy();
  void observe(const smtp::Reply& reply);
  Steady began_{};
};

template <class R>
void Context::wait(std::function<R()> job, std::function<void(Context&, R)> then) {
  struct Result {
    std::optional<R> value;
    std::exception_ptr broken;
  };
  channel->setDeadline(timeoutWait);
  bool taken = channel->offload(services.pool, [this, job = std::move(job), then = std::move(then)]() -> net::Resume {
    auto result = std::make_shared<Result>();
    try {
      result->value = job();
    } catch (const std::exception&) {
      result->broken = std::current_exception();  // thrown again where the session is
    }
    return [this, result, then](net::Channel& now) {
      guard(now, [&] {
        if (result->broken) std::rethrow_exception(result->broken);
        then(*this, std::move(*result->value));
      });
    };
  });
  if (!taken) busy();
}

template <class R>
void Context::check(std::function<R(const delivery::Checks&)> job, std::function<void(Context&, R)> then) {
  std::optional<R> known;
  try {
    dns::Remembered remembered(services.resolver);
    known = job(checks.with(remembered));
  } catch (const dns::NotRemembered&) {
    return wait<R>([asking = checks, job = std::move(job)] { return job(asking); }, std::move(then));
  }
  then(*this, std::move(*known));
}

/// "TLS1.3 TLS_AES_128_GCM_SHA256", "" without TLS.
std::string tlsText(const net::Channel& channel);

}  // namespace mox::smtpserver
