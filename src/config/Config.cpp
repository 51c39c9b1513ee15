#include "config/Config.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Tables.h"

namespace mox::config {

std::string addressKey(const Localpart& localpart, const Domain& domain) { return localpart.text() + "@" + domain.ascii(); }

bool AliasTarget::hasMember(std::string_view account) const {
  return std::any_of(members.begin(), members.end(), [&](const Member& m) { return m.target->account == account; });
}

const SmtpTransport* TransportInfo::server() const {
  for (const auto* one : {&settings.submissions, &settings.submission, &settings.smtp}) {
    if (*one) return &**one;
  }
  return nullptr;
}

Localpart DomainInfo::canonical(const Localpart& localpart) const {
  std::string text = caseSensitive ? localpart.text() : toLowerUtf8(localpart.text());
  if (std::find(reportLocalparts.begin(), reportLocalparts.end(), text) == reportLocalparts.end()) {
    for (const auto& separator : separators) {
      auto at = text.find(separator);
      if (at != std::string::npos && at > 0) text.resize(at);
    }
  }
  // Lower case may be longer than the limit or not NFC; such a localpart is nobody's address here.
  auto made = Localpart::make(text);
  return made ? *made : localpart;
}

Config::Config(std::unique_ptr<const Tables> tables) : tables_(std::move(tables)) {}
Config::~Config() = default;

const Static& Config::fixed() const { return tables_->fixed; }
const Dynamic& Config::dynamic() const { return tables_->dynamic; }
const Domain& Config::hostname() const { return *tables_->hostname; }
const Authorities& Config::authorities() const { return tables_->authorities; }
const std::string& Config::configDir() const { return tables_->configDir; }
const std::string& Config::dataDir() const { return tables_->dataDir; }
const std::string& Config::staticText() const { return tables_->staticText; }
const std::string& Config::dynamicText() const { return tables_->dynamicText; }
const std::vector<ListenerInfo>& Config::listeners() const { return tables_->listeners; }
const std::map<std::string, TransportInfo>& Config::transports() const { return tables_->transports; }
const std::map<std::string, AccountInfo>& Config::accounts() const { return tables_->accounts; }
const std::vector<IpAddress>& Config::smtpIps() const { return tables_->smtpIps; }
const OutgoingIps& Config::outgoing() const { return tables_->outgoing; }
const Target& Config::postmaster() const { return tables_->postmaster; }

const AccountInfo* Config::account(std::string_view name) const {
  auto at = tables_->accounts.find(std::string(name));
  return at == tables_->accounts.end() ? nullptr : &at->second;
}

const DomainInfo* Config::domain(const Domain& name) const {
  auto at = tables_->domains.find(name.ascii());
  return at == tables_->domains.end() ? nullptr : &at->second;
}

std::vector<const DomainInfo*> Config::domains() const {
  std::vector<const DomainInfo*> out;
  for (const auto& entry : tables_->domains) out.push_back(&entry.second);
  return out;
}

Lookup Config::lookup(const Localpart& localpart, const Domain& domain) const {
  auto found = find(localpart, domain, true);
  const auto* info = this->domain(domain);
  bool special =
      found.target != nullptr && (found.target == &tables_->postmaster || found.target->purpose == Target::Purpose::hostTlsReports);
  bool off = info != nullptr && info->disabled && !(special && tables_->hostnames.contains(domain));
  if (off && found.kind != Lookup::Kind::unknownDomain) return {Lookup::Kind::domainDisabled, nullptr, nullptr};
  return found;
}

Lookup Config::find(const Localpart& localpart, const Domain& domain, bool withPostmaster) const {
  const auto& t = *tables_;
  bool isPostmaster = withPostmaster && equalsNoCase(localpart.text(), "postmaster");
  if (isPostmaster && t.hostnames.contains(domain)) return {Lookup::Kind::account, &t.postmaster, nullptr};
  if (withPostmaster && t.hostTlsReports && domain == *t.hostname && toLowerUtf8(localpart.text()) == t.hostTlsReports->first) {
    return {Lookup::Kind::account, &t.hostTlsReports->second, nullptr};
  }
  const auto* info = this->domain(domain);
  if (info == nullptr || info->reportsOnly) return {Lookup::Kind::unknownDomain, nullptr, nullptr};
  auto key = addressKey(info->canonical(localpart), domain);
  if (auto target = t.targets.find(key); target != t.targets.end()) return {Lookup::Kind::account, &target->second, nullptr};
  if (auto alias = t.aliases.find(key); alias != t.aliases.end()) return {Lookup::Kind::alias, nullptr, &alias->second};
  if (auto all = t.catchalls.find(domain.ascii()); all != t.catchalls.end()) return {Lookup::Kind::account, &all->second, nullptr};
  if (isPostmaster) return {Lookup::Kind::account, &t.postmaster, nullptr};
  return {Lookup::Kind::unknownAddress, nullptr, nullptr};
}

Result<const AccountInfo*> Config::loginLookup(std::string_view text) const {
  auto address = Address::parse(text);
  if (!address) return tl::unexpected(address.error());
  auto found = find(address->localpart, address->domain, false);
  if (found.kind != Lookup::Kind::account) return fail(Errc::notFound, "no account with this address");
  return account(found.target->account);
}

Config::Sender Config::mayUseFrom(std::string_view account, const Address& address) const {
  auto found = find(address.localpart, address.domain, false);
  bool own = found.kind == Lookup::Kind::account && found.target->account == account;
  bool member = found.kind == Lookup::Kind::alias && found.alias->allowMsgFrom && found.alias->hasMember(account);
  if (!own && !member) return Sender::notAllowed;
  const auto* info = domain(address.domain);
  return info != nullptr && info->disabled ? Sender::domainDisabled : Sender::allowed;
}

namespace {

bool anyMatches(const std::vector<RouteRule::Pattern>& patterns, const std::optional<Domain>& domain) {
  if (patterns.empty()) return true;
  if (!domain) return false;
  return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return pattern.matches(*domain); });
}

}  // namespace

const TransportInfo* Config::route(std::string_view account, const std::optional<Domain>& from, const std::optional<Domain>& to,
                                   int attempts) const {
  std::vector<const std::vector<RouteRule>*> lists;
  if (auto at = tables_->accountRoutes.find(std::string(account)); at != tables_->accountRoutes.end()) lists.push_back(&at->second);
  if (auto at = tables_->domainRoutes.find(from ? from->ascii() : ""); at != tables_->domainRoutes.end()) lists.push_back(&at->second);
  lists.push_back(&tables_->routes);
  for (const auto* list : lists) {
    for (const auto& rule : *list) {
      if (attempts >= rule.minimumAttempts && anyMatches(rule.from, from) && anyMatches(rule.to, to)) return rule.transport;
    }
  }
  return nullptr;
}

}  // namespace mox::config
