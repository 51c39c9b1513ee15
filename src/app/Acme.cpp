#include "app/Acme.h"

#include <stdexcept>

namespace mox::app {

namespace {

std::unique_ptr<net::PocoHttpClient> httpClient(const config::Authorities& authorities, dns::Resolver& resolver, const Clock& clock) {
  net::TlsClientOptions options;
  options.systemRoots = authorities.system;
  options.extraRootsPem = authorities.pem;
  options.policy.verify = net::TlsPolicy::Verify::pkix;
  auto context = net::TlsContext::client(options);
  if (!context) throw std::runtime_error("TLS for ACME: " + context.error().text);
  auto lookup = [&resolver](const std::string& host, Steady deadline) -> Result<std::vector<IpAddress>> {
    auto found = resolver.addresses(host + ".", {deadline, "acme"});
    if (!found) return fail(found.error().notFound() ? Errc::notFound : Errc::temporary, found.error().text);
    return std::move(found->records);
  };
  return std::make_unique<net::PocoHttpClient>(*context, lookup, clock);
}

}  // namespace

Acme::Acme(AcmeParts parts) : log_(parts.foundations.log.room("acme")) {
  auto config = parts.config.current();
  if (acmeNames(*config).empty()) return;
  auto& f = parts.foundations;
  http_ = httpClient(config->authorities(), parts.resolver, f.clock);
  measured_ = std::make_unique<net::MeasuredHttpClient>(*http_, "acme", f.metrics, f.clock);
  rounds_ = std::make_unique<AcmeRounds>(AcmeServices{parts.config, parts.secrets, parts.resolver, *measured_, parts.files, parts.proofs, f.clock, f.random,
                                                      f.metrics, f.limits, log_, std::move(parts.hostKeys), std::move(parts.install),
                                                      [this](Duration time) { return wait(time, false); }});
  thread_ = std::make_unique<net::Thread>("acme", net::smallStack, [this] { run(); });
}

Acme::~Acme() {
  if (!thread_) return;
  stop();
  thread_->join();
}

void Acme::stop() {
  if (!thread_) return;
  {
    std::lock_guard hold(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  http_->abort();
}

void Acme::wake() {
  if (!thread_) return;
  rounds_->retryNow();
  {
    std::lock_guard hold(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

bool Acme::wait(Duration time, bool interruptible) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [&] { return stopping_ || (interruptible && woken_); });
  if (interruptible) woken_ = false;
  return !stopping_;
}

void Acme::run() {
  for (Duration rest{0}; wait(rest, true);) {
    try {
      rest = rounds_->round();
    } catch (const std::exception& error) {
      log_.error("certificates cannot be looked after", {{"err", error.what()}});
      rest = restAfterFault;
    }
  }
}

}  // namespace mox::app
