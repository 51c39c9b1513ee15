#include "store/Accounts.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/Text.h"
#include "base/Unicode.h"
#include "store/Damage.h"
#include "store/Db.h"
#include "store/Schema.h"
#include "store/Spool.h"

namespace mox::store {

namespace {

/// How often the indexing thread looks for work when it has none.
constexpr auto indexInterval = std::chrono::seconds(1);
/// How often and how long remove() waits for the threads here to let go of an account.
constexpr int upkeepLooks = 200;
constexpr auto upkeepPatience = std::chrono::milliseconds(5);
/// Of the indexing thread: whoever has a client waiting goes first.
constexpr int indexNice = 10;
constexpr std::size_t maxAccountNameBytes = 100;

/// In front of the name of an account that is being removed. No account's name begins with ".".
constexpr std::string_view removedPrefix = ".removed-";

/// Files of an account: folders three deep. Nothing is followed out of it.
void removeTree(Files& files, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 && errno == ENOENT) return;
  if (!S_ISDIR(info.st_mode)) {
    files.remove(path);
    return;
  }
  for (const auto& entry : files.list(path)) removeTree(files, path + "/" + entry);
  if (::rmdir(path.c_str()) != 0) throw FileError(errno, std::generic_category(), "removing " + path);
}

/// A folder is nothing of ours, and must not keep a server from starting.
void removeSpool(const Environment& env, const std::string& path) {
  struct stat info {};
  if (::lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode))
    env.log.warn("a folder where mail is kept that arrives; it stays", {{"path", path}});
  else
    env.files->remove(path);
}

/// A server must say at its start, and not at somebody's login, that a database is of a later version. Opening the account
/// looks again.
void refuseNewer(Files& files, const std::string& path) {
  auto format = formatInHeader(files, path);
  if (format > static_cast<std::uint32_t>(accountFormat)) throw std::runtime_error(newerFormat(path, format, accountFormat));
}

}  // namespace

// One process at a time: opening an account removes body files whose commit never came, which another process
// may be about to make. The kernel lets go of the lock when we end, however we end.
Fd lockAccounts(const std::string& accountsDirectory) {
  auto path = accountsDirectory + "/.lock";
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw FileError(errno, std::generic_category(), "opening " + path);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) throw FileError(errno, std::generic_category(), "another process uses this data directory: " + path);
  return fd;
}

bool isAccountName(std::string_view name) {
  if (name.empty() || name.size() > maxAccountNameBytes || !isPlainUtf8(name)) return false;
  auto allowed = [](char c) { return isAlpha(c) || isDigit(c) || std::string_view("-_.@").find(c) != std::string_view::npos || (c & 0x80) != 0; };
  return std::string_view("-_.@").find(name.front()) == std::string_view::npos && std::all_of(name.begin(), name.end(), allowed);
}

struct Accounts::State {
  State(std::string data, Environment environment)
      : directory(data + "/accounts"), spools(data + "/tmp"), env(std::move(environment)) {}

  struct Entry {
    std::shared_ptr<Account> account;  // null while somebody opens or closes it
    Steady used{};
  };

  const std::string directory, spools;
  const Environment env;
  Fd inUse;  ///< of the data directory
  mutable std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, Entry> open;
  std::map<std::string, std::string> damaged;  ///< accounts and why they could not be opened the last time
  bool stopping = false;
  std::thread thread, indexer;

  void lookAtAll(const std::vector<std::string>& names);
  std::shared_ptr<Account> acquire(const std::string& name);
  std::vector<std::shared_ptr<Account>> takeIdle();
  bool takeUnused(const std::string& name);
  void close(std::vector<std::shared_ptr<Account>> idle);
  void upkeep(Account& account) const;
  void loop(Accounts& owner);
  std::vector<std::shared_ptr<Account>> opened();
  void index();
};

Accounts::Accounts(std::string dataDirectory, Environment environment)
    : state_(std::make_unique<State>(std::move(dataDirectory), std::move(environment))) {
  auto& s = *state_;
  s.env.files->makeDirectory(s.directory);
  s.inUse = lockAccounts(s.directory);
  s.env.files->makeDirectory(s.spools);
  for (const auto& file : s.env.files->list(s.spools)) removeSpool(s.env, s.spools + "/" + file);
  for (const auto& entry : s.env.files->list(s.directory))
    if (entry.starts_with(removedPrefix)) removeTree(*s.env.files, s.directory + "/" + entry);
  s.lookAtAll(list());
  s.thread = std::thread([this] { state_->loop(*this); });
  s.indexer = std::thread([this] { state_->index(); });
}

Accounts::~Accounts() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  state_->thread.join();
  state_->indexer.join();
}

/// Of a newer version: the whole start is refused, whoever went back to this one did so for all accounts. A damaged one is
/// one person's trouble and must not be everybody's.
void Accounts::State::lookAtAll(const std::vector<std::string>& names) {
  for (const auto& name : names) {
    auto folder = directory + "/" + name;
    auto damage = accountDamage(*env.files, folder);
    if (damage.empty()) {
      refuseNewer(*env.files, folder + "/account.db");
      continue;
    }
    env.log.error("an account is damaged and cannot be used", {{"account", name}, {"error", damage}});
    damaged[name] = damage;
  }
}

std::shared_ptr<Account> Accounts::State::acquire(const std::string& name) {
  std::unique_lock lock(mutex);
  for (;;) {
    auto found = open.find(name);
    if (found == open.end()) break;
    auto& entry = found->second;
    if (entry.account) {
      entry.used = env.clock->steady();
      return entry.account;
    }
    changed.wait(lock);
  }
  open[name];  // others wait for us from here on
  lock.unlock();
  std::shared_ptr<Account> account;
  std::exception_ptr error;
  std::string damage;
  try {
    account = std::make_shared<Account>(name, directory + "/" + name, spools, env);
  } catch (const AccountDamaged& broken) {
    damage = broken.what();
    error = std::current_exception();
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  if (!damage.empty()) damaged[name] = damage;
  if (account) damaged.erase(name);
  if (account)
    open[name] = {account, env.clock->steady()};
  else
    open.erase(name);
  changed.notify_all();
  if (error) std::rethrow_exception(error);
  return account;
}

/// Takes idle accounts out of the map, leaving the names reserved until close().
std::vector<std::shared_ptr<Account>> Accounts::State::takeIdle() {
  std::lock_guard lock(mutex);
  std::vector<Entry*> idle;
  for (auto& [name, entry] : open)
    if (entry.account && entry.account.use_count() == 1) idle.push_back(&entry);
  std::sort(idle.begin(), idle.end(), [](const Entry* a, const Entry* b) { return a->used < b->used; });
  std::vector<std::shared_ptr<Account>> taken;
  auto now = env.clock->steady();
  for (std::size_t i = 0; i < idle.size(); ++i)
    if (idle.size() - i > maxIdleAccounts || now - idle[i]->used > accountIdleTime)
      taken.push_back(std::move(idle[i]->account));
  return taken;
}

void Accounts::State::close(std::vector<std::shared_ptr<Account>> idle) {
  for (auto& account : idle) {
    auto name = account->name();
    account.reset();
    std::lock_guard lock(mutex);
    open.erase(name);
    changed.notify_all();
  }
}

void Accounts::State::upkeep(Account& account) const {
  try {
    account.maintain();
  } catch (const std::exception& error) {
    env.log.error("upkeep of an account", {{"account", account.name()}, {"error", error.what()}});
  }
}

void Accounts::State::loop(Accounts& owner) {
  std::unique_lock lock(mutex);
  while (!stopping) {
    changed.wait_for(lock, upkeepInterval, [&] { return stopping; });
    if (stopping) return;
    lock.unlock();
    owner.tick();
    lock.lock();
  }
}

std::vector<std::shared_ptr<Account>> Accounts::State::opened() {
  std::lock_guard lock(mutex);
  std::vector<std::shared_ptr<Account>> accounts;
  for (auto& [name, entry] : open)
    if (entry.account) accounts.push_back(entry.account);
  return accounts;
}

/// Feeds the full-text indexes, on a thread of its own: a round of it must not delay a checkpoint.
void Accounts::State::index() {
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(::syscall(SYS_gettid)), indexNice);  // without it, it is only less polite
  for (bool more = false;;) {
    {
      std::unique_lock lock(mutex);
      if (!more) changed.wait_for(lock, indexInterval, [&] { return stopping; });
      if (stopping) return;
    }
    more = false;
    for (auto& account : opened()) {
      if (std::lock_guard lock(mutex); stopping) return;
      try {
        more = account->updateSearch() ? true : more;
      } catch (const std::exception& error) {
        env.log.error("full-text index of an account", {{"account", account->name()}, {"error", error.what()}});
      }
      account.reset();  // it may be closed while others have their round
    }
  }
}

Result<std::shared_ptr<Account>> Accounts::open(const std::string& name) {
  if (!isAccountName(name)) return fail(Errc::syntax, "not an account name");
  return state_->acquire(name);
}

/// Takes the account out of use, its name reserved; false if somebody else holds it.
bool Accounts::State::takeUnused(const std::string& name) {
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return !open.contains(name) || open[name].account; });  // somebody opens or closes it
  auto closing = std::exchange(open[name].account, nullptr);
  // Our own threads hold accounts for moments.
  for (int looks = 0; closing.use_count() > 1 && looks < upkeepLooks; ++looks) changed.wait_for(lock, upkeepPatience);
  if (closing.use_count() > 1) {
    open[name].account = std::move(closing);
    changed.notify_all();
    return false;
  }
  lock.unlock();
  closing.reset();
  return true;
}

Result<void> Accounts::remove(const std::string& name) {
  if (!exists(name)) return fail(Errc::notFound, "there is no such account");
  auto& s = *state_;
  if (!s.takeUnused(name)) return fail(Errc::conflict, "the account is in use: end its connections, or try again");
  auto release = std::shared_ptr<void>(nullptr, [&](void*) {
    std::lock_guard lock(s.mutex);
    s.open.erase(name);
    s.changed.notify_all();
  });
  auto gone = s.directory + "/" + std::string(removedPrefix) + name;
  removeTree(*s.env.files, gone);  // of an account of the same name before
  s.env.files->rename(s.directory + "/" + name, gone);
  s.env.files->syncDirectory(s.directory);  // from here on the account is gone
  removeTree(*s.env.files, gone);
  s.env.log.warn("account removed with all its mail", {{"account", name}});
  return {};
}

bool Accounts::exists(const std::string& name) const {
  if (!isAccountName(name)) return false;
  auto folder = state_->directory + "/" + name;
  // An empty file with nothing beside it is what a crash leaves of an account that was being made.
  return state_->env.files->size(folder + "/account.db") > 0 || !accountDamage(*state_->env.files, folder).empty();
}

std::map<std::string, std::string> Accounts::damaged() {
  std::map<std::string, std::string> noted;
  {
    std::lock_guard lock(state_->mutex);
    noted = state_->damaged;
  }
  for (const auto& [name, reason] : noted) {
    try {
      if (exists(name)) static_cast<void>(state_->acquire(name));
    } catch (const std::exception&) {
      continue;  // noted anew, or for another reason still
    }
    std::lock_guard lock(state_->mutex);
    state_->damaged.erase(name);  // also one that was moved away
  }
  std::lock_guard lock(state_->mutex);
  return state_->damaged;
}

std::vector<std::string> Accounts::list() const {
  std::vector<std::string> names;
  for (auto& name : state_->env.files->list(state_->directory))
    if (exists(name)) names.push_back(std::move(name));
  std::sort(names.begin(), names.end());
  return names;
}

std::unique_ptr<Spool> Accounts::spool() { return std::make_unique<Spool>(*state_->env.files, state_->spools); }
const std::string& Accounts::spoolDirectory() const { return state_->spools; }

void Accounts::tick() {
  state_->close(state_->takeIdle());
  for (auto& account : state_->opened()) state_->upkeep(*account);
}

std::size_t Accounts::openCount() const {
  std::lock_guard lock(state_->mutex);
  return state_->open.size();
}

}  // namespace mox::store
