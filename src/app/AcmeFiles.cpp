#include "app/AcmeFiles.h"

#include <algorithm>
#include <stdexcept>

#include "app/DataDir.h"
#include "config/Files.h"

namespace mox::app {

namespace {

constexpr std::string_view certificateStart = "-----BEGIN CERTIFICATE-----";
/// Octets; chains of three have 4 to 8 thousand.
constexpr std::size_t roomForChain = 16 * 1024;

std::vector<std::string> clientNames(const config::Config& config) {
  std::vector<std::string> out;
  for (const auto* domain : config.domains()) {
    auto name = Domain::make(domain->settings.clientSettingsDomain);
    if (name && !domain->disabled && !domain->reportsOnly) out.push_back(name->ascii());
  }
  return out;
}

}  // namespace

AcmeFiles::AcmeFiles(store::Files& files, const std::string& dataDir, Log log) : files_(files), directory_(dataDir + "/acme"), log_(std::move(log)) {}

std::string AcmeFiles::path(const std::string& provider, const std::string& host) const { return directory_ + "/" + provider + "/" + host + ".pem"; }

acme::AccountKey AcmeFiles::accountKey(const std::string& provider) {
  auto path = directory_ + "/" + provider + ".key";
  if (files_.size(path) < 0) {
    auto made = acme::AccountKey::generate();
    files_.makeDirectory(directory_);
    replaceFile(files_, path, made.pem());
    return made;
  }
  auto pem = config::diskFiles()(path);
  if (!pem) throw std::runtime_error(path + ": " + pem.error().text);
  auto key = acme::AccountKey::fromPem(*pem);
  if (!key) throw std::runtime_error(path + ": " + key.error().text);
  return *key;
}

std::optional<KeptCertificate> AcmeFiles::certificate(const std::string& provider, const std::string& host) const {
  auto file = path(provider, host);
  auto content = config::diskFiles()(file);
  if (!content && content.error().code == Errc::notFound) return std::nullopt;
  auto chain = content ? content->find(certificateStart) : std::string::npos;
  KeptCertificate out;
  if (chain != std::string::npos) out.pem = {content->substr(chain), content->substr(0, chain)};
  auto validity = content ? acme::inspectIssued(out.pem, host) : tl::unexpected(content.error());
  if (!validity) {
    log_.error("certificate cannot be used", {{"file", file}, {"err", validity.error().text}});
    return std::nullopt;
  }
  out.validity = *validity;
  return out;
}

void AcmeFiles::prepare(const std::string& provider, const std::string& host, const std::string& key) {
  auto file = path(provider, host);
  files_.makeDirectory(config::directoryOf(file));
  auto unfinished = unfinishedPath(file);
  files_.remove(unfinished);
  writeNewFile(files_, unfinished, key + std::string(roomForChain, '\n'));
}

void AcmeFiles::keep(const std::string& provider, const std::string& host, const net::CertificatePem& certificate) {
  auto file = path(provider, host);
  files_.makeDirectory(config::directoryOf(file));
  replaceFile(files_, file, certificate.key + certificate.chain);
}

std::vector<AcmeName> acmeNames(const config::Config& config) {
  std::vector<AcmeName> out;
  auto add = [&](const config::ListenerInfo& listener, const std::string& host) -> AcmeName& {
    const auto& provider = listener.settings.tls->acme;
    auto same = std::find_if(out.begin(), out.end(), [&](const auto& name) { return name.provider == provider && name.host == host; });
    if (same == out.end()) same = out.insert(out.end(), AcmeName{provider, host, {}, ""});
    same->listeners.push_back(listener.name);
    return *same;
  };
  std::vector<const config::ListenerInfo*> listeners;
  for (const auto& listener : config.listeners())
    if (listener.hasTls() && !listener.settings.tls->acme.empty()) listeners.push_back(&listener);
  for (const auto* listener : listeners) {
    auto& name = add(*listener, listener->hostname.ascii());
    if (!listener->settings.tls->hostPrivateKeyFiles.empty()) name.keyOfListener = listener->name;
  }
  for (const auto* listener : listeners)
    for (const auto& host : clientNames(config))
      if (host != listener->hostname.ascii()) add(*listener, host);
  return out;
}

}  // namespace mox::app
