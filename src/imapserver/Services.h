// What an IMAP session needs of the house, and what it knows of its listener.
#pragma once

#include <memory>
#include <string>

#include "base/Clock.h"
#include "base/Limits.h"
#include "base/Log.h"
#include "base/Metrics.h"
#include "config/Source.h"
#include "imapserver/CommandTimes.h"
#include "imapserver/LoggedIn.h"
#include "login/Authenticator.h"
#include "net/Session.h"
#include "store/Accounts.h"

namespace mox::net {
class JobPool;
}

namespace mox::imapserver {

/// All references outlive every session.
struct Services {
  config::ConfigSource& config;
  store::Accounts& accounts;
  login::Authenticator& authenticator;
  const Clock& clock;
  Metrics& metrics;
  LimitHits& limits;
  Log log;
  std::shared_ptr<LoggedIn> loggedIn = std::make_shared<LoggedIn>();
  std::shared_ptr<CommandTimes> times = std::make_shared<CommandTimes>(metrics);
};

/// Messages one command works on, RFC 9738: what is more than anybody's mailbox, and still ends.
inline constexpr Limit messagesAtOnce{"imap-messages", 1'000'000, "messages/command"};

/// One listener's own settings; shared by its sessions.
struct ListenerSettings {
  std::string hostname;
  std::shared_ptr<net::TlsContext> tls;  ///< null: no STARTTLS
  bool implicitTls = false;
  bool requireTls = true;  ///< no LOGIN and AUTHENTICATE before TLS
  Limit messageLimit = messagesAtOnce;
  /// Client certificates count: they log in by themselves (PREAUTH) or with EXTERNAL. Not where IMAP is one of several
  /// protocols of a port, chosen by ALPN: browsers offer certificates that were not meant for mail.
  bool clientCertificates = true;
};

// Timeouts, RFC 9051 §5.4 and imap.md §1.
inline constexpr Duration timeoutBeforeLogin = std::chrono::seconds(30);   ///< for each command before login
inline constexpr Duration timeoutAfterLogin = std::chrono::minutes(30);    ///< of silence, IDLE included
inline constexpr Duration timeoutLiteral = std::chrono::minutes(30);       ///< for one APPEND message as a whole

/// Makes the session of a new connection. The session owns nothing but itself.
std::unique_ptr<net::Session> makeSession(Services& services, std::shared_ptr<const ListenerSettings> listener);
/// One that is logged in from the start: `address` of `account` (RFC 9051 §7.1.4 PREAUTH). For who has shown elsewhere that
/// it may.
std::unique_ptr<net::Session> makePreauthenticatedSession(Services& services, std::shared_ptr<const ListenerSettings> listener,
                                                          std::string account, std::string address);

}  // namespace mox::imapserver
