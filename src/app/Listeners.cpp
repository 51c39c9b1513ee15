#include "app/Listeners.h"

#include <stdexcept>

#include "net/ChosenByAlpn.h"

namespace mox::app {

namespace {

constexpr std::uint64_t manyConnections = 1'000'000;  // no test on one machine comes near

/// Busy and too many: RFC 9051 §7.1.5 BYE as the greeting.
net::AcceptFilter imapFilter(imapserver::Services& services, std::shared_ptr<net::ConnectionLimiter> limiter) {
  return [&services, limiter = std::move(limiter)](const net::ConnectionMeta& meta) {
    net::Admission out;
    if (services.authenticator.isLimited(meta.remote.ip)) return out.admitted = false, out.refusal = "* BYE too many failed logins\r\n", out;
    auto admitted = limiter->admit(meta.remote.ip, services.clock.now());
    out.admitted = admitted.verdict == net::ConnectionLimiter::Verdict::admitted;
    if (!out.admitted) {
      services.limits.hit({"imap-connections", 0, "connections"}, meta.remote.ip.text());
      out.refusal = "* BYE too many connections\r\n";
    }
    out.lease = std::move(admitted.lease);
    return out;
  };
}

/// Closed without a word: monitors and providers take that for a failure and come again.
net::AcceptFilter httpFilter(const Clock& clock, LimitHits& limits, std::shared_ptr<net::ConnectionLimiter> limiter) {
  return [&clock, &limits, limiter = std::move(limiter)](const net::ConnectionMeta& meta) -> net::Admission {
    static const Limit rate{"http-connection-rate", 300, "connections/minute"}, held{"http-connections", 30, "connections"};
    using Verdict = net::ConnectionLimiter::Verdict;
    auto admitted = limiter->admit(meta.remote.ip, clock.now());
    if (admitted.verdict == Verdict::admitted) return {true, "", std::move(admitted.lease)};
    limits.hit(admitted.verdict == Verdict::rate ? rate : held, meta.remote.ip.text());
    return {false, "", nullptr};
  };
}

net::SessionFactory onePage(HttpPages pages) {
  return [pages = std::move(pages)](const net::ConnectionMeta&) { return std::make_unique<OneRequestSession>(pages); };
}

}  // namespace

net::ConnectionLimits connectionLimits(bool localserve) {
  net::ConnectionLimits limits;
  if (localserve) limits.perMinute = limits.concurrent = {manyConnections, manyConnections, manyConnections};
  return limits;
}

Listeners::Listeners(ListenerServices services)
    : services_(services),
      smtpLimiter_(std::make_shared<net::ConnectionLimiter>(connectionLimits(services.localserve))),
      imapLimiter_(std::make_shared<net::ConnectionLimiter>(connectionLimits(services.localserve))),
      metricsLimiter_(std::make_shared<net::ConnectionLimiter>(connectionLimits(services.localserve))),
      acmeHttpLimiter_(std::make_shared<net::ConnectionLimiter>(connectionLimits(services.localserve))) {}

void Listeners::openSmtp(const config::ListenerInfo& listener, Service service, net::ListenerOptions& options, net::SessionFactory& factory,
                         net::AcceptFilter& filter) {
  auto kind = service == Service::smtp ? smtpserver::Kind::delivery : smtpserver::Kind::submission;
  bool implicitTls = service == Service::submissions;
  auto tls = service == Service::smtp ? services_.certificates.delivery(listener.name) : services_.certificates.clients(listener.name);
  if (implicitTls) options.tls = tls;
  options.busyReply = "421 4.3.2 too busy, try again later\r\n";
  auto settings = smtpserver::listenerSettings(listener, kind, implicitTls, tls);
  factory = [&smtp = services_.smtp, settings](const net::ConnectionMeta&) { return smtpserver::makeSession(smtp, settings); };
  filter = smtpserver::makeAcceptFilter(services_.smtp, kind, smtpLimiter_);
}

void Listeners::openImap(const config::ListenerInfo& listener, Service service, net::ListenerOptions& options, net::SessionFactory& factory,
                         net::AcceptFilter& filter, bool byAlpn) {
  auto settings = std::make_shared<imapserver::ListenerSettings>();
  settings->hostname = listener.hostname.ascii();
  settings->tls = services_.certificates.clients(listener.name);
  settings->implicitTls = service == Service::imaps;
  settings->clientCertificates = !byAlpn;
  settings->requireTls = !listener.settings.imap.noRequireStartTls;
  if (settings->implicitTls) options.tls = settings->tls;
  options.busyReply = "* BYE too busy, try again later\r\n";
  factory = [&imap = services_.imap, settings](const net::ConnectionMeta&) { return imapserver::makeSession(imap, settings); };
  filter = imapFilter(services_.imap, imapLimiter_);
}

void Listeners::openByAlpn(const config::ListenerInfo& listener, net::ListenerOptions& options, net::SessionFactory& factory, net::AcceptFilter& filter) {
  // How many connections one source may have is asked before it says what it speaks: the limits of IMAP hold for all.
  net::SessionFactory imap, smtp;
  net::AcceptFilter unused;
  openSmtp(listener, Service::submissions, options, smtp, unused);
  openImap(listener, Service::imaps, options, imap, filter, true);
  options.tls = services_.certificates.byAlpn(listener.name);
  options.busyReply.clear();
  factory = [imap = std::move(imap), smtp = std::move(smtp)](const net::ConnectionMeta& meta) {
    return std::make_unique<net::ChosenByAlpn>(
        std::map<std::string, net::ChosenByAlpn::Make>{{"imap", [imap, meta] { return imap(meta); }}, {"smtp", [smtp, meta] { return smtp(meta); }}});
  };
}

/// With limits of their own: all connections share the engine's room with those of mail. And each with its own: strangers come to
/// port 80, perhaps through the proxy or gateway that whoever watches the server comes through.
void Listeners::openHttp(Service service, net::SessionFactory& factory, net::AcceptFilter& filter) {
  if (service == Service::metrics) factory = onePage([&source = services_.metrics](std::string_view path) { return source.page(path); });
  else factory = onePage([&proofs = services_.proofs](std::string_view path) { return proofs.page(path); });
  filter = httpFilter(services_.clock, services_.limits, service == Service::metrics ? metricsLimiter_ : acmeHttpLimiter_);
}

Endpoint Listeners::open(net::Engine& engine, const config::ListenerInfo& listener, BoundSocket socket) {
  auto service = socket.plan.service;
  net::ListenerOptions options;
  options.name = listener.name + "-" + std::string(serviceName(service));
  net::SessionFactory factory;
  net::AcceptFilter filter;
  if (service == Service::imap || service == Service::imaps) openImap(listener, service, options, factory, filter);
  else if (service == Service::metrics || service == Service::acmeHttp) openHttp(service, factory, filter);
  else if (service == Service::acme || service == Service::https) openByAlpn(listener, options, factory, filter);
  else openSmtp(listener, service, options, factory, filter);
  auto at = engine.adopt(socket.fd.release(), std::move(options), std::move(factory), std::move(filter));
  if (!at) throw std::runtime_error(socket.plan.at.text() + ": " + at.error().text);
  return *at;
}

}  // namespace mox::app
