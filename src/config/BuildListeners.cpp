#include <algorithm>

#include "base/Text.h"
#include "config/Build.h"
#include "config/Keys.h"
#include "config/SocketPlan.h"

namespace mox::config {

namespace {

constexpr std::uint16_t httpsPort = 443;

/// The field that turns a service on.
std::string_view fieldOf(Service service) {
  switch (service) {
    case Service::smtp: return "SMTP";
    case Service::submission: return "Submission";
    case Service::submissions: return "Submissions";
    case Service::imap: return "IMAP";
    case Service::imaps: return "IMAPS";
    case Service::metrics: return "MetricsHTTP";
    case Service::https: return "EnabledOnHTTPS";
    case Service::acme: return "TLS.ACME";
    case Service::acmeHttp: return "WebserverHTTP";
  }
  return "";
}

/// Checks of one listener, with its path at hand.
class ListenerBuilder {
 public:
  ListenerBuilder(Build& b, const std::string& name, const Listener& listener, const Domain& hostname)
      : b_(b), path_(Path() / "Listeners" / name), l_(listener), info_(name, hostname) {}

  ListenerInfo run() {
    info_.settings = l_;
    if (!l_.hostname.empty()) {
      auto own = checkDomain(b_.fixedFile, path_ / "Hostname", l_.hostname);
      if (own) info_.hostname = *own;
    }
    addresses();
    if (l_.tls) tls(*l_.tls);
    mail();
    web();
    distinctPorts();
    return std::move(info_);
  }

 private:
  void error(const Path& path, std::string message) { b_.fixedFile.error(path, std::move(message)); }

  void addresses() {
    if (l_.ips.empty()) error(path_ / "IPs", "must not be empty");
    for (std::size_t i = 0; i < l_.ips.size(); ++i) {
      auto ip = checkIp(b_.fixedFile, path_ / "IPs" / i, l_.ips[i]);
      if (!ip) continue;
      if (std::find(info_.ips.begin(), info_.ips.end(), *ip) != info_.ips.end()) error(path_ / "IPs" / i, "address is listed twice");
      info_.ips.push_back(*ip);
    }
    if (l_.ipsNated && !l_.natIps.empty()) error(path_ / "IPsNATed", "not together with NATIPs");
    for (std::size_t i = 0; i < l_.natIps.size(); ++i) {
      auto ip = checkIp(b_.fixedFile, path_ / "NATIPs" / i, l_.natIps[i]);
      if (ip && (ip->isUnspecified() || ip->isLoopback())) error(path_ / "NATIPs" / i, "must be a public address");
    }
  }

  void tls(const ListenerTls& tls) {
    Path path = path_ / "TLS";
    if (!tls.acme.empty() && !tls.keyCerts.empty()) error(path, "ACME and KeyCerts exclude each other");
    if (tls.acme.empty() && tls.keyCerts.empty()) error(path, "needs either ACME or KeyCerts");
    if (!tls.acme.empty() && !b_.fixed().acme.contains(tls.acme))
      error(path / "ACME", "there is no provider \"" + printable(tls.acme) + "\" under ACME");
    for (std::size_t i = 0; i < tls.keyCerts.size(); ++i) keyCert(path / "KeyCerts" / i, tls.keyCerts[i]);
    for (std::size_t i = 0; i < tls.hostPrivateKeyFiles.size(); ++i) {
      const auto& name = tls.hostPrivateKeyFiles[i];
      auto key = readSecret(b_, b_.fixedFile, path / "HostPrivateKeyFiles" / i, name, Lack::whenDenied);
      if (!key) continue;
      if (auto info = inspectHostKey(*key); !info) error(path / "HostPrivateKeyFiles" / i, name + ": " + info.error().text);
    }
    if (tls.minVersion.size() == 7) info_.minTlsVersion = 0x0301 + (tls.minVersion.back() - '0');
  }

  void keyCert(const Path& path, const KeyCert& pair) {
    auto certFile = resolvePath(b_.tables.configDir, pair.certFile), keyFile = resolvePath(b_.tables.configDir, pair.keyFile);
    info_.keyPairs.push_back({certFile, keyFile});
    auto key = readSecret(b_, b_.fixedFile, path / "KeyFile", pair.keyFile, Lack::whenDenied);
    if (b_.options.withoutSecrets) return;
    auto cert = b_.files(certFile);
    if (!cert) error(path / "CertFile", "cannot read " + pair.certFile + ": " + cert.error().text);
    if (!cert || !key) return;
    if (auto checked = inspectKeyPair(*cert, *key); !checked) error(path, checked.error().text);
  }

  /// Port of a protocol if it is on; checked in any case.
  std::uint16_t port(std::string_view protocol, bool enabled, std::int64_t given, std::uint16_t standard) {
    auto out = checkPort(b_.fixedFile, path_ / protocol / "Port", given, standard);
    return enabled ? out : std::uint16_t(0);
  }

  void needTls(std::string_view protocol, bool needed, std::string_view otherwise = "") {
    if (needed && !l_.tls) error(path_ / protocol, "needs TLS in this listener" + std::string(otherwise));
  }

  void mail() {
    checkNotNegative(b_.fixedFile, path_ / "SMTPMaxMessageSize", l_.smtpMaxMessageSize);
    if (l_.smtpMaxMessageSize > 0) info_.maxMessageSize = l_.smtpMaxMessageSize;
    info_.smtp = port("SMTP", l_.smtp.enabled, l_.smtp.port, 25);
    info_.submission = port("Submission", l_.submission.enabled, l_.submission.port, 587);
    info_.submissions = port("Submissions", l_.submissions.enabled, l_.submissions.port, 465);
    info_.imap = port("IMAP", l_.imap.enabled, l_.imap.port, 143);
    info_.imaps = port("IMAPS", l_.imaps.enabled, l_.imaps.port, 993);
    info_.metrics = port("MetricsHTTP", l_.metricsHttp.enabled, l_.metricsHttp.port, 8010);
    needTls("SMTP", l_.smtp.enabled && !l_.smtp.noStartTls, ", or NoSTARTTLS");
    needTls("Submission", l_.submission.enabled && !l_.submission.noRequireStartTls, ", or NoRequireSTARTTLS");
    needTls("Submissions", l_.submissions.enabled);
    needTls("IMAP", l_.imap.enabled && !l_.imap.noRequireStartTls, ", or NoRequireSTARTTLS");
    needTls("IMAPS", l_.imaps.enabled);
    if (l_.smtp.noStartTls && l_.smtp.requireStartTls) error(path_ / "SMTP" / "RequireSTARTTLS", "not together with NoSTARTTLS");
    zones();
    if (l_.smtp.firstTimeSenderDelay) {
      checkNotNegative(b_.fixedFile, path_ / "SMTP" / "FirstTimeSenderDelay", l_.smtp.firstTimeSenderDelay->count());
      info_.firstTimeSenderDelay = *l_.smtp.firstTimeSenderDelay;
    }
    info_.tlsSessionTickets = l_.smtp.tlsSessionTicketsDisabled && !*l_.smtp.tlsSessionTicketsDisabled;
  }

  void zones() {
    for (std::size_t i = 0; i < l_.smtp.dnsbls.size(); ++i) checkDomain(b_.fixedFile, path_ / "SMTP" / "DNSBLs" / i, l_.smtp.dnsbls[i]);
  }

  void distinctPorts() {
    std::vector<std::pair<Service, std::uint16_t>> used;
    for (auto [service, number] : servicePorts(info_)) {
      if (number == 0) continue;
      auto same = std::find_if(used.begin(), used.end(), [n = number](const auto& other) { return other.second == n; });
      if (same != used.end())
        error(path_ / fieldOf(service), "port " + std::to_string(number) + " is that of " + std::string(fieldOf(same->first)) + " already");
      used.emplace_back(service, number);
    }
  }

  void webService(std::string_view name, const WebService& service, bool tls) {
    checkPort(b_.fixedFile, path_ / name / "Port", service.port, tls ? 443 : 80);
    if (!service.path.empty() && service.path.front() != '/') error(path_ / name / "Path", "must start with a slash");
    else if (!service.path.empty() && service.path.back() != '/') b_.fixedFile.warning(path_ / name / "Path", "should end with a slash");
    if (tls) needTls(name, service.enabled);
  }

  void web() {
    webService("AccountHTTP", l_.accountHttp, false);
    webService("AccountHTTPS", l_.accountHttps, true);
    webService("AdminHTTP", l_.adminHttp, false);
    webService("AdminHTTPS", l_.adminHttps, true);
    webService("WebmailHTTP", l_.webmailHttp, false);
    webService("WebmailHTTPS", l_.webmailHttps, true);
    webService("WebAPIHTTP", l_.webApiHttp, false);
    webService("WebAPIHTTPS", l_.webApiHttps, true);
    auto pprof = port("PprofHTTP", l_.pprofHttp.enabled, l_.pprofHttp.port, 8011);
    auto autoconfig = port("AutoconfigHTTPS", l_.autoconfigHttps.enabled, l_.autoconfigHttps.port, 443);
    auto mtaSts = port("MTASTSHTTPS", l_.mtaStsHttps.enabled, l_.mtaStsHttps.port, 443);
    auto plainHttp = port("WebserverHTTP", l_.webserverHttp.enabled, l_.webserverHttp.port, 80);
    if (l_.submissions.enabledOnHttps || l_.imaps.enabledOnHttps) info_.https = httpsPort;
    needTls("Submissions/EnabledOnHTTPS", l_.submissions.enabledOnHttps);
    needTls("IMAPS/EnabledOnHTTPS", l_.imaps.enabledOnHttps);
    if (l_.tls && b_.fixed().acme.contains(l_.tls->acme)) {
      auto given = b_.fixed().acme.at(l_.tls->acme).port;
      info_.acme = static_cast<std::uint16_t>(given > 0 && given <= 65535 ? given : httpsPort);
      if (info_.acme == info_.https) info_.acme = 0;
      info_.acmeHttp = plainHttp;
    }
    if (plainHttp != 0 && info_.acmeHttp == 0)
      b_.fixedFile.warning(path_ / "WebserverHTTP", "accepted, but so far only for certificates, and TLS of this listener has no ACME");
    port("WebserverHTTPS", l_.webserverHttps.enabled, l_.webserverHttps.port, 443);
    needTls("AutoconfigHTTPS", l_.autoconfigHttps.enabled && !l_.autoconfigHttps.nonTls, ", or NonTLS");
    needTls("MTASTSHTTPS", l_.mtaStsHttps.enabled && !l_.mtaStsHttps.nonTls, ", or NonTLS");
    needTls("WebserverHTTPS", l_.webserverHttps.enabled);
    if (autoconfig != 0 && autoconfig == mtaSts && l_.autoconfigHttps.nonTls != l_.mtaStsHttps.nonTls) {
      error(path_ / "MTASTSHTTPS", "shares its port with AutoconfigHTTPS, so both must have the same NonTLS");
    }
    if (pprof != 0 && pprof == info_.metrics) error(path_ / "PprofHTTP", "must not share its port");
  }

  Build& b_;
  Path path_;
  const Listener& l_;
  ListenerInfo info_;
};

/// Of one family. A private one beside a public one is for the network within. Nothing if there is a choice: the kernel makes
/// it by the route, and we could only guess.
std::optional<IpAddress> onlyOne(const std::vector<IpAddress>& smtpIps, bool v4) {
  std::vector<IpAddress> family;
  for (const auto& ip : smtpIps)
    if (ip.isV4() == v4) family.push_back(ip);
  if (family.size() > 1) std::erase_if(family, [](const IpAddress& ip) { return ip.isPrivate(); });
  return family.size() == 1 && !family.front().isUnspecified() ? std::optional(family.front()) : std::nullopt;
}

/// What ListenerBuilder says of one listener alone: two services with a port, an address that is listed twice.
bool isToldAlready(const PlannedSocket& one, const PlannedSocket& other) {
  return one.listener == other.listener && (one.service != other.service || one.at == other.at);
}

/// As the server opens them, one after the other. It does without an extra that is refused, which then is in nobody's way.
void checkSockets(Build& b) {
  std::vector<PlannedSocket> open;
  for (const auto& one : planSockets(b.tables.listeners)) {
    auto other = std::find_if(open.begin(), open.end(), [&](const auto& earlier) { return excludeEachOther(earlier.at, one.at); });
    if (other == open.end()) {
      open.push_back(one);
      continue;
    }
    if (isExtra(one.service) || isToldAlready(one, *other)) continue;
    auto whose = std::string(fieldOf(other->service)) + " of listener \"" + printable(other->listener) + "\"";
    b.fixedFile.error(Path() / "Listeners" / one.listener / fieldOf(one.service),
                      one.at == other->at ? one.at.text() + " is that of " + whose + " already"
                                          : one.at.text() + " cannot be listened at beside " + other->at.text() + " for " + whose);
  }
}

}  // namespace

void buildListeners(Build& b) {
  if (b.fixed().listeners.empty()) b.fixedFile.error(Path() / "Listeners", "at least one is needed");
  if (!b.tables.hostname) return;
  auto& smtpIps = b.tables.smtpIps;
  for (const auto& [name, listener] : b.fixed().listeners) {
    b.tables.listeners.push_back(ListenerBuilder(b, name, listener, *b.tables.hostname).run());
    const auto& info = b.tables.listeners.back();
    if (info.smtp == 0) continue;
    b.tables.hostnames.insert(info.hostname);
    for (const auto& ip : info.ips)
      if (!ip.isLoopback() && std::find(smtpIps.begin(), smtpIps.end(), ip) == smtpIps.end()) smtpIps.push_back(ip);
  }
  b.tables.outgoing = {onlyOne(smtpIps, true), onlyOne(smtpIps, false)};
  std::erase_if(smtpIps, [](const IpAddress& ip) { return ip.isUnspecified(); });
  checkSockets(b);
}

}  // namespace mox::config
