// What an SMTP session needs of the house, and what it knows of its listener.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/Address.h"
#include "base/Clock.h"
#include "base/Limits.h"
#include "base/Log.h"
#include "base/Metrics.h"
#include "base/Random.h"
#include "config/Source.h"
#include "delivery/DkimKeys.h"
#include "delivery/Rates.h"
#include "delivery/ReceivedId.h"
#include "dns/Resolver.h"
#include "login/Authenticator.h"
#include "net/Engine.h"
#include "net/Session.h"
#include "queue/Queue.h"
#include "store/Accounts.h"

namespace mox::net {
class ConnectionLimiter;
class JobPool;
}  // namespace mox::net
namespace mox::dkim {
class PublicSuffixList;
}

namespace mox::smtpserver {

/// All references outlive every session, and every job in `pool`.
struct Services {
  config::ConfigSource& config;
  store::Accounts& accounts;
  login::Authenticator& authenticator;
  queue::Queue& queue;
  dns::Resolver& resolver;
  net::JobPool& pool;  ///< waits for DNS: SPF, DKIM, iprev, domains of senders
  const dkim::PublicSuffixList& suffixes;
  const delivery::ReceivedId& receivedId;
  const Clock& clock;
  Random& random;
  Metrics& metrics;
  LimitHits& limits;
  Log log;
  /// `mox localserve`: error addresses, account mox takes what is unknown (smtp.md §11).
  bool localserve = false;
  /// Of all sessions together; made here so that the one who fills this in need not know them.
  std::shared_ptr<delivery::Rates> rates = std::make_shared<delivery::Rates>();
  std::shared_ptr<delivery::DkimKeys> keys = std::make_shared<delivery::DkimKeys>(clock, metrics);
};

enum class Kind {
  delivery,    ///< port 25: from other servers, no AUTH
  submission,  ///< from our people: AUTH needed
};

/// One listener's own settings; shared by its sessions.
struct ListenerSettings {
  Kind kind = Kind::delivery;
  Domain hostname;
  std::shared_ptr<net::TlsContext> tls{};  ///< null: no STARTTLS
  bool implicitTls = false;
  bool announceStartTls = true;
  /// delivery: RequireSTARTTLS, no mail without TLS. submission: no AUTH without TLS.
  bool requireTls = false;
  bool requireTlsExtension = true;  ///< REQUIRETLS, RFC 8689
  std::uint64_t maxMessageSize = config::defaultMaxMessageSize;            ///< octets
  Duration firstTimeSenderDelay = config::defaultFirstTimeSenderDelay;     ///< 0: none
};

/// Settings of a listener as configured; TLS comes from the caller.
std::shared_ptr<const ListenerSettings> listenerSettings(const config::ListenerInfo& listener, Kind kind, bool implicitTls,
                                                         std::shared_ptr<net::TlsContext> tls);

/// Makes the session of a new connection.
std::unique_ptr<net::Session> makeSession(Services& services, std::shared_ptr<const ListenerSettings> listener);

inline constexpr const char* busyReply = "421 4.3.2 too busy, try again later\r\n";

/// Connection limits of smtp.md §1 and, for submission, too many failed logins: 421 4.7.0. Copies share `limiter`.
net::AcceptFilter makeAcceptFilter(Services& services, Kind kind, std::shared_ptr<net::ConnectionLimiter> limiter);

}  // namespace mox::smtpserver
