#include "config/Fixture.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "config/TestKeys.h"

namespace mox::test {

std::string readData(const std::string& name) {
  std::ifstream in(std::string(MOX_SOURCE_DIR) + "/tests/data/config/" + name, std::ios::binary);
  if (!in) throw std::runtime_error("no test data " + name);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

namespace {

constexpr const char* fixedText =
    "DataDir: ../data\n"                  // 1
    "LogLevel: info\n"                    // 2
    "Hostname: mail.example.org\n"        // 3
    "Listeners:\n"                        // 4
    "\tpublic:\n"                         // 5
    "\t\tIPs:\n"                          // 6
    "\t\t\t- 192.0.2.1\n"                 // 7
    "\t\t\t- 2001:db8::1\n"               // 8
    "\t\tTLS:\n"                          // 9
    "\t\t\tKeyCerts:\n"                   // 10
    "\t\t\t\t-\n"                         // 11
    "\t\t\t\t\tCertFile: tls/cert.pem\n"  // 12
    "\t\t\t\t\tKeyFile: tls/key.pem\n"    // 13
    "\t\tSMTP:\n"                         // 14
    "\t\t\tEnabled: true\n"               // 15
    "\t\tSubmissions:\n"                  // 16
    "\t\t\tEnabled: true\n"               // 17
    "\t\tIMAPS:\n"                        // 18
    "\t\t\tEnabled: true\n"               // 19
    "Postmaster:\n"                       // 20
    "\tAccount: admin\n"                  // 21
    "\tMailbox: Postmaster\n"             // 22
    "Transports:\n"                       // 23
    "\tsmart:\n"                          // 24
    "\t\tSMTP:\n"                         // 25
    "\t\t\tHost: relay.example.net\n"     // 26
    "\tdirect4:\n"                        // 27
    "\t\tDirect:\n"                       // 28
    "\t\t\tDisableIPv6: true\n"           // 29
    "QuotaMessageSize: 5000\n";           // 30

constexpr const char* dynamicText =
    "Domains:\n"                              // 1
    "\texample.org:\n"                        // 2
    "\t\tLocalpartCatchallSeparator: +\n"     // 3
    "\t\tDKIM:\n"                             // 4
    "\t\t\tSelectors:\n"                      // 5
    "\t\t\t\t2026a:\n"                        // 6
    "\t\t\t\t\tExpiration: 72h\n"             // 7
    "\t\t\t\t\tPrivateKeyFile: dkim/a.pem\n"  // 8
    "\t\t\tSign:\n"                           // 9
    "\t\t\t\t- 2026a\n"                       // 10
    "\t\tAliases:\n"                          // 11
    "\t\t\tteam:\n"                           // 12
    "\t\t\t\tAddresses:\n"                    // 13
    "\t\t\t\t\t- user@example.org\n"          // 14
    "\t\t\t\tAllowMsgFrom: true\n"            // 15
    "\texample.com: nil\n"                    // 16
    "Accounts:\n"                             // 17
    "\tadmin:\n"                              // 18
    "\t\tDomain: example.org\n"               // 19
    "\t\tDestinations:\n"                     // 20
    "\t\t\tadmin@example.org: nil\n"          // 21
    "\tuser:\n"                               // 22
    "\t\tDomain: example.org\n"               // 23
    "\t\tDescription: U. Ser\n"               // 24
    "\t\tDestinations:\n"                     // 25
    "\t\t\tuser@example.org:\n"               // 26
    "\t\t\t\tMailbox: Work\n"                 // 27
    "\t\t\t@example.com: nil\n";              // 28

}  // namespace

ConfigFixture::ConfigFixture() : fixed(fixedText), dynamic(dynamicText) {
  const auto& keys = testKeys();
  files = {{"/c/tls/cert.pem", keys.p256Certificate}, {"/c/tls/key.pem", keys.p256},      {"/c/dkim/a.pem", keys.ed25519},
           {"/c/dkim/rsa.pem", keys.rsa2048},         {"/c/dkim/short.pem", keys.rsa512}, {"/c/dkim/ec.pem", keys.p256},
           {"/c/dkim/old.pem", keys.p256Pkcs1},       {"/c/dkim/junk.pem", "junk"},       {"/c/junk.pem", "junk"},
           {"/c/tls/half.pem", keys.p256Certificate + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}};
}

void ConfigFixture::replace(std::string& text, const std::string& from, const std::string& to) {
  auto at = text.find(from);
  if (at == std::string::npos || text.find(from, at + 1) != std::string::npos) throw std::logic_error("not exactly one of: " + from);
  text.replace(at, from.size(), to);
}

config::FileReader ConfigFixture::reader() const {
  auto read = [all = files](const std::string& path) -> Result<std::string> {
    auto at = all.find(path);
    if (at == all.end()) return fail(Errc::notFound, "no such file");
    return at->second;
  };
  auto look = [all = files, known = infos](const std::string& path) -> Result<config::FileInfo> {
    if (!all.contains(path)) return fail(Errc::notFound, "no such file");
    auto at = known.find(path);
    return at == known.end() ? config::FileInfo{true, false, path} : at->second;
  };
  return {read, look};
}

config::Loaded ConfigFixture::load() const { return config::loadText("/c/mox.conf", fixed, dynamic, reader()); }

config::ConfigPtr ConfigFixture::config() const {
  auto loaded = load();
  if (!loaded.ok()) throw std::runtime_error(config::text(loaded.errors));
  return loaded.config;
}

}  // namespace mox::test
