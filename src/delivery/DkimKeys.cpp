#include "delivery/DkimKeys.h"

namespace mox::delivery {

namespace {

dkim::Canonicalization canonicalization(bool relaxed) { return relaxed ? dkim::Canonicalization::relaxed : dkim::Canonicalization::simple; }

}  // namespace

Result<dkim::PrivateKey> DkimKeys::key(const std::string& pem) {
  {
    auto keys = keys_.lock();
    if (auto at = keys->find(pem); at != keys->end()) return at->second;
  }
  auto parsed = dkim::PrivateKey::fromPem(pem);
  if (!parsed) return parsed;
  auto keys = keys_.lock();
  if (keys->size() >= maxKeys) keys->clear();
  keys->insert_or_assign(pem, *parsed);
  return parsed;
}

Result<std::string> DkimKeys::sign(const config::DomainInfo& domain, const Localpart& identity, std::string_view prefix, std::string_view data, Time leaves) {
  std::vector<dkim::Selector> selectors;
  for (const auto& configured : domain.signingKeys) {
    auto parsed = key(configured.pem);
    if (!parsed) return fail("key of selector " + configured.selector, parsed.error());
    dkim::Selector selector{configured.selector, domain.name, *parsed};
    selector.hash = configured.hash == "sha1" ? dkim::Hash::sha1 : dkim::Hash::sha256;
    selector.allowSha1 = configured.hash == "sha1";  // the administrator chose it
    selector.header = canonicalization(configured.headerRelaxed);
    selector.body = canonicalization(configured.bodyRelaxed);
    selector.headers = configured.headers;
    selector.seal = configured.sealHeaders;
    if (configured.expiration > Duration::zero()) selector.expiration = std::chrono::duration_cast<std::chrono::seconds>(configured.expiration);
    selectors.push_back(std::move(selector));
  }
  if (selectors.empty()) return std::string();
  return signer_.sign(selectors, identity, prefix, data, leaves);
}

}  // namespace mox::delivery
