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

constexpr std::size_t characterString = 255;  // octets, RFC 1035 §3.3

/// The listener that stands for this server in the DNS: "public", else the first with SMTP.
const config::ListenerInfo* publicListener(const config::Config& config) {
  const config::ListenerInfo* first = nullptr;
  for (const auto& listener : config.listeners()) {
    if (listener.smtp == 0) continue;
    if (listener.name == "public") return &listener;
    if (first == nullptr) first = &listener;
  }
  return first;
}

class Zone {
 public:
  Zone(const config::Config& config, const config::DomainInfo& domain, const config::FileReader& files, DnssecState dnssec)
      : config_(config), domain_(domain), files_(files), dnssec_(dnssec), name_(domain.name.ascii() + "."), host_(config.hostname().ascii() + ".") {}

  std::vector<std::string> run() {
    text("$TTL 300");
    hostRecords();
    mailRecords();
    policyRecords();
    clientRecords();
    return std::move(lines_);
  }

 private:
  void text(std::string line) { lines_.push_back(std::move(line)); }
  void note(std::string_view comment) { text(fmt::format("\n; {}", comment)); }
  void record(std::string_view owner, std::string_view type, std::string_view data) { text(fmt::format("{:<40} {} {}", owner, type, data)); }

  void hostRecords() {
    const auto* listener = publicListener(config_);
    if (listener == nullptr) return;
    tlsa(*listener);
    note("The host itself sends only as a client of its name: other mail from it is forged.");
    record(host_, "TXT", "\"v=spf1 a -all\"");
    if (config_.fixed().hostTlsRpt) {
      note("Where others report trouble with TLS to this host.");
      record("_smtp._tls." + host_, "TXT", fmt::format("\"v=TLSRPTv1; rua=mailto:{}@{}\"", config_.fixed().hostTlsRpt->localpart, config_.hostname().ascii()));
    }
  }

  void tlsa(const config::ListenerInfo& listener) {
    if (!listener.settings.tls || listener.settings.tls->hostPrivateKeyFiles.empty()) return;
    if (dnssec_ == DnssecState::insecure) note("DANE: the zone is not signed with DNSSEC, so these would have no effect.");
    else note("DANE: keys of this host that senders may rely on. Only of use in a zone signed with DNSSEC.");
    for (const auto& file : listener.settings.tls->hostPrivateKeyFiles) {
      auto pem = files_(config::resolvePath(config_.configDir(), file));
      auto data = pem ? tlsaData(*pem) : tl::unexpected(pem.error());
      if (!data) text(fmt::format("; cannot read {}: {}", file, data.error().text));
      else text(fmt::format("{}_25._tcp.{} TLSA 3 1 1 {}", dnssec_ == DnssecState::insecure ? "; " : "", host_, *data));
    }
  }

  void mailRecords() {
    note("Mail for the domain comes to this host.");
    record(name_, "MX", "10 " + host_);
    note("DKIM: keys that sign the domain's mail.");
    for (const auto& [selector, settings] : domain_.settings.dkim.selectors) {
      auto pem = files_(config::resolvePath(config_.configDir(), settings.privateKeyFile));
      auto key = pem ? dkim::PrivateKey::fromPem(*pem) : tl::unexpected(pem.error());
      if (!key) text(fmt::format("; cannot read the key of selector {}: {}", selector, key.error().text));
      else record(fmt::format("{}._domainkey.{}", selector, name_), "TXT", txtStrings(key->record()));
    }
  }

  std::string spf() const {
    std::string out = "v=spf1";
    auto ips = config_.outgoingIps();
    if (const auto* listener = publicListener(config_); listener != nullptr) {
      for (const auto& text : listener->settings.natIps) {
        auto ip = IpAddress::parse(text);
        if (ip && std::find(ips.begin(), ips.end(), *ip) == ips.end()) ips.push_back(*ip);
      }
    }
    for (const auto& ip : ips)
      if (!ip.isPrivate()) out += (ip.isV4() ? " ip4:" : " ip6:") + ip.text();
    return out + " mx ~all";
  }

  std::string reportAddress(const config::ReportAddress& report) const {
    return report.localpart + "@" + (report.domain.empty() ? domain_.name.ascii() : report.domain);
  }

  void policyRecords() {
    note("SPF: who may send as the domain. Soft, since DMARC with DKIM decides.");
    record(name_, "TXT", fmt::format("\"{}\"", spf()));
    note("DMARC: mail that is neither signed nor sent by this host is to be refused.");
    const auto& dmarc = domain_.settings.dmarc;
    record("_dmarc." + name_, "TXT", dmarc ? fmt::format("\"v=DMARC1;p=reject;rua=mailto:{}!10m\"", reportAddress(*dmarc)) : "\"v=DMARC1;p=reject\"");
    if (const auto& sts = domain_.settings.mtaSts) {
      note("MTA-STS: senders are to insist on TLS with a valid certificate.");
      record("mta-sts." + name_, "CNAME", host_);
      record("_mta-sts." + name_, "TXT", fmt::format("\"v=STSv1; id={}\"", sts->policyId));
    }
    if (const auto& tlsRpt = domain_.settings.tlsRpt) {
      note("Where others report trouble with TLS to the domain.");
      record("_smtp._tls." + name_, "TXT", fmt::format("\"v=TLSRPTv1; rua=mailto:{}\"", reportAddress(*tlsRpt)));
    }
  }

  void clientRecords() {
    const auto& given = domain_.settings.clientSettingsDomain;
    auto clients = given.empty() ? host_ : given + ".";
    if (clients != host_ && clients != name_) {
      note("The name that mail programs connect to.");
      record(clients, "CNAME", host_);
    }
    note("How mail programs find their server, RFC 6186. \".\" says that the service is not offered.");
    record("autoconfig." + name_, "CNAME", host_);
    record("_autodiscover._tcp." + name_, "SRV", "0 1 443 " + host_);
    service("_imaps", &config::ListenerInfo::imaps, clients);
    service("_submissions", &config::ListenerInfo::submissions, clients);
    for (const char* absent : {"_imap", "_submission", "_pop3", "_pop3s"}) record(fmt::format("{}._tcp.{}", absent, name_), "SRV", "0 0 0 .");
    issuers();
  }

  void service(std::string_view label, std::uint16_t config::ListenerInfo::* port, const std::string& target) {
    const auto* listener = publicListener(config_);
    auto number = listener == nullptr ? 0 : listener->*port;
    record(fmt::format("{}._tcp.{}", label, name_), "SRV", number == 0 ? "0 0 0 ." : fmt::format("0 1 {} {}", number, target));
  }

  void issuers() {
    std::set<std::string> names;
    for (const auto& [name, acme] : config_.fixed().acme) {
      bool letsEncrypt = acme.issuerDomainName.empty() && acme.directoryUrl.find("//acme-v02.api.letsencrypt.org/") != std::string::npos;
      names.insert(letsEncrypt ? "letsencrypt.org" : acme.issuerDomainName);
    }
    names.erase("");
    if (names.empty()) return;
    note("Nobody else may issue certificates for the domain.");
    for (const auto& issuer : names) record(name_, "CAA", fmt::format("0 issue \"{}\"", issuer));
  }

  const config::Config& config_;
  const config::DomainInfo& domain_;
  const config::FileReader& files_;
  DnssecState dnssec_;
  std::string name_, host_;
  std::vector<std::string> lines_;
};

}  // namespace

std::string txtStrings(const std::string& text) {
  std::string out;
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size() || count == 0; at += characterString, ++count) {
    out += count == 0 ? "\"" : " \"";
    for (char c : text.substr(at, characterString)) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return count > 1 ? "(" + out + ")" : out;
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
  return hex({reinterpret_cast<char*>(digest), sizeof digest});
}

Result<std::vector<std::string>> dnsRecords(const config::Config& config, const Domain& domain, const config::FileReader& files, DnssecState dnssec) {
  const auto* info = config.domain(domain);
  if (info == nullptr) return fail(Errc::notFound, "domain " + domain.unicode() + " is not configured");
  return Zone(config, *info, files, dnssec).run();
}

}  // namespace mox::app
