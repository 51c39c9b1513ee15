#include "app/QuickstartConfig.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/Date.h"

namespace mox::app {

namespace {

constexpr std::string_view passwordAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!@#$%^&*-_;:,<.>/";
constexpr const char* keyKinds[] = {"rsa2048", "ecdsap256"};

std::vector<std::string> texts(const std::vector<IpAddress>& ips) {
  std::vector<std::string> out;
  for (const auto& ip : ips) out.push_back(ip.text());
  return out;
}

/// Date and time, for names.
std::string stamp(Time now) {
  auto text = rfc3339Seconds(now);  // 2006-01-02T15:04:05Z
  std::erase_if(text, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
  return text;
}

void insertAfter(std::string& text, std::string_view line, std::string_view addition) {
  auto at = text.find(line);
  if (at != std::string::npos) text.insert(at + line.size(), addition);
}

}  // namespace

config::Account newAccount(const Address& address) {
  config::Account out;
  auto domain = address.domain.unicode();
  out.domain = domain;
  out.destinations[address.text()];
  out.subjectPass.period = std::chrono::hours(12);
  out.rejectsMailbox = "Rejects";
  out.automaticJunkFlags = {true, "^(junk|spam)", "^(inbox|neutral|postmaster|dmarc|tlsrpt|rejects)", ""};
  auto& junk = out.junkFilter.emplace();
  junk.threshold = 0.95;
  junk.params.onegrams = true;
  junk.params.maxPower = 0.01;
  junk.params.topWords = 10;
  junk.params.ignoreWords = 0.1;
  junk.params.rareWords = 2;
  out.noCustomPassword = true;
  return out;
}

config::DomainSettings newDomain(const Domain& name, const Domain& hostname, const std::string& account, Time now) {
  config::DomainSettings out;
  out.clientSettingsDomain = "mail." + name.unicode();
  out.localpartCatchallSeparator = "+";
  auto selector = [&](char letter) { return rfc3339Seconds(now).substr(0, 4) + letter; };
  for (char letter : {'a', 'b'}) {
    auto& key = out.dkim.selectors[selector(letter)];
    key.hash = "sha256";
    key.canonicalization = {true, true};
    key.expiration = std::chrono::hours(72);
    key.privateKeyFile = fmt::format("dkim/{}._domainkey.{}.{}.rsa2048.privatekey.pkcs8.pem", selector(letter), name.ascii(), stamp(now));
  }
  out.dkim.sign = {selector('a')};
  out.dmarc = config::ReportAddress{"dmarcreports", "", account, "DMARC"};
  out.tlsRpt = config::ReportAddress{"tlsreports", "", account, "TLSRPT"};
  out.mtaSts = config::MtaSts{stamp(now), "enforce", std::chrono::hours(24), {hostname.unicode()}};
  return out;
}

std::string generatePassword(Random& random) {
  std::string out;
  while (out.size() < generatedPasswordLength) out += passwordAlphabet[static_cast<std::size_t>(random.below(passwordAlphabet.size()))];
  return out;
}

config::Listener QuickstartPlan::publicListener() const {
  config::Listener out;
  out.ips = texts(addresses.publicIps);
  if (out.ips.empty()) out.ips = {"0.0.0.0", "::"};
  out.natIps = texts(facts.natIps);
  auto& tls = out.tls.emplace();
  if (existingWebserver) {
    for (const auto& [name, pair] : certificates()) tls.keyCerts.push_back(pair);
  } else {
    tls.acme = "letsencrypt";
    for (const auto* kind : keyKinds) tls.hostPrivateKeyFiles.push_back(fmt::format("hostkeys/{}.{}.{}.privatekey.pkcs8.pem", facts.hostname.ascii(), stamp(now), kind));
  }
  out.smtp.enabled = true;
  out.submissions.enabled = true;
  out.imaps.enabled = true;
  out.autoconfigHttps.enabled = true;
  out.mtaStsHttps.enabled = true;
  if (existingWebserver) {
    out.autoconfigHttps.port = out.mtaStsHttps.port = 81;
    out.autoconfigHttps.nonTls = out.mtaStsHttps.nonTls = true;
  } else {
    out.submissions.enabledOnHttps = out.imaps.enabledOnHttps = true;
    out.webserverHttp.enabled = true;
    out.webserverHttps.enabled = true;
  }
  return out;
}

config::Listener QuickstartPlan::internalListener() const {
  config::Listener out;
  out.ips = texts(addresses.loopback);
  for (const auto& ip : texts(addresses.privateIps)) out.ips.push_back(ip);
  if (out.ips.empty()) out.ips = {"127.0.0.1"};
  out.hostname = "localhost";
  for (auto* service : {&out.accountHttp, &out.adminHttp, &out.webmailHttp, &out.webApiHttp}) {
    service->enabled = true;
    if (!existingWebserver) continue;
    service->port = 1080;
    service->forwarded = true;
  }
  out.metricsHttp.enabled = true;
  return out;
}

config::Static QuickstartPlan::fixed() const {
  config::Static out;
  out.dataDir = "../data";
  out.logLevel = "debug";
  out.user = user;
  out.hostname = facts.hostname.unicode();
  out.adminPasswordFile = "adminpasswd";
  if (!existingWebserver) {
    auto& acme = out.acme["letsencrypt"];
    acme.directoryUrl = "https://acme-v02.api.letsencrypt.org/directory";
    acme.contactEmail = address.text();
    acme.issuerDomainName = "letsencrypt.org";
  }
  out.listeners["public"] = publicListener();
  out.listeners["internal"] = internalListener();
  out.postmaster = {account, "Postmaster"};
  out.hostTlsRpt = config::HostTlsReports{account, "TLSRPT", "tlsreports"};
  out.initialMailboxes.specialUse = {"Sent", "Archive", "Trash", "Drafts", "Junk"};
  return out;
}

config::Dynamic QuickstartPlan::dynamic() const {
  config::Dynamic out;
  out.domains[address.domain.unicode()] = newDomain(address.domain, facts.hostname, account, now);
  out.accounts[account] = newAccount(address);
  return out;
}

std::map<std::string, std::string> QuickstartPlan::keyFiles() const {
  std::map<std::string, std::string> out;
  const auto selectors = dynamic().domains.begin()->second.dkim.selectors;
  for (const auto& [name, key] : selectors) out[key.privateKeyFile] = "rsa2048";
  if (existingWebserver) return out;
  const auto files = publicListener().tls->hostPrivateKeyFiles;
  for (std::size_t i = 0; i < files.size(); ++i) out[files[i]] = keyKinds[i];
  return out;
}

std::map<std::string, config::KeyCert> QuickstartPlan::certificates() const {
  std::map<std::string, config::KeyCert> out;
  if (!existingWebserver) return out;
  auto domain = address.domain.ascii();
  for (const auto& name : {facts.hostname.ascii(), "mta-sts." + domain, "autoconfig." + domain, "mail." + domain})
    out[name] = {"certs/" + name + "-chain.crt", "certs/" + name + ".key"};
  return out;
}

std::string annotated(std::string sconf) {
  // "public" is the only listener with SMTP; its first field has this comment.
  insertAfter(sconf, "# Receive mail from other servers here.\n\t\t\tEnabled: true\n",
              "\t\t\t# Block lists to ask about senders without a reputation. Their operators set terms of use.\n"
              "\t\t\t#DNSBLs:\n\t\t\t\t#- sbl.spamhaus.org\n\t\t\t\t#- bl.spamcop.net\n");
  return sconf + "\n# Looks once a day for a newer version and tells the postmaster.\n#CheckUpdates: true\n";
}

std::string aliasExample() {
  return "\n# A list of addresses under one name; it goes into a domain, beside DKIM.\n"
         "#\t\tAliases:\n#\t\t\tteam:\n#\t\t\t\tAddresses:\n#\t\t\t\t\t- first@example.org\n#\t\t\t\t\t- second@example.org\n"
         "#\t\t\t\tPostPublic: true\n";
}

}  // namespace mox::app
