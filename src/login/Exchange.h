// Exchange: the logins of one connection, one after the other. It runs SASL mechanisms over the connection's
// channel, checks passwords in the job pool while the connection is parked, and slows down who guesses:
// from the fourth attempt a wait of n-3 seconds before the check, from the third failure slow mode (smtp.md §1).
//
// Used by one session on whatever thread has it in hand. The session feeds lines to respond() while active().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "login/Authenticator.h"
#include "net/Session.h"

namespace mox::login {

inline constexpr unsigned failuresBeforeDelay = 3;  ///< failures on one connection that cost no wait
inline constexpr unsigned failuresBeforeSlow = 3;   ///< failures on one connection that make it slow

class Exchange {
 public:
  /// Sends a challenge, raw: the session encodes and frames it.
  using OnChallenge = std::function<void(net::Channel&, std::string_view)>;
  /// The attempt is over and recorded.
  using OnDone = std::function<void(net::Channel&, const Outcome&)>;

  Exchange(Authenticator& authenticator, std::string protocol, std::string hostname)
      : authenticator_(authenticator), protocol_(std::move(protocol)), hostname_(std::move(hostname)) {}

  /// AUTHENTICATE / AUTH. `initial` as on the wire (base64, "=" for empty).
  void start(net::Channel& channel, std::string_view mechanism, std::optional<std::string_view> initial, OnChallenge onChallenge, OnDone onDone);
  /// A line of the client while active().
  void respond(net::Channel& channel, std::string_view line);
  /// IMAP LOGIN.
  void password(net::Channel& channel, std::string login, std::string password, OnDone onDone);
  /// A challenge was sent and its answer is awaited.
  bool active() const { return mechanism_ != nullptr; }
  unsigned failures() const { return failures_; }
  void setUserAgent(std::string agent) { userAgent_ = std::move(agent); }

 private:
  Peer peer(const net::Channel& channel) const;
  void take(net::Channel& channel, sasl::Step step);
  void check(net::Channel& channel, std::string login, std::string password);
  void finish(net::Channel& channel, Outcome outcome);
  sasl::Step stepped(const std::function<sasl::Step()>& step);
  /// Waits first if there were failures before.
  void afterDelay(net::Channel& channel, net::Resume next);

  Authenticator& authenticator_;
  std::string protocol_, hostname_, userAgent_;
  std::unique_ptr<sasl::ServerExchange> mechanism_;
  std::string mechanismName_, login_;
  OnChallenge onChallenge_;
  OnDone onDone_;
  unsigned attempts_ = 0, failures_ = 0;
};

}  // namespace mox::login
