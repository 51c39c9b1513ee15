#include "app/Storage.h"

#include <algorithm>
#include <stdexcept>

#include "app/DataDir.h"
#include "base/Text.h"

namespace mox::app {

namespace {

constexpr std::size_t saltKeySize = 32;

/// The first to use the directory, so it makes it.
std::string saltKeyOf(Foundations& f, const std::string& dataDir) {
  if (auto foreign = foreignData(dataDir); !foreign.empty()) throw std::runtime_error(foreign);
  makeDataDirectory(f.files, dataDir);
  return readOrMakeSecret(f.files, f.random, saltKeyPath(dataDir), saltKeySize);
}

delivery::ReceivedId receivedIdOf(Foundations& f, const std::string& dataDir) {
  auto path = receivedIdKeyPath(dataDir);
  auto made = delivery::ReceivedId::make(readOrMakeSecret(f.files, f.random, path, delivery::ReceivedId::keySize));
  if (!made) throw std::runtime_error(path + ": " + made.error().text);
  return *made;
}

store::Environment environment(Foundations& f, const dkim::PublicSuffixList& suffixes) {
  store::Environment out;
  out.files = &f.files;
  out.clock = &f.clock;
  out.random = &f.random;
  out.log = f.log.room("store");
  out.metrics = &f.metrics;
  out.organisationalDomain = [&suffixes](const std::string& name) {
    auto domain = Domain::make(name);
    return domain ? suffixes.organisational(*domain).ascii() : name;
  };
  return out;
}

}  // namespace

std::vector<std::pair<std::string, store::SpecialUses>> initialMailboxes(const config::Static& fixed) {
  std::vector<std::pair<std::string, store::SpecialUses>> out{{"Inbox", 0}};
  auto add = [&](const std::string& name, store::SpecialUses use) {
    bool known = std::any_of(out.begin(), out.end(), [&](const auto& box) { return box.first == name; });
    if (!name.empty() && !known && !equalsNoCase(name, "Inbox")) out.emplace_back(name, use);
  };
  const auto& initial = fixed.initialMailboxes;
  bool configured = !described::typeOf<config::InitialMailboxes>().isZero(&initial);
  config::SpecialUseMailboxes roles = initial.specialUse;
  if (!configured && fixed.defaultMailboxes.empty()) roles = {"Sent", "Archive", "Trash", "Drafts", "Junk"};
  add(roles.sent, store::sentUse);
  add(roles.archive, store::archiveUse);
  add(roles.trash, store::trashUse);
  add(roles.draft, store::draftsUse);
  add(roles.junk, store::junkUse);
  for (const auto& name : initial.regular) add(name, 0);
  const std::pair<const char*, store::SpecialUses> guesses[] = {
      {"Sent", store::sentUse}, {"Archive", store::archiveUse}, {"Trash", store::trashUse}, {"Drafts", store::draftsUse}, {"Junk", store::junkUse}};
  for (const auto& name : fixed.defaultMailboxes) {
    auto guess = std::find_if(std::begin(guesses), std::end(guesses), [&](const auto& g) { return name == g.first; });
    add(name, guess == std::end(guesses) ? store::SpecialUses(0) : guess->second);
  }
  return out;
}

Result<std::string> passwordFromInput(std::string_view input, std::size_t minimum) {
  auto end = input.find('\n');
  auto line = input.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (end != std::string_view::npos && !trim(input.substr(end)).empty()) return fail(Errc::syntax, "more than one line given for a password");
  if (line.size() < minimum) return fail(Errc::syntax, "password must have at least " + std::to_string(minimum) + " characters");
  return std::string(line);
}

Storage::Storage(Foundations& f, const std::string& dataDir)
    : saltKey(saltKeyOf(f, dataDir)),
      receivedId(receivedIdOf(f, dataDir)),
      accounts(dataDir, environment(f, suffixes)),
      authDb(dataDir + "/auth.db", f.clock, f.log.room("store")),
      passwords(f.clock, f.random, saltKey),
      foundations_(f) {}

std::vector<std::string> Storage::createAccounts(const config::Config& config) {
  std::vector<std::string> created;
  for (const auto& [name, info] : config.accounts()) {
    if (accounts.exists(name)) continue;  // also if it is damaged: nothing is made in its place
    auto account = accounts.open(name);
    if (!account) throw std::runtime_error("account " + name + ": " + account.error().text);
    auto mailboxes = initialMailboxes(config.fixed());
    if (!info.settings.rejectsMailbox.empty()) mailboxes.emplace_back(info.settings.rejectsMailbox, store::SpecialUses(0));
    (*account)->ensureMailboxes(mailboxes);
    created.push_back(name);
    if (!info.password) foundations_.log.warn("new account has no password, nobody can log in; set one with \"mox setaccountpassword\"", {{"account", name}});
  }
  return created;
}

Result<void> Storage::setPassword(const config::Config& config, const std::string& account, std::string_view password) {
  if (config.account(account) == nullptr) return fail(Errc::notFound, "there is no account \"" + printable(account) + "\"");
  const auto& source = config.account(account)->password;
  if (source && !source->isMutable) return fail(Errc::denied, "the password of this account is declared: change " + source->file + " and reload");
  if (password.size() < minPasswordLength) return fail(Errc::syntax, "password must have at least " + std::to_string(minPasswordLength) + " characters");
  auto secrets = store::makeSecrets(password, foundations_.random);
  if (!secrets) return tl::unexpected(secrets.error());
  auto opened = accounts.open(account);
  if (!opened) return tl::unexpected(opened.error());
  (*opened)->setPassword(*secrets);
  return {};
}

}  // namespace mox::app
