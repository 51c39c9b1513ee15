#include "app/AcmeRounds.h"

#include <algorithm>
#include <utility>

#include "base/Date.h"
#include "base/Text.h"

namespace mox::app {

namespace {

using acme::Refusal;

template <class T>
Refusal unreachable(const T& error) {
  return {Refusal::Kind::unreachable, error.text, std::nullopt};
}

/// What is needed to act for an account that one has with the provider.
Result<std::optional<acme::ExternalAccount>> externalAccount(const config::Config& config, const config::AcmeProvider& provider,
                                                             const config::FileReader& files) {
  if (!provider.externalAccountBinding) return std::nullopt;
  const auto& binding = *provider.externalAccountBinding;
  auto text = files(config::resolvePath(config.configDir(), binding.keyFile));
  if (!text) return fail(binding.keyFile, text.error());
  auto encoded = trim(*text);
  while (encoded.ends_with('=')) encoded.remove_suffix(1);
  auto key = fromBase64Url(encoded);
  if (!key) return fail(Errc::syntax, binding.keyFile + " is not base64url");
  return acme::ExternalAccount{binding.keyId, *key};
}

Duration doubled(Duration time, int times) { return time * (1 << std::min(times, 16)); }

}  // namespace

Time renewalTime(const acme::Validity& validity, Duration renewBefore) {
  auto third = (validity.notAfter - validity.notBefore) / 3;
  return validity.notAfter - std::min(std::chrono::duration_cast<Time::duration>(renewBefore), third);
}

AcmeRounds::AcmeRounds(AcmeServices services)
    : services_(std::move(services)),
      errors_(services_.metrics.counter("mox_autotls_cert_request_errors_total", "Certificates that a provider did not give.")),
      kept_(services_.metrics.counter("mox_autotls_certput_total", "Certificates that providers gave.")) {}

Duration AcmeRounds::round() {
  auto config = services_.config.current();
  bool retry = retryNow_.exchange(false);
  sessions_.clear();
  Duration rest = longestRest;
  auto names = acmeNames(*config);
  std::erase_if(states_, [&](const auto& entry) {
    return std::none_of(names.begin(), names.end(), [&](const auto& name) { return entry.first == std::pair(name.provider, name.host); });
  });
  for (const auto& name : names) {
    auto& state = states_[{name.provider, name.host}];
    if (retry) state.retryAt.reset();
    const auto& provider = config->fixed().acme.at(name.provider);
    if (untilDue(name, state, provider) <= Duration(0) && !attempt(*config, name, state)) return Duration(0);
    rest = std::min(rest, untilDue(name, state, provider));
  }
  return rest;
}

Duration AcmeRounds::untilDue(const AcmeName& name, State& state, const config::AcmeProvider& provider) {
  if (!std::exchange(state.looked, true)) {
    if (auto kept = services_.files.certificate(name.provider, name.host)) state.validity = kept->validity;
  }
  Duration due{0};
  if (state.validity) {
    due = std::max<Duration>(due, renewalOf(*state.validity, provider) - services_.clock.now());
  }
  if (state.retryAt) due = std::max(due, *state.retryAt - services_.clock.steady());
  return due;
}

Time AcmeRounds::renewalOf(const acme::Validity& validity, const config::AcmeProvider& provider) const {
  return renewalTime(validity, provider.renewBefore.count() > 0 ? provider.renewBefore : renewBeforeDefault);
}

Result<bool> AcmeRounds::hasAddress(const std::string& host) {
  dns::Ask ask(services_.clock.steady() + lookupLimit, "acme");
  ask.fresh = true;
  auto found = services_.resolver.addresses(host + ".", ask);
  if (found) return true;
  if (found.error().notFound()) return false;
  return fail(Errc::temporary, "looking for its address: " + found.error().text);
}

bool AcmeRounds::mayOrder(const AcmeName& name) {
  auto now = services_.clock.steady();
  while (!orders_.empty() && now - orders_.front() >= std::chrono::hours(1)) orders_.pop_front();
  if (orders_.size() >= static_cast<std::size_t>(acmeOrders.value)) {
    services_.limits.hit(acmeOrders, name.provider);
    return false;
  }
  orders_.push_back(now);
  return true;
}

bool AcmeRounds::attempt(const config::Config& config, const AcmeName& name, State& state) {
  // Whatever happens, also an exception: not again at once.
  state.retryAt = services_.clock.steady() + noAddressRetry;
  auto addressed = hasAddress(name.host);
  if (!addressed) return failed(name, state, unreachable(addressed.error()));
  if (!*addressed) {
    if (!std::exchange(state.addressless, true))
      services_.log.warn("no certificate is ordered for a host without an address in DNS", {{"provider", name.provider}, {"host", name.host}});
    return true;
  }
  state.addressless = false;
  try {
    return orderAndKeep(config, name, state);
  } catch (const store::FileError& error) {
    // Nobody has judged anything, and the disk may be well again soon.
    return failed(name, state, Refusal{Refusal::Kind::unreachable, std::string("it cannot be kept: ") + error.what(), std::nullopt});
  }
}

bool AcmeRounds::orderAndKeep(const config::Config& config, const AcmeName& name, State& state) {
  if (state.unwritten && !judge(name, *state.unwritten)) state.unwritten.reset();  // it may have waited for months
  if (!state.unwritten) {
    auto key = keyFor(name);
    services_.files.prepare(name.provider, name.host, key);
    if (!mayOrder(name)) return true;
    auto certificate = order(config, name, state, key);
    if (!certificate) return failed(name, state, certificate.error());
    state.unwritten = std::move(*certificate);
  }
  keep(name, state, config.fixed().acme.at(name.provider));
  return true;
}

acme::Proof AcmeRounds::proof(const config::Config& config, const AcmeName& name, const State& state) const {
  bool plainHttp = std::any_of(config.listeners().begin(), config.listeners().end(), [&](const auto& listener) {
    return listener.acmeHttp != 0 && listener.settings.tls->acme == name.provider;
  });
  return plainHttp && state.judged % 2 == 1 ? acme::Proof::http01 : acme::Proof::tlsAlpn01;
}

acme::Outcome<acme::Client*> AcmeRounds::client(const config::Config& config, const std::string& name) {
  auto found = sessions_.find(name);
  if (found == sessions_.end()) {
    const auto& provider = config.fixed().acme.at(name);
    auto external = externalAccount(config, provider, services_.secrets);
    if (!external) return tl::unexpected<Refusal>(unreachable(external.error()));
    found = sessions_.emplace(name, Session{services_.files.accountKey(name), nullptr}).first;
    acme::ProviderSettings settings{provider.directoryUrl, provider.contactEmail, std::move(*external)};
    found->second.client = std::make_unique<acme::Client>(services_.http, found->second.key, std::move(settings), services_.proofs, services_.clock, services_.wait);
  }
  return found->second.client.get();
}

std::string AcmeRounds::keyFor(const AcmeName& name) const {
  auto hostKey = services_.hostKeys.find(name.keyOfListener);
  return hostKey != services_.hostKeys.end() ? hostKey->second : net::generateEcdsaP256();
}

acme::Outcome<net::CertificatePem> AcmeRounds::order(const config::Config& config, const AcmeName& name, const State& state, const std::string& key) {
  auto ready = client(config, name.provider);
  if (!ready) return tl::unexpected<Refusal>(ready.error());
  net::CertificatePem out;
  out.key = key;
  auto kind = proof(config, name, state);
  services_.log.info("ordering a certificate", {{"provider", name.provider}, {"host", name.host}, {"proof", acme::proofName(kind)}});
  auto chain = (*ready)->obtain(name.host, out.key, kind);
  if (!chain) return tl::unexpected<Refusal>(chain.error());
  out.chain = std::move(*chain);
  auto good = judge(name, out);
  if (!good) return tl::unexpected<Refusal>(Refusal{Refusal::Kind::refused, "what the provider gave: " + good.error().text, std::nullopt});
  return out;
}

/// One that is good only from some time on is taken: it may be our clock that is wrong, and another would be no better.
Result<void> AcmeRounds::judge(const AcmeName& name, const net::CertificatePem& pem) const {
  auto validity = acme::inspectIssued(pem, name.host);
  if (!validity) return tl::unexpected(validity.error());
  auto now = services_.clock.now();
  if (validity->notAfter <= now) return fail(Errc::denied, "the certificate has expired at " + rfc3339Seconds(validity->notAfter) + ", if the clock here is right");
  if (validity->notBefore > now)
    services_.log.warn("the certificate is not good yet, or the clock here is wrong",
                       {{"provider", name.provider}, {"host", name.host}, {"not_before", rfc3339Seconds(validity->notBefore)}});
  return {};
}

void AcmeRounds::keep(const AcmeName& name, State& state, const config::AcmeProvider& provider) {
  services_.files.keep(name.provider, name.host, *state.unwritten);
  auto validity = acme::inspectIssued(*state.unwritten, name.host).value();
  auto judged = std::exchange(state, State()).judged;
  state.looked = true;
  state.validity = validity;
  if (renewalOf(validity, provider) <= services_.clock.now()) {
    // Better than none. But the next may be no better, so it is as if this one had been refused.
    state.judged = judged;
    state.retryAt = services_.clock.steady() + pauseAfterJudgement(state);
  }
  kept_.inc();
  services_.log.info("certificate obtained", {{"provider", name.provider}, {"host", name.host}, {"not_after", rfc3339Seconds(state.validity->notAfter)}});
  services_.install();
}

/// The first is short, for another proof if there is one.
Duration AcmeRounds::pauseAfterJudgement(State& state) {
  return state.judged++ == 0 ? firstRetry : std::min(doubled(judgedRetry, state.judged - 2), longestRetry);
}

bool AcmeRounds::failed(const AcmeName& name, State& state, const Refusal& refusal) {
  // Lookups and connections are cut short when the server stops: that is no failure of anybody.
  if (refusal.kind == Refusal::Kind::stopped || !services_.wait(Duration(0))) return false;
  errors_.inc();
  Duration wait = firstRetry;
  if (refusal.kind == Refusal::Kind::unreachable) {
    wait = std::min(doubled(firstRetry, state.unreachable++), longestUnreachable);
  } else {
    state.unreachable = 0;
    wait = pauseAfterJudgement(state);
  }
  if (refusal.retryAfter) wait = std::max(wait, *refusal.retryAfter);
  state.retryAt = services_.clock.steady() + wait;
  auto next = services_.clock.now() + std::chrono::duration_cast<Time::duration>(wait);
  services_.log.error("certificate not obtained",
                      {{"provider", name.provider}, {"host", name.host}, {"err", refusal.text}, {"next", rfc3339Seconds(next)}});
  return true;
}

}  // namespace mox::app
