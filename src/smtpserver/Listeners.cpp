// Settings and admission of a listener.
#include "net/ConnectionLimiter.h"
#include "smtpserver/Services.h"

namespace mox::smtpserver {

std::shared_ptr<const ListenerSettings> listenerSettings(const config::ListenerInfo& listener, Kind kind, bool implicitTls,
                                                         std::shared_ptr<net::TlsContext> tls) {
  ListenerSettings settings{kind, listener.hostname};
  settings.tls = std::move(tls);
  settings.implicitTls = implicitTls;
  settings.maxMessageSize = static_cast<std::uint64_t>(listener.maxMessageSize);
  settings.firstTimeSenderDelay = listener.firstTimeSenderDelay;
  const auto& smtp = listener.settings.smtp;
  if (kind == Kind::delivery) {
    settings.announceStartTls = !smtp.noStartTls;
    settings.requireTls = smtp.requireStartTls;
    settings.requireTlsExtension = !smtp.noRequireTls;
  } else {
    settings.requireTls = implicitTls || !listener.settings.submission.noRequireStartTls;
  }
  return std::make_shared<const ListenerSettings>(std::move(settings));
}

net::AcceptFilter makeAcceptFilter(Services& services, Kind kind, std::shared_ptr<net::ConnectionLimiter> limiter) {
  return [&services, kind, limiter = std::move(limiter)](const net::ConnectionMeta& connection) -> net::Admission {
    static const Limit rate{"smtp-connection-rate", 300, "connections/minute"}, held{"smtp-connections", 30, "connections"};
    const auto& ip = connection.remote.ip;
    auto admitted = limiter->admit(ip, services.clock.now());
    using Verdict = net::ConnectionLimiter::Verdict;
    if (admitted.verdict != Verdict::admitted) {
      services.limits.hit(admitted.verdict == Verdict::rate ? rate : held, ip.text());
      return {false, "421 4.7.0 too many connections from your network\r\n", nullptr};
    }
    if (kind == Kind::submission && services.authenticator.isLimited(ip)) {
      return {false, "421 4.7.0 too many failed logins from your network\r\n", nullptr};
    }
    return {true, "", std::move(admitted.lease)};
  };
}

}  // namespace mox::smtpserver
