// An SMTP client, sans-I/O (RFC 5321 §3, §4.3): greeting, EHLO (or HELO),
// STARTTLS and EHLO again, AUTH, then one transaction after another as long as
// the owner has any, QUIT. An owner that expects more soon may park it.
//
// The queue gives it to net::Engine::dial(). It speaks PIPELINING where offered,
// obeys SIZE and LIMITS, asks for 8BITMIME, SMTPUTF8 and REQUIRETLS as needed,
// and reports a result for each recipient. Nothing of it blocks but reading the
// message; SCRAM's password derivation runs in it (some ms, at most a second).
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "smtp/Client.h"
#include "smtp/Delivery.h"
#include "smtp/Reply.h"

namespace mox::smtp {

class ClientSession final : public net::Session {
 public:
  /// `owner` not null. `random` must outlive the session.
  ClientSession(ClientOptions options, std::shared_ptr<ClientOwner> owner, Random& random);
  ~ClientSession() override;

  /// What is known of the server so far; complete from the first onReady() on.
  const PeerInfo& peer() const { return peer_; }
  /// Transactions finished on this connection.
  unsigned transactions() const { return transactions_; }

  void onOpen(net::Channel& channel) override;
  std::size_t onInput(net::Channel& channel, std::string_view input) override;
  void onTls(net::Channel& channel, const net::TlsInfo& info) override;
  void onDrained(net::Channel& channel) override;
  void onWake(net::Channel& channel) override;
  void onDeadline(net::Channel& channel) override;
  void onShutdown(net::Channel& channel) override;
  void onUnheard(std::string_view input) override;
  void onEnd(net::End end, std::string_view detail) override;

 private:
  class Body;
  enum class State { connecting, greeting, ehlo, helo, startTls, handshake, auth, delivering, body, resetting, parked, quitting, closed };

  void handle(net::Channel& channel, Reply reply);
  void onGreeting(net::Channel& channel, Reply& reply);
  void onHello(net::Channel& channel, Reply& reply);
  void onStartTls(net::Channel& channel, Reply& reply);
  void onAuth(net::Channel& channel, Reply& reply);
  void onDelivery(net::Channel& channel, Reply& reply);
  void onReset(net::Channel& channel, Reply& reply);
  void onUnasked(net::Channel& channel, Reply& reply);

  void sayEhlo(net::Channel& channel);
  void afterHello(net::Channel& channel);
  void startAuth(net::Channel& channel);
  void ready(net::Channel& channel);
  void askOwner(net::Channel& channel, bool mayPark);
  void advanceDelivery(net::Channel& channel);
  void startBody(net::Channel& channel);
  void report();
  void quit(net::Channel& channel);

  void send(net::Channel& channel, std::string_view line, Duration patience, bool secret = false);
  /// Of the reply that is due, in the words of the metric; "" if none is.
  std::string_view commandDue() const;
  void startClock() { asked_ = options_.replyTimes != nullptr ? options_.replyTimes->now() : Steady(); }
  void measure(const Reply& reply);
  void fail(net::Channel& channel, const Reply& reply, std::string_view context);
  void fail(net::Channel& channel, Outcome outcome, std::string_view enhanced, std::string_view text);
  void broken(net::Channel& channel, LocalReason reason, std::string_view text);
  void tellFailure(ClientFailure failure);
  void shut(net::Channel& channel);
  ClientPhase phase() const;

  ClientOptions options_;
  std::shared_ptr<ClientOwner> owner_;
  Random& random_;
  State state_ = State::connecting;
  ReplyParser parser_;
  PeerInfo peer_;
  std::unique_ptr<sasl::ClientMechanism> mechanism_;
  std::optional<std::string> heldInitial_;  ///< an initial response too long for the AUTH line
  std::optional<Delivery> delivery_;
  std::shared_ptr<std::string> bodyError_;  ///< written by Body, which the channel owns
  unsigned transactions_ = 0;
  Steady asked_{};  ///< since when a reply is due
  bool failureTold_ = false;
  bool stopping_ = false;  ///< after what is under way
};

}  // namespace mox::smtp
