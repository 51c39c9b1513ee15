#include <algorithm>
#include <set>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Build.h"
#include "config/Keys.h"

namespace mox::config {

namespace {

/// What is signed unless the selector says otherwise, RFC 6376 §5.4.1.
const std::vector<std::string> defaultHeaders = {"From",        "To",      "Cc",   "Bcc",        "Reply-To",    "References",
                                                 "In-Reply-To", "Subject", "Date", "Message-Id", "Content-Type"};

void buildSeparators(Document& file, const Path& path, DomainInfo& info) {
  const auto& s = info.settings;
  if (!s.localpartCatchallSeparator.empty() && !s.localpartCatchallSeparators.empty()) {
    file.error(path / "LocalpartCatchallSeparators", "not together with LocalpartCatchallSeparator");
  }
  if (!s.localpartCatchallSeparator.empty()) info.separators.push_back(s.localpartCatchallSeparator);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < s.localpartCatchallSeparators.size(); ++i) {
    const auto& separator = s.localpartCatchallSeparators[i];
    if (separator.empty()) file.error(path / "LocalpartCatchallSeparators" / i, "separator must not be empty");
    else if (!seen.insert(separator).second) file.error(path / "LocalpartCatchallSeparators" / i, "separator is listed twice");
    else info.separators.push_back(separator);
  }
  for (const auto& separator : info.separators) {
    if (!isPlainUtf8(separator) || !isNfc(separator))
      file.error(path, "separator of localparts must be plain text in normalisation form C");
  }
  info.caseSensitive = s.localpartCaseSensitive;
}

bool isFieldName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f && c != ':'; });
}

void checkHeaders(Document& file, const Path& path, const std::vector<std::string>& headers) {
  bool hasFrom = headers.empty();
  for (std::size_t i = 0; i < headers.size(); ++i) {
    if (!isFieldName(headers[i])) file.error(path / i, "not the name of a header field");
    if (equalsNoCase(headers[i], "From")) hasFrom = true;
  }
  if (!hasFrom) file.error(path, "must contain From");
}

std::string madeKeyFile(const std::string& dataDir, const Domain& domain, const Domain& selector) {
  return dataDir + "/dkim/" + domain.ascii() + "/" + selector.ascii() + ".pem";
}

bool hasAlgorithm(const KeyInfo& key, std::string_view algorithm) {
  return algorithm == "ed25519" ? key.type == KeyType::ed25519 : key.type == KeyType::rsa && key.bits == 2048;
}

/// The key, of the operator or ours; nothing if it is not there (yet) or no good.
std::optional<std::string> signingPem(Build& b, const Path& path, DomainInfo& info, const std::string& name, const Domain& selectorName,
                                      const Selector& selector) {
  auto& file = b.dynamicFile;
  bool isOurs = selector.privateKeyFile.empty();
  if (isOurs && selector.algorithm.empty()) {
    file.error(path, "needs PrivateKeyFile, or Algorithm for a key that the server makes");
    return std::nullopt;
  }
  auto given = isOurs ? madeKeyFile(b.tables.dataDir, info.name, selectorName) : selector.privateKeyFile;
  Path at = path / (isOurs ? "Algorithm" : "PrivateKeyFile");
  auto& entry = info.keyFiles[name] = {isOurs ? given : resolvePath(b.tables.configDir, given), isOurs ? selector.algorithm : "", false};
  auto pem = isOurs ? readSecretAt(b, file, at, given, Lack::allowed) : readSecret(b, file, at, given);
  entry.isMissing = !pem;
  if (!pem) return std::nullopt;
  auto key = inspectDkimKey(*pem);
  if (!key) file.error(at, printable(given) + ": " + key.error().text);
  else if (!selector.algorithm.empty() && !hasAlgorithm(*key, selector.algorithm))
    file.error(path / "Algorithm", "the key in " + printable(given) + " is of another kind: a new key needs a new selector");
  else return pem;
  return std::nullopt;
}

std::optional<SigningKey> buildSelector(Build& b, const Path& path, DomainInfo& info, const std::string& name, const Selector& selector) {
  auto& file = b.dynamicFile;
  auto asDomain = Domain::make(name);
  if (!asDomain) {
    file.error(path, "not a name for DNS: " + asDomain.error().text);
    return std::nullopt;
  }
  checkHeaders(file, path / "Headers", selector.headers);
  checkNotNegative(file, path / "Expiration", selector.expiration.count());
  auto pem = signingPem(b, path, info, name, *asDomain, selector);
  if (!pem) return std::nullopt;
  SigningKey out;
  out.selector = asDomain->ascii();
  out.pem = *pem;
  out.isEd25519 = inspectDkimKey(*pem)->type == KeyType::ed25519;
  out.hash = selector.hash.empty() ? "sha256" : selector.hash;
  if (out.isEd25519 && out.hash != "sha256") file.error(path / "Hash", "ed25519 keys sign only with sha256");
  out.headerRelaxed = selector.canonicalization.headerRelaxed;
  out.bodyRelaxed = selector.canonicalization.bodyRelaxed;
  out.headers = selector.headers.empty() ? defaultHeaders : selector.headers;
  out.sealHeaders = !selector.dontSealHeaders;
  out.expiration = selector.expiration;
  return out;
}

void buildDkim(Build& b, const Path& path, DomainInfo& info) {
  std::map<std::string, SigningKey> keys;
  const auto& dkim = info.settings.dkim;
  for (const auto& [name, selector] : dkim.selectors) {
    auto key = buildSelector(b, path / "Selectors" / name, info, name, selector);
    if (key) keys.emplace(name, std::move(*key));
  }
  std::set<std::string> seen;
  for (std::size_t i = 0; i < dkim.sign.size(); ++i) {
    const auto& name = dkim.sign[i];
    if (!dkim.selectors.contains(name)) b.dynamicFile.error(path / "Sign" / i, "there is no selector \"" + printable(name) + "\"");
    else if (!seen.insert(name).second) b.dynamicFile.error(path / "Sign" / i, "selector is listed twice");
    else if (keys.contains(name)) info.signingKeys.push_back(keys.at(name));
  }
}

void checkMtaSts(Build& b, const Path& path, const MtaSts& policy) {
  constexpr std::int64_t maxAgeLimit = 31557600;  // seconds, RFC 8461 §3.2
  constexpr std::size_t idLimit = 32;             // RFC 8461 §3.1
  auto& file = b.dynamicFile;
  const auto& id = policy.policyId;
  bool idGood = !id.empty() && id.size() <= idLimit && std::all_of(id.begin(), id.end(), [](char c) { return isAlpha(c) || isDigit(c); });
  if (!idGood) file.error(path / "PolicyID", "must be 1 to 32 letters and digits");
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(policy.maxAge).count();
  if (seconds < 0 || seconds > maxAgeLimit) file.error(path / "MaxAge", "must be from 0 to 31557600s, about a year");
  for (std::size_t i = 0; i < policy.mx.size(); ++i) {
    const auto& name = policy.mx[i];
    checkDomain(file, path / "MX" / i, name.starts_with("*.") ? name.substr(2) : name);
  }
  const auto& listeners = b.fixed().listeners;
  bool served = std::any_of(listeners.begin(), listeners.end(), [](const auto& l) { return l.second.mtaStsHttps.enabled; });
  if (!served) file.error(path, "needs a listener with MTASTSHTTPS in mox.conf");
}

}  // namespace

void buildDomains(Build& b) {
  for (const auto& [name, settings] : b.dynamic().domains) {
    Path path = Path() / "Domains" / name;
    auto domain = checkDomain(b.dynamicFile, path, name);
    if (!domain) continue;
    DomainInfo info(*domain);
    info.settings = settings;
    info.disabled = settings.disabled;
    if (!settings.clientSettingsDomain.empty()) checkDomain(b.dynamicFile, path / "ClientSettingsDomain", settings.clientSettingsDomain);
    buildSeparators(b.dynamicFile, path, info);
    buildDkim(b, path / "DKIM", info);
    if (settings.mtaSts) checkMtaSts(b, path / "MTASTS", *settings.mtaSts);
    auto [at, added] = b.tables.domains.emplace(domain->ascii(), std::move(info));
    if (!added) b.dynamicFile.error(path, "the same domain as \"" + at->second.name.unicode() + "\"");
  }
  for (std::size_t i = 0; i < b.dynamic().monitorDnsbls.size(); ++i) {
    checkDomain(b.dynamicFile, Path() / "MonitorDNSBLs" / i, b.dynamic().monitorDnsbls[i]);
  }
}

}  // namespace mox::config
