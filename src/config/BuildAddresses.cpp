// The address tables: destinations of accounts, addresses for reports, the
// postmaster and aliases, each in canonical form so that a lookup is one probe.
#include <algorithm>
#include <set>

#include "base/Text.h"
#include "base/Unicode.h"
#include "config/Build.h"
#include "config/BuildDestination.h"

namespace mox::config {

namespace {

class AddressBuilder {
 public:
  explicit AddressBuilder(Build& b) : b_(b), file_(b.dynamicFile), t_(b.tables) {}

  void run() {
    for (const auto& [name, settings] : b_.dynamic().domains) reportLocalparts(name, settings);
    for (auto& entry : t_.accounts) destinations(entry.second);
    for (const auto& [name, settings] : b_.dynamic().domains) reports(name, settings);
    specialAddresses();
    for (const auto& [name, settings] : b_.dynamic().domains) aliases(name, settings);
    for (const auto& entry : t_.accounts) fromIds(entry.second);
    for (auto& entry : t_.domains) reportsOnly(entry.second);
  }

 private:
  DomainInfo* domain(const std::string& name) {
    auto parsed = Domain::make(name);
    auto at = parsed ? t_.domains.find(parsed->ascii()) : t_.domains.end();
    return at == t_.domains.end() ? nullptr : &at->second;
  }

  static std::string caseOf(const DomainInfo& domain, const std::string& localpart) {
    return domain.caseSensitive ? localpart : toLowerUtf8(localpart);
  }

  // Addresses for reports.

  void reportLocalparts(const std::string& name, const DomainSettings& settings) {
    for (const auto* report : {&settings.dmarc, &settings.tlsRpt}) {
      if (!*report) continue;
      auto* at = domain((*report)->domain.empty() ? name : (*report)->domain);
      if (at != nullptr && isUtf8((*report)->localpart)) at->reportLocalparts.push_back(caseOf(*at, toNfc((*report)->localpart)));
    }
  }

  void reports(const std::string& name, const DomainSettings& settings) {
    Path path = Path() / "Domains" / name;
    if (settings.dmarc) report(path / "DMARC", name, *settings.dmarc, Target::Purpose::dmarcReports);
    if (settings.tlsRpt) report(path / "TLSRPT", name, *settings.tlsRpt, Target::Purpose::tlsReports);
  }

  void report(const Path& path, const std::string& own, const ReportAddress& report, Target::Purpose purpose) {
    checkAccountExists(b_, file_, path / "Account", report.account);
    checkMailbox(file_, path / "Mailbox", report.mailbox, true);
    auto localpart = reportLocalpart(file_, path / "Localpart", report.localpart);
    auto* at = domain(report.domain.empty() ? own : report.domain);
    if (at == nullptr && !report.domain.empty()) file_.error(path / "Domain", "is not under Domains");
    if (at == nullptr || !localpart) return;
    Target target;
    target.purpose = purpose;
    target.account = report.account;
    target.mailbox = report.mailbox;
    auto canonical = at->canonical(*localpart);
    target.address = Address{canonical, at->name}.text();
    t_.targets.insert_or_assign(addressKey(canonical, at->name), std::move(target));
    if (report.domain.empty() || at == domain(own)) withAddress_.insert(at->name.ascii());
  }

  static std::optional<Localpart> reportLocalpart(Document& file, const Path& path, const std::string& text) {
    auto localpart = checkLocalpart(file, path, text);
    if (localpart && !localpart->isAscii()) {
      file.error(path, "must be ASCII, since senders of reports may not know UTF-8");
      return std::nullopt;
    }
    return localpart;
  }

  void specialAddresses() {
    auto& fixedFile = b_.fixedFile;
    const auto& postmaster = b_.fixed().postmaster;
    checkAccountExists(b_, fixedFile, Path() / "Postmaster" / "Account", postmaster.account);
    checkMailbox(fixedFile, Path() / "Postmaster" / "Mailbox", postmaster.mailbox, true);
    t_.postmaster.purpose = Target::Purpose::postmaster;
    t_.postmaster.account = postmaster.account;
    t_.postmaster.mailbox = postmaster.mailbox;
    if (t_.hostname) t_.postmaster.address = "postmaster@" + t_.hostname->unicode();
    if (!b_.fixed().hostTlsRpt) return;
    const auto& reports = *b_.fixed().hostTlsRpt;
    Path path = Path() / "HostTLSRPT";
    checkAccountExists(b_, fixedFile, path / "Account", reports.account);
    checkMailbox(fixedFile, path / "Mailbox", reports.mailbox, true);
    auto localpart = reportLocalpart(fixedFile, path / "Localpart", reports.localpart);
    if (!localpart || !t_.hostname) return;
    Target target;
    target.purpose = Target::Purpose::hostTlsReports;
    target.account = reports.account;
    target.mailbox = reports.mailbox;
    target.address = Address{*localpart, *t_.hostname}.text();
    t_.hostTlsReports.emplace(toLowerUtf8(localpart->text()), std::move(target));
  }

  // Destinations.

  void destinations(AccountInfo& account) {
    for (const auto& [text, destination] : account.settings.destinations) {
      Path path = Path() / "Accounts" / account.name / "Destinations" / text;
      Target target = buildTarget(file_, path, destination);
      target.account = account.name;
      if (target.fullName.empty()) target.fullName = account.settings.fullName;
      if (text.starts_with('@')) catchall(path, text.substr(1), std::move(target), account);
      else singleAddress(path, text, std::move(target), account);
    }
  }

  void catchall(const Path& path, const std::string& name, Target target, AccountInfo& account) {
    auto parsed = checkDomain(file_, path, name);
    if (!parsed) return;
    if (!t_.domains.contains(parsed->ascii())) return file_.error(path, "domain is not under Domains");
    target.address = "@" + parsed->unicode();
    account.addresses.push_back(target.address);
    auto [at, added] = t_.catchalls.emplace(parsed->ascii(), std::move(target));
    if (!added) file_.error(path, "account " + at->second.account + " has the rest of this domain already");
    withAddress_.insert(parsed->ascii());
  }

  void singleAddress(const Path& path, const std::string& text, Target target, AccountInfo& account) {
    bool isOld = text.find('@') == std::string::npos;
    if (isOld) file_.warning(path, "deprecated: a destination without domain, taken as " + text + "@" + account.domain.unicode());
    auto address = Address::parse(isOld ? text + "@" + account.domain.unicode() : text);
    if (!address) return file_.error(path, "not an address: " + address.error().text);
    auto* at = domain(address->domain.ascii());
    if (at == nullptr) return file_.error(path, "domain " + address->domain.unicode() + " is not under Domains");
    auto canonical = at->canonical(address->localpart);
    if (canonical.text() != caseOf(*at, address->localpart.text())) {
      return file_.error(path, "localpart holds a separator of the domain, so it could never be reached");
    }
    target.address = Address{canonical, at->name}.text();
    account.addresses.push_back(target.address);
    withAddress_.insert(at->name.ascii());
    auto [old, added] = t_.targets.emplace(addressKey(canonical, at->name), std::move(target));
    if (!added) file_.error(path, "the same address as " + old->second.address + " of account " + old->second.account);
  }

  // Aliases.

  void aliases(const std::string& name, const DomainSettings& settings) {
    auto* at = domain(name);
    if (at == nullptr) return;
    for (const auto& [text, alias] : settings.aliases) {
      Path path = Path() / "Domains" / name / "Aliases" / text;
      auto localpart = checkLocalpart(file_, path, text);
      if (!localpart) continue;
      auto canonical = at->canonical(*localpart);
      if (canonical.text() != caseOf(*at, localpart->text())) {
        file_.error(path, "localpart holds a separator of the domain, so it could never be reached");
        continue;
      }
      auto key = addressKey(canonical, at->name);
      if (t_.targets.contains(key)) file_.error(path, "is an address of account " + t_.targets.at(key).account + " already");
      AliasTarget target(Address{canonical, at->name});
      target.postPublic = alias.postPublic;
      target.listMembers = alias.listMembers;
      target.allowMsgFrom = alias.allowMsgFrom;
      members(path / "Addresses", alias, target);
      withAddress_.insert(at->name.ascii());
      if (!t_.aliases.emplace(key, std::move(target)).second) file_.error(path, "the same address as another alias");
    }
  }

  void members(const Path& path, const Alias& alias, AliasTarget& target) {
    if (alias.addresses.empty()) file_.error(path, "must not be empty");
    std::set<std::string> seen;
    for (std::size_t i = 0; i < alias.addresses.size(); ++i) {
      auto address = Address::parse(alias.addresses[i]);
      if (!address) {
        file_.error(path / i, "not an address: " + address.error().text);
        continue;
      }
      const auto* found = exact(*address);
      if (found == nullptr) file_.error(path / i, printable(alias.addresses[i]) + " is not an address of an account");
      else if (!seen.insert(found->address).second) file_.error(path / i, "member is listed twice");
      else target.members.push_back({Address{domain(address->domain.ascii())->canonical(address->localpart), address->domain}, found});
    }
  }

  /// Of an account and not by a catchall.
  const Target* exact(const Address& address) {
    auto* at = domain(address.domain.ascii());
    if (at == nullptr) return nullptr;
    auto found = t_.targets.find(addressKey(at->canonical(address.localpart), at->name));
    return found == t_.targets.end() ? nullptr : &found->second;
  }

  // What depends on all addresses.

  void fromIds(const AccountInfo& account) {
    const auto& texts = account.settings.fromIdLoginAddresses;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      Path path = Path() / "Accounts" / account.name / "FromIDLoginAddresses" / i;
      auto address = Address::parse(texts[i]);
      const Target* found = address ? exact(*address) : nullptr;
      if (found == nullptr || found->account != account.name) file_.error(path, "is not an address of this account");
      else if (domain(address->domain.ascii())->separators.empty()) file_.error(path, "needs a domain with LocalpartCatchallSeparator");
    }
  }

  void reportsOnly(DomainInfo& info) {
    auto elsewhere = [&](const std::optional<ReportAddress>& report) {
      return report && !report->domain.empty() && domain(report->domain) != &info;
    };
    bool any = elsewhere(info.settings.dmarc) || elsewhere(info.settings.tlsRpt);
    info.reportsOnly = any && !withAddress_.contains(info.name.ascii());
  }

  Build& b_;
  Document& file_;
  Config::Tables& t_;
  std::set<std::string> withAddress_;  ///< domains by A-label
};

}  // namespace

void buildAddresses(Build& b) { AddressBuilder(b).run(); }

}  // namespace mox::config
