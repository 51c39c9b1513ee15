#include "app/ManagedCommands.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <sstream>

#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/QuickstartConfig.h"
#include "app/ServerCommands.h"
#include "app/Serving.h"
#include "base/Text.h"
#include "config/Write.h"
#include "net/Keys.h"
#include "store/Accounts.h"

namespace mox::app {

namespace {

using config::Path;

const Path top;

int failed(Invocation& call, const Error& error) {
  call.err << "error: " << error.text << "\n";
  return 1;
}

/// Makes a change and tells of it.
int changed(const Management& m, Invocation& call, const Changing& changing, const std::string& said) {
  auto done = m.change(changing);
  if (!done) return failed(call, done.error());
  call.out << said << "\n";
  for (const auto& edit : *done) call.out << "Also applied, since the files had been edited: " << edit << "\n";
  if (m.from) call.out << m.from() << "\n";
  return 0;
}

template <class T>
std::string sconf(const T& part) {
  auto text = config::writeSconf(part);
  if (!text) throw std::runtime_error("configuration cannot be written: " + text.error().text);
  return *text;
}

// What the file calls things by: any spelling that means the same.

Result<std::string> domainKey(const config::Config& config, const Domain& name) {
  for (const auto& [key, settings] : config.dynamic().domains)
    if (auto domain = Domain::make(key); domain && *domain == name) return key;
  return fail(Errc::notFound, "domain " + name.unicode() + " is not configured");
}

Result<Domain> domainOf(const std::string& text) {
  auto domain = Domain::make(text);
  if (!domain) return fail(Errc::syntax, printable(text) + " is not a domain: " + domain.error().text);
  return *domain;
}

Result<Path> accountPath(const config::Config& config, const std::string& name) {
  if (config.account(name) == nullptr) return fail(Errc::notFound, "there is no account \"" + printable(name) + "\"");
  return top / "Accounts" / name;
}

/// "user@example.org", "@example.org" as the configuration means it; a destination without domain is of `standard`.
std::string canonicalAddress(const config::Config& config, const std::string& text, const std::string& standard = "") {
  if (text.starts_with('@')) {
    auto domain = Domain::make(text.substr(1));
    return domain ? "@" + domain->unicode() : text;
  }
  auto address = Address::parse(text.find('@') == std::string::npos ? text + "@" + standard : text);
  if (!address) return text;
  const auto* info = config.domain(address->domain);
  return info == nullptr ? address->text() : Address{info->canonical(address->localpart), address->domain}.text();
}

Result<void> checkAddress(const config::Config& config, const std::string& text) {
  if (text.starts_with('@')) {
    auto domain = domainOf(text.substr(1));
    if (!domain) return tl::unexpected(domain.error());
    return domainKey(config, *domain).map([](const auto&) {});
  }
  auto address = Address::parse(text);
  if (!address) return fail(Errc::syntax, printable(text) + " is not an address: " + address.error().text);
  return domainKey(config, address->domain).map([](const auto&) {});
}

// Accounts -----------------------------------------------------------------------------------------------------

int accountList(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 0, 0)) return 2;
  for (const auto& [name, info] : m.config->accounts()) call.out << name << (info.loginDisabled ? "\tdisabled: " + *info.loginDisabled : "") << "\n";
  return 0;
}

Result<void> addAccount(Change& change, const std::string& name, const Address& address) {
  if (!store::isAccountName(name)) return fail(Errc::syntax, printable(name) + " cannot be the name of an account");
  if (change.config.account(name) != nullptr) return fail(Errc::exists, "account \"" + name + "\" is there already");
  return change.file.add(top / "Accounts" / name, sconf(newAccount(address)));
}

std::string accountAdded(const Management& m, const std::string& name) {
  bool old = store::SystemFiles().size(m.config->dataDir() + "/accounts/" + name + "/account.db") >= 0;
  return fmt::format("account {} added{}; set its password with \"mox setaccountpassword {}\"", name, old ? ", with the mail an earlier one of that name left" : "", name);
}

int accountAdd(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 2, 2)) return 2;
  const auto& name = call.args[0];
  auto address = Address::parse(call.args[1]);
  if (!address) return failed(call, {Errc::syntax, printable(call.args[1]) + " is not an address: " + address.error().text});
  auto said = accountAdded(m, name);
  return changed(m, call, [&](Change& change) -> Result<void> {
    if (auto known = domainKey(change.config, address->domain); !known) return tl::unexpected(known.error());
    return addAccount(change, name, *address);
  }, said);
}

int accountRemove(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  const auto& name = call.args[0];
  return changed(m, call, [&](Change& change) { return accountPath(change.config, name).and_then([&](const Path& path) { return change.file.remove(path); }); },
                 fmt::format("account {} removed: nobody can log in or send to it. Its mail is kept; \"mox account remove-data {}\" removes it for good", name, name));
}

int accountDisable(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 2, 2)) return 2;
  if (call.args[1].empty()) return failed(call, {Errc::syntax, "a text is needed, for whoever tries to log in"});
  return changed(m, call, [&](Change& change) {
    return accountPath(change.config, call.args[0]).and_then([&](const Path& path) { return change.file.set(path / "LoginDisabled", call.args[1]); });
  }, fmt::format("account {} disabled: mail still arrives, nobody logs in", call.args[0]));
}

int accountEnable(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  return changed(m, call, [&](Change& change) -> Result<void> {
    auto path = accountPath(change.config, call.args[0]);
    if (!path) return tl::unexpected(path.error());
    if (change.file.find(*path / "LoginDisabled") == nullptr) return fail(Errc::conflict, "account " + call.args[0] + " is not disabled");
    return change.file.remove(*path / "LoginDisabled");
  }, fmt::format("account {} enabled", call.args[0]));
}

// Addresses ----------------------------------------------------------------------------------------------------

int addressAdd(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 2, 2)) return 2;
  const auto& text = call.args[0];
  return changed(m, call, [&](Change& change) -> Result<void> {
    if (auto good = checkAddress(change.config, text); !good) return good;
    auto path = accountPath(change.config, call.args[1]);
    if (!path) return tl::unexpected(path.error());
    return change.file.add(*path / "Destinations" / text, "");
  }, fmt::format("{} added to account {}", text, call.args[1]));
}

/// Where a destination is written.
Result<Path> destinationPath(const config::Config& config, const std::string& text) {
  auto wanted = canonicalAddress(config, text);
  for (const auto& [name, info] : config.accounts())
    for (const auto& [key, destination] : info.settings.destinations)
      if (canonicalAddress(config, key, info.domain.unicode()) == wanted) return top / "Accounts" / name / "Destinations" / key;
  return fail(Errc::notFound, printable(text) + " is not an address of an account");
}

int addressRemove(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  return changed(m, call, [&](Change& change) { return destinationPath(change.config, call.args[0]).and_then([&](const Path& path) { return change.file.remove(path); }); },
                 call.args[0] + " removed");
}

// Domains ------------------------------------------------------------------------------------------------------

bool servesPolicy(const config::Config& config) {
  const auto& listeners = config.listeners();
  return std::any_of(listeners.begin(), listeners.end(), [](const auto& listener) { return listener.settings.mtaStsHttps.enabled; });
}

Result<void> addDomain(Change& change, const Domain& name, const std::string& account, bool disabled, Time now) {
  if (domainKey(change.config, name)) return fail(Errc::exists, "domain " + name.unicode() + " is there already");
  auto newSettings = [&](Time at) {
    auto settings = newDomain(name, change.config.hostname(), account, at);
    settings.disabled = disabled;
    if (!servesPolicy(change.config)) settings.mtaSts.reset();
    return settings;
  };
  auto settings = newSettings(now);
  change.created.directory("dkim");
  // Keys of a domain that was removed in this very second are still there. Another second names them as well.
  auto taken = [&](const auto& selector) { return change.created.isThere(selector.second.privateKeyFile); };
  while (std::any_of(settings.dkim.selectors.begin(), settings.dkim.selectors.end(), taken)) settings = newSettings(now += std::chrono::seconds(1));
  if (auto added = change.file.add(top / "Domains" / name.unicode(), sconf(settings)); !added) return added;
  for (const auto& [selector, key] : settings.dkim.selectors) change.created.file(key.privateKeyFile, net::generateRsa2048());
  return {};
}

int domainAdd(const Management& m, Invocation& call) {
  bool disabled = false;
  Flags flags;
  flags.toggle("disabled", disabled, "no mail for it until it is enabled");
  if (!parseFlags(call, flags, 2, 3)) return 2;
  auto name = domainOf(call.args[0]);
  if (!name) return failed(call, name.error());
  const auto& account = call.args[1];
  std::optional<Address> address;
  if (call.args.size() > 2) {
    auto localpart = Localpart::make(call.args[2]);
    if (!localpart) return failed(call, localpart.error());
    address = Address{*localpart, *name};
  }
  auto said = fmt::format("domain {} added{}; \"mox dns records {}\" prints its DNS records", name->unicode(), disabled ? ", disabled" : "", name->unicode());
  if (address) said += "\n" + accountAdded(m, account);
  return changed(m, call, [&](Change& change) -> Result<void> {
    bool known = change.config.account(account) != nullptr;
    if (known && address) return fail(Errc::conflict, "account " + account + " is there already: a localpart is only for a new one");
    if (!known && !address) return fail(Errc::notFound, "there is no account \"" + printable(account) + "\"; with a localpart it is made");
    if (auto added = addDomain(change, *name, account, disabled, m.clock.now()); !added || !address) return added;
    return addAccount(change, account, *address);
  }, said);
}

/// A change to a domain that is there.
int onDomain(const Management& m, Invocation& call, const std::function<Result<void>(Change&, const Path&)>& doing, std::string_view what) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto name = domainOf(call.args[0]);
  if (!name) return failed(call, name.error());
  return changed(m, call, [&](Change& change) {
    return domainKey(change.config, *name).and_then([&](const std::string& key) { return doing(change, top / "Domains" / key); });
  }, fmt::format("domain {} {}", name->unicode(), what));
}

int domainRemove(const Management& m, Invocation& call) {
  return onDomain(m, call, [](Change& change, const Path& path) { return change.file.remove(path); }, "removed; the files of its DKIM keys stay");
}
int domainDisable(const Management& m, Invocation& call) {
  return onDomain(m, call, [](Change& change, const Path& path) { return change.file.set(path / "Disabled", "true"); }, "disabled: no mail comes or goes, users still log in");
}
int domainEnable(const Management& m, Invocation& call) {
  return onDomain(m, call, [](Change& change, const Path& path) -> Result<void> {
    const auto* node = change.file.find(path / "Disabled");
    if (node == nullptr || node->text != "true") return fail(Errc::conflict, "the domain is not disabled");
    return change.file.remove(path / "Disabled");
  }, "enabled");
}

// Aliases ------------------------------------------------------------------------------------------------------

struct FoundAlias {
  Path path;
  const config::Alias* settings;
};

Result<FoundAlias> findAlias(const config::Config& config, const std::string& text) {
  auto address = Address::parse(text);
  if (!address) return fail(Errc::syntax, printable(text) + " is not an address: " + address.error().text);
  auto domain = domainKey(config, address->domain);
  if (!domain) return tl::unexpected(domain.error());
  const auto& info = *config.domain(address->domain);
  for (const auto& [key, alias] : info.settings.aliases) {
    auto localpart = Localpart::make(key);
    if (localpart && info.canonical(*localpart) == info.canonical(address->localpart)) return FoundAlias{top / "Domains" / *domain / "Aliases" / key, &alias};
  }
  return fail(Errc::notFound, "there is no alias " + printable(text));
}

int aliasList(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto name = domainOf(call.args[0]);
  if (!name) return failed(call, name.error());
  auto key = domainKey(*m.config, *name);
  if (!key) return failed(call, key.error());
  for (const auto& [localpart, alias] : m.config->domain(*name)->settings.aliases) call.out << localpart << "@" << name->unicode() << "\n";
  return 0;
}

int aliasPrint(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  auto alias = findAlias(*m.config, call.args[0]);
  if (!alias) return failed(call, alias.error());
  auto yes = [](bool value) { return value ? "true" : "false"; };
  const auto& settings = *alias->settings;
  call.out << "# postpublic " << yes(settings.postPublic) << "\n# listmembers " << yes(settings.listMembers) << "\n# allowmsgfrom " << yes(settings.allowMsgFrom) << "\n# members:\n";
  for (const auto& member : settings.addresses) call.out << member << "\n";
  return 0;
}

int aliasAdd(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 2, ctlWordsLimit)) return 2;
  auto address = Address::parse(call.args[0]);
  if (!address) return failed(call, {Errc::syntax, printable(call.args[0]) + " is not an address: " + address.error().text});
  config::Alias settings;
  settings.addresses.assign(call.args.begin() + 1, call.args.end());
  return changed(m, call, [&](Change& change) -> Result<void> {
    auto domain = domainKey(change.config, address->domain);
    if (!domain) return tl::unexpected(domain.error());
    if (findAlias(change.config, call.args[0])) return fail(Errc::exists, call.args[0] + " is an alias already");
    return change.file.add(top / "Domains" / *domain / "Aliases" / address->localpart.text(), sconf(settings));
  }, fmt::format("alias {} added", call.args[0]));
}

int onAlias(const Management& m, Invocation& call, const std::function<Result<void>(Change&, const FoundAlias&)>& doing, std::string_view what) {
  return changed(m, call, [&](Change& change) { return findAlias(change.config, call.args[0]).and_then([&](const FoundAlias& alias) { return doing(change, alias); }); },
                 fmt::format("alias {} {}", call.args[0], what));
}

/// Who asks for what there is not yet hears of it here, and not from the log of the next start alone.
void warnIfLater(const Path& alias, std::string_view name, std::ostream& err) {
  config::Alias settings;
  for (const auto& field : described::typeOf<config::Alias>().fields(&settings))
    if (field.name == name && field.isLater) err << "warning: " << (alias / name).dotted() << ": " << config::notAvailableYet << "\n";
}

int aliasUpdate(const Management& m, Invocation& call) {
  std::map<std::string_view, bool> wanted;
  Flags flags;
  auto option = [&](const char* name, const char* field, const char* doc) {
    flags.parsed(name, [&wanted, field](std::string_view value) -> Result<void> {
      if (value != "true" && value != "false") return fail(Errc::syntax, "true or false");
      wanted[field] = value == "true";
      return {};
    }, doc);
  };
  option("postpublic", "PostPublic", "true or false: whether anybody may send to it");
  option("listmembers", "ListMembers", "true or false: whether members may see who the others are");
  option("allowmsgfrom", "AllowMsgFrom", "true or false: whether members may send with its address");
  if (!parseFlags(call, flags, 1, 1)) return 2;
  if (wanted.empty()) return failed(call, {Errc::syntax, "nothing to change was given"});
  Path path;
  int status = onAlias(m, call, [&](Change& change, const FoundAlias& alias) -> Result<void> {
    path = alias.path;
    for (const auto& [field, value] : wanted) {
      auto at = alias.path / field;
      Result<void> done;
      if (value) done = change.file.set(at, "true");
      else if (change.file.find(at) != nullptr) done = change.file.remove(at);
      if (!done) return done;
    }
    return {};
  }, "changed");
  for (const auto& [field, value] : wanted)
    if (value && status == 0) warnIfLater(path, field, call.err);
  return status;
}

int aliasRemove(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 1, 1)) return 2;
  return onAlias(m, call, [](Change& change, const FoundAlias& alias) { return change.file.remove(alias.path); }, "removed");
}

int aliasAddAddresses(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 2, ctlWordsLimit)) return 2;
  return onAlias(m, call, [&](Change& change, const FoundAlias& alias) -> Result<void> {
    for (auto member = call.args.begin() + 1; member != call.args.end(); ++member)
      if (auto done = change.file.append(alias.path / "Addresses", *member); !done) return done;
    return {};
  }, "has new members");
}

int aliasRemoveAddresses(const Management& m, Invocation& call) {
  if (!parseFlags(call, Flags(), 2, ctlWordsLimit)) return 2;
  return onAlias(m, call, [&](Change& change, const FoundAlias& alias) -> Result<void> {
    auto members = alias.settings->addresses;
    for (auto given = call.args.begin() + 1; given != call.args.end(); ++given) {
      auto wanted = canonicalAddress(change.config, *given);
      auto at = std::find_if(members.begin(), members.end(), [&](const auto& member) { return canonicalAddress(change.config, member) == wanted; });
      if (at == members.end()) return fail(Errc::notFound, printable(*given) + " is not a member of the alias");
      if (members.size() == 1) return fail(Errc::conflict, "an alias needs a member: remove the alias instead");
      auto done = change.file.remove(alias.path / "Addresses" / static_cast<std::size_t>(at - members.begin()));
      if (!done) return done;
      members.erase(at);
    }
    return {};
  }, "has members less");
}

const std::map<std::string_view, int (*)(const Management&, Invocation&)>& table() {
  static const std::map<std::string_view, int (*)(const Management&, Invocation&)> all{
      {"config account list", accountList},   {"config account add", accountAdd},           {"config account rm", accountRemove},
      {"config account disable", accountDisable}, {"config account enable", accountEnable}, {"config address add", addressAdd},
      {"config address rm", addressRemove},   {"config domain add", domainAdd},             {"config domain rm", domainRemove},
      {"config domain disable", domainDisable}, {"config domain enable", domainEnable},     {"config alias list", aliasList},
      {"config alias print", aliasPrint},     {"config alias add", aliasAdd},               {"config alias update", aliasUpdate},
      {"config alias rm", aliasRemove},       {"config alias addaddr", aliasAddAddresses},  {"config alias rmaddr", aliasRemoveAddresses},
  };
  return all;
}

}  // namespace

const std::vector<std::string_view>& managedCommands() {
  static const std::vector<std::string_view> words = [] {
    std::vector<std::string_view> out;
    for (const auto& [name, run] : table()) out.push_back(name);
    return out;
  }();
  return words;
}

int runManaged(const Management& management, Invocation& call) { return table().at(call.words)(management, call); }

int serverManaged(ServerParts& server, Invocation& call) {
  return runManaged({server.config.current(), server.changeDomains, server.foundations.clock}, call);
}

namespace {

/// A server that started between the look for one and the change may have read the file before it.
std::string takenOver(const std::string& ctl, std::ostream& err) {
  std::ostringstream ignored;
  auto status = store::SystemFiles().size(ctl) >= 0 ? ctlCall(ctl, {{"reload"}, ""}, ignored, err) : fail(Errc::notFound, "");
  if (!status) return "The server does not run: it works by this from its next start.";
  return *status == 0 ? "The server has started meanwhile, and works by this." : "The server has started meanwhile, and refused to take this over: see above.";
}

}  // namespace

int commandManaged(Invocation& call) {
  auto loaded = loadConfig(call.configPath, call.pedantic, call.err);
  if (!loaded.config) return 1;
  auto ctl = ctlPath(loaded.config->dataDir());
  CtlRequest request{{std::string(call.words)}, ""};
  request.words.insert(request.words.end(), call.args.begin(), call.args.end());
  if (store::SystemFiles().size(ctl) >= 0)
    if (auto status = ctlCall(ctl, request, call.out, call.err)) return *status;
  store::SystemFiles files;
  SystemClock clock;
  ManagedFiles managed{call.configPath, loaded.config->staticText(), loaded.files, files};
  auto change = [&](const Changing& changing) {
    return changeDomains(managed, changing).map([](const config::ConfigPtr&) { return std::vector<std::string>(); });
  };
  return runManaged({loaded.config, change, clock, [&] { return takenOver(ctl, call.err); }}, call);
}

}  // namespace mox::app
