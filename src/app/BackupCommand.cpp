// mox backup: the running server copies what it keeps.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <ostream>

#include "app/Commands.h"
#include "app/DataCheck.h"
#include "app/DataDir.h"
#include "app/ServerCommands.h"
#include "app/Storage.h"
#include "base/Text.h"
#include "queue/Queue.h"
#include "store/Backup.h"

namespace mox::app {

namespace {

namespace fs = std::filesystem;

// A configuration in a folder that is shared with the whole system is not taken with all of that.
constexpr std::size_t maxConfigFiles = 1'000;
constexpr std::uintmax_t maxConfigBytes = 64u << 20;

/// What the parts below copy themselves, and what nobody misses.
/// Also the record of what was applied: of a restored account it would say more than is true. Without it all is looked at.
bool isLeftOut(const std::string& name) {
  static constexpr std::string_view names[] = {"accounts", "queue", "tmp", "ctl", "search.db", "applied", "applied.new"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names) || name.starts_with("auth.db") || name.starts_with("search.db-") ||
         name == unfinishedBackupFile;
}

class Backup {
 public:
  Backup(ServerParts& server, Invocation& call, std::string destination, bool verbose)
      : server_(server), call_(call), files_(server.foundations.files), destination_(std::move(destination)), verbose_(verbose) {}

  int run() {
    data_ = server_.config.current()->dataDir();
    auto target = destination_ + "/data";
    if (fs::weakly_canonical(target) == fs::weakly_canonical(data_)) return call_.err << "error: that is the data directory itself\n", 1;
    files_.makeDirectory(target + "/accounts");
    auto marker = target + "/" + std::string(unfinishedBackupFile);
    if (files_.size(marker) < 0) writeNewFile(files_, marker, "This backup is not whole.\n");
    // The queue before the accounts: a message that is delivered here meanwhile is in both and not in neither.
    if (server_.queue != nullptr) part("queue", [&] { return server_.queue->backup(target + "/queue"); });
    accounts(target);
    part("auth.db", [&] {
      server_.storage.authDb.backup(files_, target + "/auth.db");
      return store::BackupCounts{1, 0, 0, 0, 0};
    });
    part("other data", [&] { return otherData(target); });
    part("config", [&] { return config(destination_ + "/config"); });
    call_.out << fmt::format("{} databases copied, {} were unchanged; of the files {} were copied, {} were there already, {} were removed\n",
                             all_.databases, all_.unchanged, all_.copied, all_.kept, all_.removed);
    if (failures_ > 0) return call_.err << fmt::format("the backup FAILED: {} parts of it are not whole\n", failures_), 1;
    files_.remove(marker);
    files_.syncDirectory(target);
    return 0;
  }

 private:
  void part(const std::string& name, const std::function<store::BackupCounts()>& copy) {
    try {
      if (server_.isStopping && server_.isStopping()) throw std::runtime_error("the server stops");
      auto counts = copy();
      all_.databases += counts.databases;
      all_.unchanged += counts.unchanged;
      all_.copied += counts.copied;
      all_.kept += counts.kept;
      all_.removed += counts.removed;
      if (verbose_) call_.out << name << ": " << counts.copied << " files copied, " << counts.kept << " kept, " << counts.removed << " removed" << std::endl;
    } catch (const std::runtime_error& broken) {
      fail(name, broken.what());
    }
  }

  void fail(const std::string& name, const char* what) {
    ++failures_;
    call_.err << name << ": " << what << std::endl;
    server_.foundations.log.error("backup", {{"part", name}, {"err", what}});
  }

  void accounts(const std::string& target) {
    auto names = server_.storage.accounts.list();
    for (const auto& name : names) {
      part("account " + name, [&] {
        auto account = server_.storage.accounts.open(name);
        if (!account) throw std::runtime_error(account.error().text);
        return (*account)->backup(target + "/accounts/" + name);
      });
    }
    for (const auto& name : files_.list(target + "/accounts"))
      if (name != ".lock" && !std::binary_search(names.begin(), names.end(), name))
        call_.out << "account " << printable(name) << " of an earlier backup is not here any more; its copy stays\n";
  }

  store::BackupCounts otherData(const std::string& target) {
    store::BackupCounts counts;
    for (const auto& entry : fs::directory_iterator(data_)) {
      auto name = entry.path().filename().string();
      if (!isLeftOut(name)) copyTree(entry, target + "/" + name, counts);
    }
    auto version = target + "/moxversion";
    files_.remove(version);
    writeNewFile(files_, version, std::string(MOX_VERSION) + "\n");
    return counts;
  }

  void copyTree(const fs::directory_entry& entry, const std::string& to, store::BackupCounts& counts) {
    if (entry.is_directory() && !entry.is_symlink()) {
      files_.makeDirectory(to);
      for (const auto& below : fs::directory_iterator(entry)) copyTree(below, to + "/" + below.path().filename().string(), counts);
    } else if (entry.is_regular_file()) {
      store::copyFile(files_, entry.path().string(), to, counts);
    }
  }

  /// All of the folder of mox.conf, with keys and what else belongs to it.
  store::BackupCounts config(const std::string& target) {
    store::BackupCounts counts;
    auto directory = fs::weakly_canonical(server_.config.current()->configDir());
    files_.makeDirectory(target);
    if (isOurs(directory)) {
      // The data directory and the backup may be below it.
      for (const auto& entry : fs::directory_iterator(directory))
        if (!isAbove(entry.path(), data_) && !isAbove(entry.path(), destination_)) copyTree(entry, target + "/" + entry.path().filename().string(), counts);
      return counts;
    }
    call_.out << "the folder of the configuration holds much else; only mox.conf and domains.conf are copied, not the files they name\n";
    for (const char* name : {"mox.conf", "domains.conf", "mox.json"})
      if (auto path = (directory / name).string(); files_.size(path) >= 0) store::copyFile(files_, path, target + "/" + name, counts);
    return counts;
  }

  static bool isAbove(const fs::path& path, const std::string& other) {
    auto relative = fs::weakly_canonical(other).lexically_relative(fs::weakly_canonical(path));
    return !relative.empty() && *relative.begin() != "..";
  }

  bool isOurs(const fs::path& directory) const {
    std::size_t files = 0;
    std::uintmax_t bytes = 0;
    auto end = fs::recursive_directory_iterator();
    for (auto entry = fs::recursive_directory_iterator(directory); entry != end; ++entry) {
      if (entry->is_directory() && (isAbove(entry->path(), data_) || isAbove(entry->path(), destination_))) entry.disable_recursion_pending();
      if (!entry->is_regular_file()) continue;
      bytes += entry->file_size();
      if (++files > maxConfigFiles || bytes > maxConfigBytes) return false;
    }
    return true;
  }

  ServerParts& server_;
  Invocation& call_;
  store::Files& files_;
  const std::string destination_;
  const bool verbose_;
  std::string data_;
  store::BackupCounts all_;
  std::size_t failures_ = 0;
};

}  // namespace

int serverBackup(ServerParts& server, Invocation& call) {
  bool verbose = false;
  Flags flags;
  flags.toggle("verbose", verbose, "a line for each part");
  if (!parseFlags(call, flags, 1, 1)) return 2;
  return Backup(server, call, call.args[0], verbose).run();
}

int commandBackup(Invocation& call) {
  bool verbose = false;
  Flags flags;
  flags.toggle("verbose", verbose, "a line for each part");
  if (!parseFlags(call, flags, 1, 1)) return 2;
  auto destination = fs::absolute(call.args[0]).lexically_normal().string();
  if (destination.ends_with('/')) destination.pop_back();
  call.args = {"--", destination};
  if (verbose) call.args.insert(call.args.begin(), "-verbose");
  return forwardToServer(call, "backup");
}

}  // namespace mox::app
