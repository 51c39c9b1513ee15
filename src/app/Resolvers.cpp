#include "app/Resolvers.h"

#include <set>

#include "dkim/Key.h"
#include "dns/CachingResolver.h"
#include "dns/FakeResolver.h"
#include "dns/LdnsResolver.h"

namespace mox::app {

namespace {

/// Both at once: the cache refers to what it asks.
class SystemResolver final : public ServerResolver {
 public:
  explicit SystemResolver(Foundations& f) : ldns_(f.clock, f.random, dns::LdnsResolver::Options()), cache_(ldns_, f.clock, &f.metrics) {}
  dns::Lookup<dns::Record> query(dns::Type type, std::string_view name, const dns::Ask& ask) override { return cache_.query(type, name, ask); }
  std::optional<dns::Lookup<dns::Record>> recall(dns::Type type, std::string_view name, const dns::Ask& ask) override {
    return cache_.recall(type, name, ask);
  }
  void stop() override { ldns_.stop(); }

 private:
  dns::LdnsResolver ldns_;
  dns::CachingResolver cache_;
};

/// A zone in memory makes nobody wait.
class LocalResolver final : public ServerResolver {
 public:
  dns::Lookup<dns::Record> query(dns::Type type, std::string_view name, const dns::Ask& ask) override { return zone.query(type, name, ask); }
  std::optional<dns::Lookup<dns::Record>> recall(dns::Type type, std::string_view name, const dns::Ask& ask) override {
    return zone.recall(type, name, ask);
  }
  void stop() override {}

  dns::FakeResolver zone;
};

void addAddress(dns::FakeResolver& zone, const std::string& name, const IpAddress& ip) {
  if (ip.isV4()) zone.a(name, ip.text());
  else zone.aaaa(name, ip.text());
}

}  // namespace

std::unique_ptr<ServerResolver> systemResolver(Foundations& foundations) { return std::make_unique<SystemResolver>(foundations); }

std::unique_ptr<ServerResolver> localResolver(const config::Config& config) {
  auto out = std::make_unique<LocalResolver>();
  auto* zone = &out->zone;
  std::set<IpAddress> ips{*IpAddress::parse("127.0.0.1"), *IpAddress::parse("::1")};  // clients come from there
  for (const auto& listener : config.listeners()) ips.insert(listener.ips.begin(), listener.ips.end());
  auto host = config.hostname().ascii();
  std::string spf = "v=spf1";
  for (const auto& ip : ips) {
    if (ip.isUnspecified()) continue;  // stands for all others, that we do not know
    addAddress(*zone, host, ip);
    zone->ptr(ip.text(), host);
    spf += (ip.isV4() ? " ip4:" : " ip6:") + ip.text();
  }
  for (const auto* domain : config.domains()) {
    auto name = domain->name.ascii();
    zone->mx(name, 10, host);
    zone->txt(name, spf + " ip4:127.0.0.0/8 ip6:::1 -all");
    for (const auto& key : domain->signingKeys) {
      auto parsed = dkim::PrivateKey::fromPem(key.pem);
      if (parsed) zone->txt(key.selector + "._domainkey." + name, parsed->record());
    }
  }
  zone->allAuthentic(true);
  return out;
}

}  // namespace mox::app
