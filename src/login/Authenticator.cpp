#include "login/Authenticator.h"

#include <fmt/format.h>

#include "base/Text.h"
#include "base/Unicode.h"
#include "login/Secrets.h"
#include "sasl/Prepare.h"

namespace mox::login {

namespace {

store::LoginResult recorded(Verdict verdict, bool knownUser) {
  using store::LoginResult;
  switch (verdict) {
    case Verdict::ok: return LoginResult::ok;
    case Verdict::badCredentials: return knownUser ? LoginResult::badPassword : LoginResult::badUser;
    case Verdict::denied: return LoginResult::badCredentials;
    case Verdict::disabled: return LoginResult::loginDisabled;
    case Verdict::channelBinding: return LoginResult::badChannelBinding;
    case Verdict::protocol:
    case Verdict::unknownMechanism: return LoginResult::badProtocol;
    case Verdict::cancelled: return LoginResult::aborted;
    case Verdict::rateLimited:
    case Verdict::overloaded:
    case Verdict::broken: return LoginResult::error;
  }
  return LoginResult::error;
}

std::string_view metricResult(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok: return "ok";
    case Verdict::badCredentials:
    case Verdict::denied: return "badcreds";
    case Verdict::disabled: return "logindisabled";
    case Verdict::channelBinding: return "badchanbind";
    case Verdict::protocol:
    case Verdict::unknownMechanism: return "badprotocol";
    case Verdict::cancelled: return "aborted";
    default: return "error";
  }
}

sasl::ChannelBindings bindings(const net::TlsInfo* tls) {
  if (tls == nullptr) return {};
  return {true, tls->exporterBinding, tls->uniqueBinding, tls->serverEndPointBinding};
}

std::string tlsText(const net::TlsInfo* tls) {
  if (tls == nullptr) return "";
  return fmt::format("version={} ciphersuite={} sni={} resumed={} alpn={}", tls->version, tls->cipher, printable(tls->serverName),
                     tls->resumed, printable(tls->alpn));
}

/// Bad credentials and attempts to act as others are what guessing looks like; a malformed line may be too.
bool countsAsFailure(Verdict verdict) {
  return verdict == Verdict::badCredentials || verdict == Verdict::denied || verdict == Verdict::channelBinding || verdict == Verdict::protocol;
}

}  // namespace

Authenticator::Authenticator(Services services)
    : services_(std::move(services)),
      secrets_(std::make_unique<Secrets>(services_.config, services_.accounts, services_.saltKey)),
      failures_(net::failedAuthLimiter()) {}
Authenticator::~Authenticator() = default;

std::vector<std::string> Authenticator::mechanisms(const net::TlsInfo* tls, bool withPasswords) const {
  std::vector<std::string> out{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "CRAM-MD5"};
  if (withPasswords) out.insert(out.end(), {"PLAIN", "LOGIN"});
  if (tls != nullptr && !tls->peerKeyFingerprint.empty() && certificate(tls->peerKeyFingerprint)) out.insert(out.begin(), "EXTERNAL");
  return out;
}

bool Authenticator::isLimited(const IpAddress& remote) {
  if (failures_.hasRoom(remote, services_.clock.now())) return false;
  services_.metrics.counter("mox_authentication_ratelimited_total", "Authentication attempts refused for rate limits.", {{"kind", "login"}}).inc();
  return true;
}

std::optional<CertificateLogin> Authenticator::certificate(const std::string& fingerprint) const {
  auto key = services_.authDb.key(fingerprint);
  if (!key) return std::nullopt;
  auto config = services_.config.current();
  auto target = config->loginLookup(key->loginAddress);
  if (!target || (*target)->name != key->account || (*target)->loginDisabled) return std::nullopt;
  return CertificateLogin{key->account, key->loginAddress, !key->noImapPreauth};
}

std::unique_ptr<sasl::ServerMechanism> Authenticator::mechanism(std::string_view name, const Peer& peer, const std::string& hostname) {
  std::string certificateLogin;
  if (peer.tls != nullptr && !peer.tls->peerKeyFingerprint.empty())
    if (auto known = certificate(peer.tls->peerKeyFingerprint)) certificateLogin = known->loginAddress;
  return sasl::makeServer(name, {hostname, bindings(peer.tls), true, certificateLogin, services_.random, services_.clock, *secrets_});
}

Outcome Authenticator::checkPassword(const std::string& login, std::string_view password) {
  auto name = sasl::prepareName(login);
  // What cannot be a name or password is checked all the same, so that it takes as long.
  auto config = services_.config.current();
  auto target = config->loginLookup(name.value_or(""));
  std::shared_ptr<store::Account> account;
  if (target && services_.accounts.exists((*target)->name)) {
    auto opened = services_.accounts.open((*target)->name);
    if (opened) account = *opened;
  }
  if (!services_.passwords.check(account.get(), secrets_->canonicalLogin(name.value_or(login)), password)) return {Verdict::badCredentials, "", "", "bad user name or password"};
  return admit(*name, "");
}

Outcome Authenticator::admit(const std::string& login, const std::string& authzid) const {
  auto config = services_.config.current();
  auto target = config->loginLookup(login);
  if (!target) return {Verdict::badCredentials, "", "", "bad user name or password"};
  std::string address = login;
  if (!authzid.empty() && authzid != login) {
    // RFC 4422 §3.4.1: only to another address of the same account.
    auto other = config->loginLookup(authzid);
    if (!other || (*other)->name != (*target)->name) return {Verdict::denied, "", "", "not authorized to act as that user"};
    address = authzid;
  }
  if ((*target)->loginDisabled) return {Verdict::disabled, "", "", *(*target)->loginDisabled};
  return {Verdict::ok, (*target)->name, address, ""};
}

Outcome Authenticator::conclude(Outcome outcome, const Peer& peer, std::string_view mechanism, std::string_view login) {
  auto told = withinLimit(ofCertificate(std::move(outcome), peer), peer);
  record(told, peer, mechanism, login);
  return told;
}

/// Whose certificate it is and who logs in are one (smtp.md §2): whoever took a password does not thereby take what
/// another's certificate is trusted for.
Outcome Authenticator::ofCertificate(Outcome outcome, const Peer& peer) const {
  if (outcome.verdict != Verdict::ok || peer.tls == nullptr || peer.tls->peerKeyFingerprint.empty()) return outcome;
  auto known = certificate(peer.tls->peerKeyFingerprint);
  if (!known || known->account == outcome.account) return outcome;
  return {Verdict::denied, "", "", "the client certificate is of another account"};
}

/// However many attempts began while there was room, only so many are told whether they were right, or the limit would hold
/// for those who guess one at a time. (Room is not taken when an attempt begins: all the clients behind one address
/// log in at once when the server starts, and none of them has failed.)
Outcome Authenticator::withinLimit(Outcome outcome, const Peer& peer) {
  auto now = services_.clock.now();
  bool right = outcome.verdict == Verdict::ok || outcome.verdict == Verdict::disabled;
  if (!right && !countsAsFailure(outcome.verdict)) return outcome;
  bool fits = right ? failures_.hasRoom(peer.remote, now) : failures_.add(peer.remote, now);
  if (!fits) {
    services_.log.info("failed logins reached the limit", {{"cid", peer.cid.value}, {"remote", peer.remote.text()}});
    return {Verdict::rateLimited, "", "", "too many failed logins, try again later"};
  }
  if (outcome.verdict == Verdict::ok) failures_.forgive(peer.remote, now);
  return outcome;
}

void Authenticator::record(const Outcome& outcome, const Peer& peer, std::string_view mechanism, std::string_view login) {
  // One of ours, or a word of ours for what is none: a name of the client's own could have anything in it.
  std::string variant = outcome.verdict == Verdict::unknownMechanism ? "unknown" : printable(mechanism, 40);
  bool isKnown = false;
  store::LoginAttempt attempt;
  attempt.account = "-";
  auto config = services_.config.current();
  if (auto target = config->loginLookup(login)) {
    attempt.account = (*target)->name;
    isKnown = true;
  }
  if (!outcome.account.empty()) attempt.account = outcome.account;
  attempt.loginAddress = printable(login);
  attempt.remoteIp = peer.remote.text();
  attempt.localIp = peer.local.text();
  attempt.tls = tlsText(peer.tls);
  if (peer.tls != nullptr) attempt.tlsKeyFingerprint = peer.tls->peerKeyFingerprint;
  attempt.protocol = peer.protocol;
  attempt.userAgent = printable(peer.userAgent);
  attempt.mechanism = variant;
  attempt.result = recorded(outcome.verdict, isKnown);
  services_.authDb.add(std::move(attempt));

  services_.metrics
      .counter("mox_authentication_total", "Authentication attempts and results.",
               {{"kind", std::string(peer.protocol)}, {"variant", variant}, {"result", std::string(metricResult(outcome.verdict))}})
      .inc();
  if (outcome.verdict == Verdict::ok) return;
  // No text of the client's after "remote": who bans addresses by these lines takes the last one that looks like it.
  services_.log.info("failed authentication attempt", {{"cid", peer.cid.value},
                                                       {"username", printable(login)},
                                                       {"remote", peer.remote.text()},
                                                       {"protocol", peer.protocol},
                                                       {"mechanism", variant},
                                                       {"result", metricResult(outcome.verdict)}});
}

}  // namespace mox::login
