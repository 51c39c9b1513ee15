#include "app/DeclaredPasswords.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>

#include "store/Damage.h"

namespace mox::app {

namespace {

/// Each takes some 50 ms of a core: often enough for a service manager that waits, rare enough for one that does not read.
constexpr std::size_t passwordsBetweenTold = 16;

/// Null if it is damaged, which was told: the others go on, and it gets its password when it was mended and is looked at again.
Result<std::shared_ptr<store::Account>> openUnlessDamaged(Storage& storage, const std::string& name) {
  try {
    return storage.accounts.open(name);
  } catch (const store::AccountDamaged&) {
    return std::shared_ptr<store::Account>();
  }
}

/// What stands in the account decides; the record only spares a look at it.
bool isWanted(const config::AccountInfo& info, const std::string& digest, Storage& storage, const Log& log) {
  if (!storage.accounts.exists(info.name)) return true;
  auto account = openUnlessDamaged(storage, info.name);
  if (account && *account == nullptr) return false;
  if (!account) return true;
  auto source = (*account)->passwordSource();
  if (source == digest) return false;
  bool hasOwn = source.empty() && (*account)->password().has_value();
  if (!hasOwn || !info.password->isMutable) return true;
  log.info("the password of the file is not taken, the account has one that was set since", {{"account", info.name}});
  return false;
}

Result<NewPassword> derive(const config::AccountInfo& info, const config::FileReader& files, const std::string& digest, Random& random) {
  auto text = config::readPassword(files, *info.password);
  if (!text) return fail("account " + info.name + ": " + info.password->file, text.error());
  if (info.password->isHash) return NewPassword{info.name, {*text, {}}, digest};
  auto secrets = store::makeSecrets(*text, random);
  if (!secrets) return fail("account " + info.name + ": " + info.password->file, secrets.error());
  return NewPassword{info.name, std::move(*secrets), digest};
}

}  // namespace

Result<std::vector<NewPassword>> derivePasswords(const config::Config& config, const config::FileReader& files, const Applied& before,
                                                 const Applied& after, Storage& storage, Foundations& foundations,
                                                 const std::function<void(std::size_t done, std::size_t all)>& told) {
  std::vector<const config::AccountInfo*> wanted;
  for (const auto& [name, info] : config.accounts()) {
    if (!info.password) continue;
    auto digest = after.password(name);
    bool isKnown = !digest.empty() && after.samePassword(before, name) && storage.accounts.exists(name);
    if (!isKnown && isWanted(info, digest, storage, foundations.log)) wanted.push_back(&info);
  }
  if (!wanted.empty()) foundations.log.info("taking passwords from files", {{"accounts", wanted.size()}});
  std::vector<NewPassword> out(wanted.size());
  std::mutex mutex;
  std::optional<Error> broken;
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> done{0};
  auto work = [&] {
    for (auto i = next++; i < wanted.size(); i = next++) {
      auto made = derive(*wanted[i], files, after.password(wanted[i]->name), foundations.random);
      if (made) {
        out[i] = std::move(*made);
      } else {
        std::lock_guard hold(mutex);
        broken = made.error();
      }
      // Without the lock: who is told may be slow.
      if (auto now = ++done; now % passwordsBetweenTold == 0) told(now, wanted.size());
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t i = 1; i < std::min<std::size_t>(wanted.size(), std::thread::hardware_concurrency()); ++i) others.emplace_back(work);
  work();
  others.clear();
  if (broken) return tl::unexpected(*broken);
  return out;
}

std::map<std::string, std::string> declaredHashes(const config::Config& config, const config::FileReader& files,
                                                  const std::map<std::string, std::string>& before) {
  std::map<std::string, std::string> out;
  for (const auto& [name, info] : config.accounts()) {
    if (!info.password || !info.password->isHash) continue;
    auto known = before.find(name);
    if (auto text = config::readPassword(files, *info.password)) out.emplace(name, std::move(*text));
    else if (known != before.end()) out.insert(*known);
  }
  return out;
}

void setPasswords(const std::vector<NewPassword>& passwords, Storage& storage, const Log& log) {
  for (const auto& password : passwords) {
    auto account = openUnlessDamaged(storage, password.account);
    if (account && *account == nullptr) continue;
    if (!account) throw std::runtime_error("account " + password.account + ": " + account.error().text);
    (*account)->setPassword(password.secrets, password.source);
    log.info("password set from its file", {{"account", password.account}});
  }
}

}  // namespace mox::app
