// Settings and admission of a listener.
#include "net/LimitedFilter.h"
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
  bool isSubmission = kind == Kind::submission;
  auto limited = net::limitedFilter(isSubmission ? "submission" : "smtp", std::move(limiter),
                                    {"421 4.7.0 too many connections from your network\r\n", busyReply}, services.clock, services.limits);
  if (!isSubmission) return limited;
  return [&services, limited = std::move(limited)](const net::ConnectionMeta& connection) -> net::Admission {
    if (services.authenticator.isLimited(connection.remote.ip)) return {false, "421 4.7.0 too many failed logins from your network\r\n", nullptr};
    return limited(connection);
  };
}

}  // namespace mox::smtpserver
