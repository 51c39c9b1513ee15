#include "app/Certificates.h"

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

}  // namespace

Result<CertificateFiles> readCertificates(const config::Config& config, const config::FileReader& files) {
  CertificateFiles out;
  for (const auto& listener : config.listeners()) {
    if (!listener.hasTls()) continue;
    auto& list = out[listener.name];
    for (const auto& pair : listener.keyPairs) {
      auto chain = files(pair.certFile);
      if (!chain) return fail(pair.certFile, chain.error());
      auto key = files(pair.keyFile);
      if (!key) return fail(pair.keyFile, key.error());
      list.push_back({*chain, *key});
    }
    if (!list.empty()) continue;
    auto key = hostKey(config, listener, files);
    if (!key) return tl::unexpected(key.error());
    if (!key->empty()) list.push_back({"", *key});
  }
  return out;
}

Result<std::unique_ptr<Certificates>> Certificates::make(const config::Config& config, CertificateFiles files, const SelfSigned& selfSigned) {
  auto out = std::make_unique<Certificates>();
  for (const auto& listener : config.listeners()) {
    if (!listener.hasTls()) continue;
    net::TlsServerOptions options;
    options.certificates = std::move(files[listener.name]);
    if (lacksChain(options.certificates)) {
      options.certificates = {selfSigned(listener.hostname.ascii(), options.certificates.empty() ? "" : options.certificates.front().key)};
      out->selfSignedListeners_.push_back(listener.name);
    }
    options.minVersion = tlsVersion(listener.minTlsVersion);
    Contexts contexts;
    contexts.current = options.certificates;
    options.sessionContext = "mox-clients-" + listener.name;
    options.requestClientCertificate = !listener.settings.tls->clientAuthDisabled;
    auto clients = net::TlsContext::server(options);
    if (!clients) return fail("TLS of listener " + listener.name, clients.error());
    options.sessionContext = "mox-delivery-" + listener.name;
    options.requestClientCertificate = false;
    options.tickets = listener.tlsSessionTickets;
    auto delivery = net::TlsContext::server(options);
    if (!delivery) return fail("TLS of listener " + listener.name, delivery.error());
    contexts.clients = std::move(*clients);
    contexts.delivery = std::move(*delivery);
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

Certificates::Reloaded Certificates::reload(const CertificateFiles& files) {
  Reloaded out;
  for (auto& [name, contexts] : contexts_) {
    auto found = files.find(name);
    if (found == files.end() || lacksChain(found->second) || same(found->second, contexts.current)) continue;
    auto replaced = contexts.clients->replaceCertificates(found->second);
    if (replaced) replaced = contexts.delivery->replaceCertificates(found->second);
    if (!replaced) {
      out.errors.push_back("TLS of listener " + name + ": " + replaced.error().text);
      continue;
    }
    contexts.current = found->second;
    out.changed.push_back(name);
  }
  return out;
}

}  // namespace mox::app
