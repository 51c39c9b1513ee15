#include <set>

#include "base/Text.h"
#include "config/Build.h"

namespace mox::config {

namespace {

const std::vector<std::string> safeMechanisms = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5"};

/// The password, wherever it is, becomes that of the settings.
void takePassword(Build& b, const Path& path, TransportAuth& auth) {
  auto& file = b.fixedFile;
  if (!auth.password.empty() && b.fixed().declared) file.error(path / "Password", "in a declared configuration secrets come by files: use PasswordFile");
  if (auth.password.empty() == auth.passwordFile.empty()) file.error(path, "needs either Password or PasswordFile");
  if (auth.passwordFile.empty()) return;
  auto content = readSecret(b, file, path / "PasswordFile", auth.passwordFile);
  if (!content) return;
  auto line = onlyLine(*content);
  if (line) auth.password = *line;
  else file.error(path / "PasswordFile", printable(auth.passwordFile) + ": " + line.error().text);
}

void checkAuth(Build& b, const Path& path, TransportAuth& auth, TransportInfo& info) {
  auto& file = b.fixedFile;
  takePassword(b, path, auth);
  if (auth.username.empty()) file.error(path / "Username", "must not be empty");
  std::set<std::string> seen;
  for (std::size_t i = 0; i < auth.mechanisms.size(); ++i) {
    if (!seen.insert(auth.mechanisms[i]).second) file.error(path / "Mechanisms" / i, "mechanism is listed twice");
  }
  info.mechanisms = auth.mechanisms.empty() ? safeMechanisms : auth.mechanisms;
}

void buildServer(Build& b, const Path& path, SmtpTransport& server, TransportInfo& info, TransportInfo::Kind kind, std::uint16_t port) {
  auto& file = b.fixedFile;
  info.kind = kind;
  info.host = checkDomain(file, path / "Host", server.host);
  info.port = checkPort(file, path / "Port", server.port, port);
  if (kind == TransportInfo::Kind::submissions) {
    if (server.noStartTls) file.error(path / "NoSTARTTLS", "not with Submissions, which has TLS from the start");
    if (server.startTlsInsecureSkipVerify)
      file.error(path / "STARTTLSInsecureSkipVerify", "not with Submissions, which has TLS from the start");
  } else if (server.noStartTls && server.startTlsInsecureSkipVerify) {
    file.error(path / "STARTTLSInsecureSkipVerify", "has no meaning together with NoSTARTTLS");
  }
  if (server.auth) checkAuth(b, path / "Auth", *server.auth, info);
}

void buildSocks(Document& file, const Path& path, const SocksTransport& socks, TransportInfo& info) {
  info.kind = TransportInfo::Kind::socks;
  auto colon = socks.address.rfind(':');
  auto port = colon == std::string::npos ? std::nullopt : parseUnsigned(std::string_view(socks.address).substr(colon + 1));
  if (colon == 0 || !port || *port == 0 || *port > 65535) file.error(path / "Address", "expected host:port");
  if (socks.remoteIps.empty()) file.error(path / "RemoteIPs", "must not be empty");
  for (std::size_t i = 0; i < socks.remoteIps.size(); ++i) checkIp(file, path / "RemoteIPs" / i, socks.remoteIps[i]);
  checkDomain(file, path / "RemoteHostname", socks.remoteHostname);
}

void buildFail(Document& file, const Path& path, const FailTransport& fails, TransportInfo& info) {
  info.kind = TransportInfo::Kind::fail;
  bool good = fails.smtpCode == 0 || (fails.smtpCode >= 400 && fails.smtpCode <= 599);
  if (!good) file.error(path / "SMTPCode", "must be from 400 to 599");
  checkReplyText(file, path / "SMTPMessage", fails.smtpMessage);
}

TransportInfo buildTransport(Build& b, const Path& path, const std::string& name, const Transport& given) {
  auto& file = b.fixedFile;
  TransportInfo info;
  info.name = name;
  info.settings = given;
  auto& t = info.settings;
  int kinds =
      (t.submissions ? 1 : 0) + (t.submission ? 1 : 0) + (t.smtp ? 1 : 0) + (t.socks ? 1 : 0) + (t.direct ? 1 : 0) + (t.fail ? 1 : 0);
  if (kinds > 1) file.error(path, "has more than one kind of transport");
  using Kind = TransportInfo::Kind;
  if (t.submissions) buildServer(b, path / "Submissions", *t.submissions, info, Kind::submissions, 465);
  if (t.submission) buildServer(b, path / "Submission", *t.submission, info, Kind::submission, 587);
  if (t.smtp) buildServer(b, path / "SMTP", *t.smtp, info, Kind::smtp, 25);
  if (t.socks) buildSocks(file, path / "Socks", *t.socks, info);
  if (t.direct) {
    info.kind = Kind::direct;
    if (t.direct->disableIpv4 && t.direct->disableIpv6) file.error(path / "Direct", "DisableIPv4 and DisableIPv6 together leave nothing");
  }
  if (t.fail) buildFail(file, path / "Fail", *t.fail, info);
  return info;
}

std::vector<RouteRule::Pattern> routeDomains(Document& file, const Path& path, const std::vector<std::string>& names) {
  std::vector<RouteRule::Pattern> out;
  for (std::size_t i = 0; i < names.size(); ++i) {
    bool below = names[i].starts_with('.');
    auto domain = checkDomain(file, path / i, below ? names[i].substr(1) : names[i]);
    if (domain) out.push_back({*domain, below});
  }
  return out;
}

std::vector<RouteRule> routeRules(Build& b, const Path& path, const std::vector<Route>& routes) {
  std::vector<RouteRule> out;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    const auto& route = routes[i];
    RouteRule rule;
    rule.from = routeDomains(b.dynamicFile, path / i / "FromDomain", route.fromDomain);
    rule.to = routeDomains(b.dynamicFile, path / i / "ToDomain", route.toDomain);
    checkNotNegative(b.dynamicFile, path / i / "MinimumAttempts", route.minimumAttempts);
    rule.minimumAttempts = route.minimumAttempts;
    auto transport = b.tables.transports.find(route.transport);
    if (transport != b.tables.transports.end()) rule.transport = &transport->second;
    else b.dynamicFile.error(path / i / "Transport", "there is no transport \"" + printable(route.transport) + "\"");
    out.push_back(std::move(rule));
  }
  return out;
}

}  // namespace

void buildTransports(Build& b) {
  for (const auto& [name, transport] : b.fixed().transports) {
    b.tables.transports.emplace(name, buildTransport(b, Path() / "Transports" / name, name, transport));
  }
}

void buildRoutes(Build& b) {
  b.tables.routes = routeRules(b, Path() / "Routes", b.dynamic().routes);
  for (const auto& [name, settings] : b.dynamic().domains) {
    auto domain = Domain::make(name);
    auto rules = routeRules(b, Path() / "Domains" / name / "Routes", settings.routes);
    if (domain) b.tables.domainRoutes[domain->ascii()] = std::move(rules);
  }
  for (const auto& [name, settings] : b.dynamic().accounts) {
    b.tables.accountRoutes[name] = routeRules(b, Path() / "Accounts" / name / "Routes", settings.routes);
  }
}

}  // namespace mox::config
