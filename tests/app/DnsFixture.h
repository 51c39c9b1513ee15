// A configuration as quickstart made it, with keys in memory, and its records as a zone in memory.
#pragma once

#include <map>
#include <stdexcept>
#include <string>

#include "app/DnsFormats.h"
#include "app/DnsRecords.h"
#include "config/Source.h"
#include "dns/FakeResolver.h"
#include "net/Keys.h"

namespace mox::test {

struct DnsFixture {
  DnsFixture() {
    std::string data = std::string(MOX_SOURCE_DIR) + "/tests/data/config/quickstart.";
    fixed = config::diskFiles()(data + "mox.conf").value();
    dynamic = config::diskFiles()(data + "domains.conf").value();
    static const std::string rsa = net::generateRsa2048(), other = net::generateEd25519(), host = net::generateRsa2048(), ecdsa = net::generateEcdsaP256();
    files["dkim/2025a._domainkey.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem"] = rsa;
    files["dkim/2025b._domainkey.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem"] = other;
    files["hostkeys/mail.example.org.20250418T000000.rsa2048.privatekey.pkcs8.pem"] = host;
    files["hostkeys/mail.example.org.20250418T000000.ecdsap256.privatekey.pkcs8.pem"] = ecdsa;
  }

  std::string fixed, dynamic;
  std::map<std::string, std::string> files;  ///< below "config/"

  config::FileReader reader() const {
    return [this](const std::string& path) -> Result<std::string> {
      auto at = files.find(path.starts_with("config/") ? path.substr(7) : path);
      if (at == files.end()) return fail(Errc::notFound, "No such file or directory");
      return at->second;
    };
  }

  config::ConfigPtr config() const {
    auto loaded = config::loadText("config/mox.conf", fixed, dynamic, reader());
    if (!loaded.ok()) throw std::runtime_error(config::text(loaded.errors));
    return loaded.config;
  }

  app::DnsRecords records(const std::string& domain = "example.org", app::DnssecState dnssec = app::DnssecState::unknown) const {
    auto c = config();
    auto got = app::dnsRecords(*c, Domain::make(domain).value(), reader(), dnssec);
    if (!got) throw std::runtime_error(got.error().text);
    return *got;
  }

  /// Replaces the only occurrence.
  static void replace(std::string& text, const std::string& from, const std::string& to) {
    auto at = text.find(from);
    if (at == std::string::npos || text.find(from, at + 1) != std::string::npos) throw std::runtime_error("not just once: " + from);
    text.replace(at, from.size(), to);
  }

  /// All records, and what else a zone needs.
  static void publish(dns::FakeResolver& dns, const app::DnsRecords& records) {
    for (const auto& record : records.records) dns.add(record.type, record.name, record.data);
  }
};

}  // namespace mox::test
