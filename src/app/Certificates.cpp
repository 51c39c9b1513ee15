#include "app/Certificates.h"

#include <algorithm>
#include <utility>

#include "config/Keys.h"

namespace mox::app {

namespace {

net::TlsVersion tlsVersion(int wire) {
  switch (wire) {
    case 0x0301: return net::TlsVersion::tls10;
    case 0x0302: return net::TlsVersion::tls11;
    case 0x0304: return net::TlsVersion::tls13;
    default: return net::TlsVersion::tls12;
  }
}

bool same(const std::vector<net::CertificatePem>& a, const std::vector<net::CertificatePem>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].chain != b[i].chain || a[i].key != b[i].key) return false;
  return true;
}

bool lacksChain(const std::vector<net::CertificatePem>& list) { return list.empty() || list.front().chain.empty(); }

void replaceFirst(std::vector<net::CertificatePem>& list, net::CertificatePem by) {
  if (list.empty()) list.emplace_back();
  list.front() = std::move(by);
}

bool hasAcme(const config::ListenerInfo& listener) { return listener.hasTls() && !listener.settings.tls->acme.empty(); }

/// The ECDSA one of the host keys, since it is cheaper, else the first; "" if there are none.
Result<std::string> hostKey(const config::Config& config, const config::ListenerInfo& listener, const config::FileReader& files) {
  std::string best;
  for (const auto& name : listener.settings.tls->hostPrivateKeyFiles) {
    auto pem = files(config::resolvePath(config.configDir(), name));
    if (!pem) return fail(name, pem.error());
    auto kind = config::inspectHostKey(*pem);
    if (best.empty() || (kind && kind->type == config::KeyType::ecdsa)) best = *pem;
  }
  return best;
}

/// Counts the clients of listeners with certificates of ACME that ask for none of their names: who sets a name up in DNS and
/// not here finds it by this. They get the listener's own certificate.
std::function<void(const std::optional<std::string>&)> countUnnamed(Metrics& metrics) {
  auto& missing = metrics.counter("mox_autotls_missing_servername_total", "TLS handshakes without a server name, at listeners with ACME.");
  auto& unknown = metrics.counter("mox_autotls_unknown_servername_total", "TLS handshakes for a server name that has no certificate here, at listeners with ACME.");
  return [&](const std::optional<std::string>& name) { (name ? unknown : missing).inc(); };
}

Result<std::vector<net::CertificatePem>> readListener(const config::Config& config, const config::ListenerInfo& listener, const config::FileReader& files) {
  std::vector<net::CertificatePem> out;
  for (const auto& pair : listener.keyPairs) {
    auto chain = files(pair.certFile);
    if (!chain) return fail(pair.certFile, chain.error());
    auto key = files(pair.keyFile);
    if (!key) return fail(pair.keyFile, key.error());
    out.push_back({*chain, *key});
  }
  if (!out.empty()) return out;
  auto key = hostKey(config, listener, files);
  if (!key) return tl::unexpected(key.error());
  if (!key->empty()) out.push_back({"", *key});
  return out;
}

}  // namespace

ReadableCertificates readableCertificates(const config::Config& config, const config::FileReader& files) {
  ReadableCertificates out;
  for (const auto& listener : config.listeners()) {
    if (!listener.hasTls()) continue;
    if (auto list = readListener(config, listener, files)) out.files.emplace(listener.name, std::move(*list));
    else out.errors.push_back(list.error());
  }
  return out;
}

Result<CertificateFiles> readCertificates(const config::Config& config, const config::FileReader& files) {
  auto out = readableCertificates(config, files);
  if (!out.errors.empty()) return tl::unexpected(out.errors.front());
  return std::move(out.files);
}

std::vector<ExpiredFiles::Expired> ExpiredFiles::untold(const config::Config& config, const CertificateFiles& files, Time now) {
  std::vector<Expired> out;
  for (const auto& listener : config.listeners()) {
    auto found = files.find(listener.name);
    if (found == files.end()) continue;
    for (std::size_t i = 0; i < std::min(listener.keyPairs.size(), found->second.size()); ++i) {
      const auto& file = listener.keyPairs[i].certFile;
      const auto& chain = found->second[i].chain;
      auto validity = acme::validityOf(chain);
      if (!validity || validity->notAfter > now) {
        told_.erase(file);
        continue;
      }
      if (std::exchange(told_[file], chain) != chain) out.push_back({file, validity->notAfter});
    }
  }
  return out;
}

std::map<std::string, std::string> hostKeysOf(const CertificateFiles& files) {
  std::map<std::string, std::string> out;
  for (const auto& [listener, list] : files)
    if (lacksChain(list) && !list.empty()) out.emplace(listener, list.front().key);
  return out;
}

void addAcmeCertificates(const config::Config& config, const AcmeFiles& kept, CertificateFiles& files) {
  for (const auto& listener : config.listeners())
    if (hasAcme(listener) && files[listener.name].empty()) files[listener.name].emplace_back();  // its place comes first, before those of other names
  for (const auto& name : acmeNames(config)) {
    auto certificate = kept.certificate(name.provider, name.host);
    if (!certificate) continue;
    for (const auto& listener : config.listeners()) {
      if (std::find(name.listeners.begin(), name.listeners.end(), listener.name) == name.listeners.end()) continue;
      auto& list = files[listener.name];
      if (listener.hostname.ascii() == name.host) replaceFirst(list, certificate->pem);
      else list.push_back(certificate->pem);
    }
  }
}

Result<std::unique_ptr<Certificates>> Certificates::make(const config::Config& config, CertificateFiles files, const Services& services) {
  auto unnamed = countUnnamed(services.metrics);
  auto newTickets = [&] { return std::make_shared<net::TicketKeys>(services.clock, services.random); };
  auto out = std::make_unique<Certificates>();
  for (const auto& listener : config.listeners()) {
    if (!listener.hasTls()) continue;
    net::TlsServerOptions options;
    Contexts contexts;
    options.certificates = std::move(files[listener.name]);
    if (lacksChain(options.certificates)) {
      contexts.selfSigned = services.selfSigned(listener.hostname.ascii(), options.certificates.empty() ? "" : options.certificates.front().key);
      replaceFirst(options.certificates, contexts.selfSigned);
      out->selfSignedListeners_.push_back(listener.name);
    }
    if (hasAcme(listener)) options.unnamed = unnamed;
    options.minVersion = tlsVersion(listener.minTlsVersion);
    contexts.current = options.certificates;
    options.sessionContext = "mox-clients-" + listener.name;
    options.tickets = newTickets();
    options.requestClientCertificate = !listener.settings.tls->clientAuthDisabled;
    auto clients = net::TlsContext::server(options);
    if (!clients) return fail("TLS of listener " + listener.name, clients.error());
    options.sessionContext = "mox-delivery-" + listener.name;
    options.requestClientCertificate = false;
    options.tickets = listener.tlsSessionTickets ? newTickets() : nullptr;
    auto delivery = net::TlsContext::server(options);
    if (!delivery) return fail("TLS of listener " + listener.name, delivery.error());
    contexts.clients = std::move(*clients);
    contexts.delivery = std::move(*delivery);
    options.sessionContext = "mox-alpn-" + listener.name;
    options.tickets = newTickets();
    options.challengeProtocol = acme::proofProtocol;
    options.challenge = [&proofs = services.proofs](const std::string& host) { return proofs.certificate(host); };
    options.alpn = {options.challengeProtocol};
    if (listener.settings.imaps.enabledOnHttps) options.alpn.push_back("imap");
    if (listener.settings.submissions.enabledOnHttps) options.alpn.push_back("smtp");
    auto byAlpn = net::TlsContext::server(options);
    if (!byAlpn) return fail("TLS of listener " + listener.name, byAlpn.error());
    contexts.byAlpn = std::move(*byAlpn);
    out->contexts_.emplace(listener.name, std::move(contexts));
  }
  return out;
}

std::shared_ptr<net::TlsContext> Certificates::delivery(const std::string& listener) const {
  auto found = contexts_.find(listener);
  return found == contexts_.end() ? nullptr : found->second.delivery;
}

std::shared_ptr<net::TlsContext> Certificates::clients(const std::string& listener) const {
  auto found = contexts_.find(listener);
  return found == contexts_.end() ? nullptr : found->second.clients;
}

std::shared_ptr<net::TlsContext> Certificates::byAlpn(const std::string& listener) const {
  auto found = contexts_.find(listener);
  return found == contexts_.end() ? nullptr : found->second.byAlpn;
}

Certificates::Reloaded Certificates::reload(const CertificateFiles& files) {
  Reloaded out;
  for (auto& [name, contexts] : contexts_) {
    auto found = files.find(name);
    if (found == files.end()) continue;
    auto next = found->second;
    if (lacksChain(next)) replaceFirst(next, contexts.selfSigned);
    if (lacksChain(next) || same(next, contexts.current)) continue;
    auto replaced = contexts.clients->replaceCertificates(next);
    if (replaced) replaced = contexts.delivery->replaceCertificates(next);
    if (replaced) replaced = contexts.byAlpn->replaceCertificates(next);
    if (!replaced) {
      out.errors.push_back("TLS of listener " + name + ": " + replaced.error().text);
      continue;
    }
    contexts.current = std::move(next);
    out.changed.push_back(name);
  }
  return out;
}

}  // namespace mox::app
