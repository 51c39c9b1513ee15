#include "app/DnsRecords.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include <algorithm>
#include <memory>
#include <set>

#include "base/Text.h"
#include "dkim/Key.h"

namespace mox::app {

namespace {

constexpr std::string_view daneCondition = "the zone is signed with DNSSEC: without that it has no effect";
constexpr std::string_view renewalCondition = "the key stays the same when the certificate is renewed: mail is held back if it changes";

// This program does not do it yet; a web server beside it may.
constexpr std::string_view policyCondition = "the policy is served at that name over HTTPS, which this program does not do yet";
constexpr std::string_view autoconfigCondition = "something answers there over HTTPS, which this program does not do yet";

/// Localparts in a mailto: URI of a report address. RFC 3986 §2.3, RFC 7489 §6.2.
std::string uriText(std::string_view text) {
  std::string out;
  for (char c : text) {
    bool plain = isAlpha(c) || isDigit(c) || std::string_view("-._~+=").find(c) != std::string_view::npos;
    if (plain) out += c;
    else out += "%" + upper(hex({&c, 1}));
  }
  return out;
}

std::string asciiName(const std::string& name) {
  auto domain = Domain::make(name);
  return domain ? domain->ascii() : name;
}

class Zone {
 public:
  Zone(const config::Config& config, const config::DomainInfo& domain, const config::FileReader& files, DnssecState dnssec)
      : config_(config), domain_(domain), files_(files), dnssec_(dnssec), name_(domain.name.ascii() + "."), host_(config.hostname().ascii() + ".") {}

  DnsRecords run() {
    if (!domain_.reportsOnly) {
      hostRecords();
      mailRecords();
    }
    policyRecords();
    if (!domain_.reportsOnly) {
      clientRecords();
      issuers();
    }
    return std::move(out_);
  }

 private:
  void purpose(std::string_view text) { purpose_ = text; }
  void add(std::string name, dns::Type type, dns::Record data, std::string_view condition = "") {
    out_.records.push_back({std::move(name), type, std::move(data), purpose_, std::string(condition)});
  }
  void text(std::string name, std::string value, std::string_view condition = "") { add(std::move(name), dns::Type::txt, std::move(value), condition); }
  /// Not where the name has records of its own: RFC 1034 §3.6.2.
  void alias(const std::string& name, std::string_view condition = "") {
    auto domain = Domain::make(name.substr(0, name.size() - 1));
    if (name != host_ && !(domain && config_.domain(*domain) != nullptr)) add(name, dns::Type::cname, host_, condition);
  }

  /// A host that is a domain of mail as well has that domain's records: two of SPF under one name would void both.
  void hostRecords() {
    const auto* listener = publicListener(config_);
    if (listener == nullptr) return;
    tlsa(*listener);
    const auto* hostDomain = config_.domain(config_.hostname());
    purpose("The host itself sends only as a client of its name: other mail from it is forged.");
    if (hostDomain == nullptr) text(host_, "v=spf1 a -all");
    if (!config_.fixed().hostTlsRpt || (hostDomain != nullptr && hostDomain->settings.tlsRpt)) return;
    purpose("Where others report trouble with TLS to this host.");
    text("_smtp._tls." + host_, "v=TLSRPTv1; rua=mailto:" + uriText(config_.fixed().hostTlsRpt->localpart) + "@" + config_.hostname().ascii());
  }

  void tlsa(const config::ListenerInfo& listener) {
    if (!listener.settings.tls) return;
    purpose("DANE: keys of this host that senders may rely on. Only of use in a zone signed with DNSSEC.");
    std::string_view zone = dnssec_ == DnssecState::insecure ? daneCondition : "";
    std::set<std::string> seen;
    for (const auto& file : listener.settings.tls->hostPrivateKeyFiles) tlsaOf(config::resolvePath(config_.configDir(), file), zone, seen);
    for (const auto& pair : listener.keyPairs) tlsaOf(pair.keyFile, renewalCondition, seen);
  }

  void tlsaOf(const std::string& file, std::string_view condition, std::set<std::string>& seen) {
    auto pem = files_(file);
    auto data = pem ? tlsaData(*pem) : tl::unexpected(pem.error());
    if (!data) out_.problems.push_back(fmt::format("cannot read {}: {}", file, data.error().text));
    else if (seen.insert(*data).second) add("_25._tcp." + host_, dns::Type::tlsa, dns::Tlsa{3, 1, 1, *data}, condition);
  }

  void mailRecords() {
    purpose("Mail for the domain comes to this host.");
    add(name_, dns::Type::mx, dns::Mx{10, host_});
    purpose("DKIM: keys that sign the domain's mail.");
    for (const auto& [selector, file] : domain_.keyFiles) {
      auto pem = files_(file.path);
      auto key = pem ? dkim::PrivateKey::fromPem(*pem) : tl::unexpected(pem.error());
      if (!key && file.isMissing) out_.problems.push_back(fmt::format("the server makes the key of selector {} when it starts: ask again then", selector));
      else if (!key) out_.problems.push_back(fmt::format("cannot read the key of selector {}: {}", selector, key.error().text));
      else text(asciiName(selector) + "._domainkey." + name_, key->record());
    }
    purpose("SPF: who may send as the domain. Soft, since DMARC with DKIM decides.");
    text(name_, spf());
  }

  std::string spf() const {
    std::string out = "v=spf1";
    auto ips = config_.smtpIps();
    if (const auto* listener = publicListener(config_); listener != nullptr) {
      for (const auto& text : listener->settings.natIps) {
        auto ip = IpAddress::parse(text);
        if (ip && std::find(ips.begin(), ips.end(), *ip) == ips.end()) ips.push_back(*ip);
      }
    }
    for (const auto& ip : ips)
      if (!ip.isPrivate() && !ip.isLoopback()) out += (ip.isV4() ? " ip4:" : " ip6:") + ip.text();
    return out + " mx ~all";
  }

  std::string reportHost(const config::ReportAddress& report) const {
    return report.domain.empty() ? domain_.name.ascii() : asciiName(report.domain);
  }
  std::string reportUri(const config::ReportAddress& report) const { return "mailto:" + uriText(report.localpart) + "@" + reportHost(report); }

  void policyRecords() {
    purpose("DMARC: mail that is neither signed nor sent by this host is to be refused.");
    const auto& dmarc = domain_.settings.dmarc;
    if (dmarc || !domain_.reportsOnly) text("_dmarc." + name_, "v=DMARC1;p=reject" + (dmarc ? ";rua=" + reportUri(*dmarc) + "!10m" : ""));
    if (dmarc && reportHost(*dmarc) != domain_.name.ascii()) {
      purpose("DMARC: another domain agrees to get the reports, RFC 7489 7.1.");
      text(domain_.name.ascii() + "._report._dmarc." + reportHost(*dmarc) + ".", "v=DMARC1");
    }
    if (const auto& sts = domain_.settings.mtaSts; sts && !domain_.reportsOnly) {
      purpose("MTA-STS: senders are to insist on TLS with a valid certificate.");
      alias("mta-sts." + name_, policyCondition);
      text("_mta-sts." + name_, "v=STSv1; id=" + sts->policyId, policyCondition);
    }
    if (const auto& tlsRpt = domain_.settings.tlsRpt) {
      purpose("Where others report trouble with TLS to the domain.");
      text("_smtp._tls." + name_, "v=TLSRPTv1; rua=" + reportUri(*tlsRpt));
    }
  }

  void clientRecords() {
    const auto& given = domain_.settings.clientSettingsDomain;
    auto clients = given.empty() ? host_ : asciiName(given) + ".";
    purpose("The name that mail programs connect to.");
    if (clients != name_) alias(clients);
    purpose("How mail programs find their server, RFC 6186. \".\" says that the service is not offered.");
    const auto& listeners = config_.listeners();
    if (std::any_of(listeners.begin(), listeners.end(), [](const auto& l) { return l.settings.autoconfigHttps.enabled; })) {
      alias("autoconfig." + name_, autoconfigCondition);
      service("_autodiscover", 443, host_, autoconfigCondition);
    }
    // With TLS from the first octet if there is that; a service by STARTTLS is named only in its absence. RFC 8314 §3.
    const auto* listener = publicListener(config_);
    auto port = [&](std::uint16_t config::ListenerInfo::* member) { return listener == nullptr ? std::uint16_t(0) : listener->*member; };
    auto imaps = port(&config::ListenerInfo::imaps), submissions = port(&config::ListenerInfo::submissions);
    service("_imaps", imaps, clients);
    service("_submissions", submissions, clients);
    service("_imap", imaps == 0 ? port(&config::ListenerInfo::imap) : std::uint16_t(0), clients);
    service("_submission", submissions == 0 ? port(&config::ListenerInfo::submission) : std::uint16_t(0), clients);
    service("_pop3", 0, clients);
    service("_pop3s", 0, clients);
  }

  void service(std::string_view label, std::uint16_t port, const std::string& target, std::string_view condition = "") {
    auto srv = port == 0 ? dns::Srv{0, 0, 0, "."} : dns::Srv{0, 1, port, target};
    add(fmt::format("{}._tcp.{}", label, name_), dns::Type::srv, srv, condition);
  }

  void issuers() {
    std::set<std::string> names;
    for (const auto& [name, acme] : config_.fixed().acme) {
      bool letsEncrypt = acme.issuerDomainName.empty() && acme.directoryUrl.find("//acme-v02.api.letsencrypt.org/") != std::string::npos;
      names.insert(letsEncrypt ? "letsencrypt.org" : acme.issuerDomainName);
    }
    names.erase("");
    purpose("Nobody else may issue certificates for the domain.");
    for (const auto& issuer : names) add(name_, dns::Type::caa, dns::Caa{0, "issue", issuer});
  }

  const config::Config& config_;
  const config::DomainInfo& domain_;
  const config::FileReader& files_;
  DnssecState dnssec_;
  std::string name_, host_, purpose_;
  DnsRecords out_;
};

}  // namespace

const config::ListenerInfo* publicListener(const config::Config& config) {
  const config::ListenerInfo* first = nullptr;
  for (const auto& listener : config.listeners()) {
    if (listener.smtp == 0) continue;
    if (listener.name == "public") return &listener;
    if (first == nullptr) first = &listener;
  }
  return first;
}

Result<std::string> tlsaData(const std::string& privateKeyPem) {
  std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new_mem_buf(privateKeyPem.data(), static_cast<int>(privateKeyPem.size())), &BIO_free);
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr), &EVP_PKEY_free);
  unsigned char* der = nullptr;
  int size = key ? i2d_PUBKEY(key.get(), &der) : 0;
  if (size <= 0) return fail(Errc::syntax, "not a private key in PEM");
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(der, static_cast<std::size_t>(size), digest);
  OPENSSL_free(der);
  return std::string(reinterpret_cast<char*>(digest), sizeof digest);
}

Result<DnsRecords> dnsRecords(const config::Config& config, const Domain& domain, const config::FileReader& files, DnssecState dnssec) {
  const auto* info = config.domain(domain);
  if (info == nullptr) return fail(Errc::notFound, "domain " + domain.unicode() + " is not configured");
  return Zone(config, *info, files, dnssec).run();
}

DnsRecords allDnsRecords(const config::Config& config, const config::FileReader& files, DnssecState dnssec) {
  DnsRecords all;
  std::set<DnsRecord> records;
  std::set<std::string> problems;
  for (const auto* domain : config.domains()) {
    auto its = Zone(config, *domain, files, dnssec).run();
    for (auto& record : its.records)
      if (records.insert(record).second) all.records.push_back(std::move(record));
    for (auto& problem : its.problems)
      if (problems.insert(problem).second) all.problems.push_back(std::move(problem));
  }
  return all;
}

}  // namespace mox::app
