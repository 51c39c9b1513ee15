// Listeners: which session a new connection gets, by the socket it came in on.
#pragma once

#include <memory>
#include <vector>

#include "app/Certificates.h"
#include "app/ListenPlan.h"
#include "app/AcmeProofs.h"
#include "app/OneRequestHttp.h"
#include "imapserver/Services.h"
#include "net/ConnectionLimiter.h"
#include "net/Engine.h"
#include "smtpserver/Services.h"

namespace mox::app {

/// All references outlive the engine's sessions.
struct ListenerServices {
  imapserver::Services& imap;
  smtpserver::Services& smtp;
  const MetricsSource& metrics;
  const Certificates& certificates;
  const AcmeProofs& proofs;
  const Clock& clock;
  LimitHits& limits;
  bool localserve = false;
};

/// Connections at a time, by kind. All fit into the engine, so that whoever fills one kind of port leaves room at the others.
inline constexpr std::uint64_t smtpConnections = 4'000, submissionConnections = 3'000, imapConnections = 10'000;
inline constexpr std::uint64_t httpsConnections = 2'000;  ///< IMAP, submission and proofs for certificates, by ALPN
inline constexpr std::uint64_t httpConnections = 500;     ///< metrics; and again proofs for certificates
static_assert(smtpConnections + submissionConnections + imapConnections + httpsConnections + 2 * httpConnections <= net::defaultMaxConnections);

class Listeners {
 public:
  explicit Listeners(ListenerServices services);
  /// Hands the socket to the engine. Gives the bound address. Throws std::runtime_error if it cannot.
  Endpoint open(net::Engine& engine, const config::ListenerInfo& listener, BoundSocket socket);

 private:
  void openSmtp(const config::ListenerInfo& listener, Service service, net::ListenerOptions& options, net::SessionFactory& factory, net::AcceptFilter& filter);
  void openImap(const config::ListenerInfo& listener, Service service, net::ListenerOptions& options, net::SessionFactory& factory, net::AcceptFilter& filter,
                bool byAlpn = false);

  /// Clients say by ALPN what they speak, RFC 7301.
  void openByAlpn(const config::ListenerInfo& listener, net::ListenerOptions& options, net::SessionFactory& factory, net::AcceptFilter& filter);
  void openHttp(Service service, net::SessionFactory& factory, net::AcceptFilter& filter);

  ListenerServices services_;
  std::shared_ptr<net::ConnectionLimiter> smtpLimiter_, submissionLimiter_, imapLimiter_, httpsLimiter_, metricsLimiter_, acmeHttpLimiter_;
};

}  // namespace mox::app
