// TicketKeys: what the session tickets of a TLS server are made with, another each day.
//
// Who has such a key reads the TLS 1.2 connections that its tickets were given out on or resumed, whenever they were recorded.
// So keys do not live long: tickets are made with the day's, those of the day before are still taken and then replaced. Left to
// OpenSSL, one key would last as long as the process. Keys are made when they are needed and wiped when they are dropped, by
// the first handshake that makes or shows a ticket on a later day. Each TlsContext has its own, so that a ticket of one
// listener means nothing to another.
// RFC 5077 §4, §5.5; RFC 8446 §4.6.1. Thread safe.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "base/Clock.h"
#include "base/Guarded.h"
#include "base/Random.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace mox::net {

struct TicketKey {
  std::array<unsigned char, 16> name{};
  std::array<unsigned char, 32> cipher{};  ///< AES-256-CBC
  std::array<unsigned char, 32> mac{};     ///< HMAC-SHA256

  explicit TicketKey(Random& random);
  ~TicketKey();
  TicketKey(const TicketKey&) = delete;
  TicketKey& operator=(const TicketKey&) = delete;
};

class TicketKeys {
 public:
  static constexpr Duration period = std::chrono::hours(24);

  /// Both outlive this. Days are counted by the steady clock from now on: a wall clock may be set.
  TicketKeys(const Clock& clock, Random& random);

  /// Of the context's tickets from now on; these outlive it.
  void useFor(ssl_ctx_st& ctx);

  using Key = std::shared_ptr<const TicketKey>;
  /// For a new ticket.
  Key today();
  /// That a ticket was made with; null if it is not one of today's or yesterday's.
  Key named(std::string_view name);
  std::string initialVector(std::size_t octets) { return random_.bytes(octets); }

 private:
  struct Kept {
    std::int64_t day = -1;
    Key today, yesterday;
  };
  /// Brings the keys to the present day.
  void turn(Kept& kept);

  const Clock& clock_;
  Random& random_;
  const Steady start_;
  Guarded<Kept> kept_;
};

}  // namespace mox::net
