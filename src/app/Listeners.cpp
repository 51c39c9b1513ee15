#include "app/Listeners.h"

#include <stdexcept>

#include "net/ChosenByAlpn.h"
#include "net/LimitedFilter.h"

namespace mox::app {

namespace {

constexpr std::uint64_t manyConnections = 1'000'000;  // no test on one machine comes near

constexpr const char* imapBusy = "* BYE too busy, try again later\r\n";  // RFC 9051 §7.1.5: BYE as the greeting

net::AcceptFilter imapFilter(const std::string& kind, imapserver::Services& services, std::shared_ptr<net::ConnectionLimiter> limiter) {
  auto limited = net::limitedFilter(kind, std::move(limiter), {"* BYE too many connections\r\n", imapBusy}, services.clock, services.limits);
  return [&services, limited = std::move(limited)](const net::ConnectionMeta& meta) {
    if (services.authenticator.isLimited(meta.remote.ip)) return net::Admission{false, "* BYE too many failed logins\r\n", nullptr};
    return limited(meta);
  };
}

/// Limits of a source network, smtp.md §1, and of `maxHeld` in all. Of the former none that tests on one machine would meet for
/// localserve.
std::shared_ptr<net::ConnectionLimiter> limiter(const ListenerServices& services, std::uint64_t maxHeld) {
  net::ConnectionLimits limits;
  limits.maxHeld = maxHeld;
  if (services.localserve) limits.perMinute = limits.concurrent = {manyConnections, manyConnections, manyConnections};
  return std::make_shared<net::ConnectionLimiter>(limits);
}

net::SessionFactory onePage(HttpPages pages) {
  return [pages = std::move(pages)](const net::ConnectionMeta&) { return std::make_unique<OneRequestSession>(pages); };
}

}  // namespace

Listeners::Listeners(ListenerServices services)
    : services_(services),
      smtpLimiter_(limiter(services, smtpConnections)),
      submissionLimiter_(limiter(services, submissionConnections)),
      imapLimiter_(limiter(services, imapConnections)),
      httpsLimiter_(limiter(services, httpsConnections)),
      metricsLimiter_(limiter(services, httpConnections)),
      acmeHttpLimiter_(limiter(services, httpConnections)) {}

void Listeners::openSmtp(const config::ListenerInfo& listener, Service service, net::ListenerOptions& options, net::SessionFactory& factory,
                         net::AcceptFilter& filter) {
  auto kind = service == Service::smtp ? smtpserver::Kind::delivery : smtpserver::Kind::submission;
  bool implicitTls = service == Service::submissions;
  auto tls = service == Service::smtp ? services_.certificates.delivery(listener.name) : services_.certificates.clients(listener.name);
  if (implicitTls) options.tls = tls;
  options.busyReply = smtpserver::busyReply;
  auto settings = smtpserver::listenerSettings(listener, kind, implicitTls, tls);
  factory = [&smtp = services_.smtp, settings](const net::ConnectionMeta&) { return smtpserver::makeSession(smtp, settings); };
  filter = smtpserver::makeAcceptFilter(services_.smtp, kind, kind == smtpserver::Kind::delivery ? smtpLimiter_ : submissionLimiter_);
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
  options.busyReply = imapBusy;
  factory = [&imap = services_.imap, settings](const net::ConnectionMeta&) { return imapserver::makeSession(imap, settings); };
  filter = imapFilter("imap", services_.imap, imapLimiter_);
}

void Listeners::openByAlpn(const config::ListenerInfo& listener, net::ListenerOptions& options, net::SessionFactory& factory, net::AcceptFilter& filter) {
  net::SessionFactory imap, smtp;
  net::AcceptFilter unused;  // limits of their own: they are asked before a client has said what it speaks
  openSmtp(listener, Service::submissions, options, smtp, unused);
  openImap(listener, Service::imaps, options, imap, unused, true);
  filter = imapFilter("https", services_.imap, httpsLimiter_);
  options.tls = services_.certificates.byAlpn(listener.name);
  options.busyReply.clear();
  factory = [imap = std::move(imap), smtp = std::move(smtp)](const net::ConnectionMeta& meta) {
    return std::make_unique<net::ChosenByAlpn>(
        std::map<std::string, net::ChosenByAlpn::Make>{{"imap", [imap, meta] { return imap(meta); }}, {"smtp", [smtp, meta] { return smtp(meta); }}});
  };
}

/// With limits of their own: all connections share the engine's room with those of mail. And each with its own: strangers come to
/// port 80, perhaps through the proxy or gateway that whoever watches the server comes through. The refused are closed without a
/// word: monitors and providers take that for a failure and come again.
void Listeners::openHttp(Service service, net::SessionFactory& factory, net::AcceptFilter& filter) {
  if (service == Service::metrics) factory = onePage([&source = services_.metrics](std::string_view path) { return source.page(path); });
  else factory = onePage([&proofs = services_.proofs](std::string_view path) { return proofs.page(path); });
  filter = net::limitedFilter("http", service == Service::metrics ? metricsLimiter_ : acmeHttpLimiter_, {}, services_.clock, services_.limits);
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
