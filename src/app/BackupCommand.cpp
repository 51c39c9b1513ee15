// mox backup: the running server copies what it keeps.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <ostream>
#include <set>

#include "app/Certificates.h"
#include "app/Commands.h"
#include "app/DataDir.h"
#include "app/FileWalk.h"
#include "app/PassedPath.h"
#include "app/Privileges.h"
#include "app/ServerCommands.h"
#include "app/Serving.h"
#include "app/Storage.h"
#include "base/Text.h"
#include "queue/Queue.h"
#include "store/Backup.h"

namespace mox::app {

namespace {

namespace fs = std::filesystem;

// A configuration in a folder that is shared with the whole system is not taken with all of that.
constexpr std::size_t maxConfigFiles = 1'000;
constexpr std::uint64_t maxConfigBytes = 64u << 20;

/// What the parts below copy themselves, and what nobody misses.
/// Also the record of what was applied: of a restored account it would say more than is true. Without it all is looked at.
bool isLeftOut(const std::string& name) {
  static constexpr std::string_view names[] = {"accounts", "queue", "tmp", "ctl", "search.db", "applied", "applied.new"};
  return std::find(std::begin(names), std::end(names), name) != std::end(names) || name.starts_with("auth.db") || name.starts_with("search.db-") ||
         name == unfinishedBackupFile || name == backupVersionFile;
}

/// Without links as far as we may look.
fs::path plainPath(const std::string& path) {
  std::error_code denied;
  auto plain = fs::weakly_canonical(path, denied);
  return denied ? fs::path(path).lexically_normal() : plain;
}

/// True for the folder itself, too.
bool isBelow(const std::string& folder, const std::string& path) {
  auto relative = plainPath(path).lexically_relative(plainPath(folder));
  return !relative.empty() && *relative.begin() != "..";
}

/// Why a backup of `data` may not be at `destination`, `named` by a person; "" if it may. The data directory is a natural place
/// for backups, where it is all that a container keeps, but not where the server takes what it finds for its own. Told by
/// what the folders are and not by their names, which need not be ours (PassedPath.h).
std::string whyNotInto(const std::string& data, const std::string& destination, const std::string& named) {
  auto id = FileId::of(data);
  if (id != FileId() && (FileId::of(destination) == id || FileId::of(destination + "/data") == id)) return named + ": that is the data directory itself";
  auto above = FileId::upwards(destination);
  for (const char* taken : {"accounts", "queue", "tmp"})
    if (auto folder = FileId::of(data + "/" + taken); folder != FileId() && std::find(above.begin(), above.end(), folder) != above.end())
      return named + ": what is in " + data + "/" + taken + " belongs to the server; choose another folder";
  return "";
}

/// False only if it is certain.
bool isThere(const std::string& path) {
  struct stat info {};
  return ::stat(path.c_str(), &info) == 0 || errno != ENOENT;
}

/// Files that the configuration has read or looked at, whether it could or not.
std::set<std::string> namedFiles(const std::string& configPath) {
  std::set<std::string> named;
  auto disk = readableFiles();
  config::FileReader noting([&](const std::string& path) { return named.insert(path), disk(path); },
                            [&](const std::string& path) { return named.insert(path), disk.look(path); });
  config::LoadOptions options;
  options.whileRunning = true;
  auto loaded = config::load(configPath, noting, options);
  if (!loaded.config) return named;
  for (const auto& listener : loaded.config->listeners())
    for (const auto& pair : listener.keyPairs) named.insert({pair.certFile, pair.keyFile});
  static_cast<void>(readCertificates(*loaded.config, noting));
  return named;
}

/// Held while a backup writes to the destination: its mark of what is unfinished. Null if another backup holds it.
store::Fd lockDestination(store::Files& files, const std::string& marker) {
  store::Fd fd(::open(marker.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) throw store::FileError(errno, std::generic_category(), "creating " + marker);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return {};
    throw store::FileError(errno, std::generic_category(), "locking " + marker);
  }
  struct stat held {};
  if (::fstat(fd.get(), &held) != 0 || FileId::of(marker) != FileId{held.st_dev, held.st_ino}) return {};  // another has just ended
  if (held.st_size > 0) return fd;
  files.write(fd.get(), "This backup is not whole.\n");
  files.sync(fd.get());
  files.syncDirectory(config::directoryOf(marker));
  return fd;
}

class Backup {
 public:
  /// `named` is what the person calls the destination.
  Backup(ServerParts& server, Invocation& call, std::string destination, std::string named, bool verbose)
      : server_(server), call_(call), files_(server.foundations.files), destination_(std::move(destination)), named_(std::move(named)), verbose_(verbose) {}

  int run() {
    data_ = server_.config.current()->dataDir();
    auto target = destination_ + "/data";
    if (auto reason = whyNotInto(data_, destination_, named_); !reason.empty()) return call_.err << "error: " << reason << "\n", 1;
    files_.makeDirectory(target + "/accounts");
    auto marker = target + "/" + std::string(unfinishedBackupFile);
    auto held = lockDestination(files_, marker);
    if (!held) return call_.err << "error: another backup into " << named_ << " is under way\n", 1;
    // The queue before the accounts: a message that is delivered here meanwhile is in both and not in neither.
    if (server_.queue != nullptr) part("queue", [&] { return server_.queue->backup(target + "/queue"); });
    accounts(target);
    part("auth.db", [&] {
      server_.storage.authDb.backup(files_, target + "/auth.db");
      store::BackupCounts one;
      one.databases = 1;
      return one;
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
      if (!counts.lacking.empty()) ++failures_;
      for (const auto& lacks : counts.lacking) tell(name, lacks.c_str());
      if (verbose_) call_.out << name << ": " << counts.copied << " files copied, " << counts.kept << " kept, " << counts.removed << " removed" << std::endl;
    } catch (const std::runtime_error& broken) {
      ++failures_;
      tell(name, broken.what());
    }
  }

  void tell(const std::string& name, const char* what) {
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

  /// Whatever happens to one file, the others are copied.
  void copyFound(const FileWalk& walk, const std::string& target, store::BackupCounts& counts) {
    auto attempt = [&](const std::function<void()>& copy) {
      try {
        copy();
      } catch (const store::FileError& error) {
        if (error.isDiskFull()) throw;
        counts.lacking.emplace_back(error.what());
      }
    };
    for (const auto& folder : walk.folders) attempt([&] { files_.makeDirectory(target + "/" + folder); });
    for (const auto& file : walk.files) attempt([&] { store::copyFile(files_, file.from, target + "/" + file.to, counts); });
    counts.lacking.insert(counts.lacking.end(), walk.problems.begin(), walk.problems.end());
    for (const auto& skipped : walk.skipped) call_.out << "not copied: " << printable(skipped) << "\n";
  }

  store::BackupCounts otherData(const std::string& target) {
    store::BackupCounts counts;
    FileWalk::Options options;
    options.leftOut = {FileId::of(destination_), FileId::of(target)};
    FileWalk walk(std::move(options));
    auto names = files_.list(data_);
    std::sort(names.begin(), names.end());
    for (const auto& name : names)
      if (!isLeftOut(name)) walk.add(data_ + "/" + name, name);
    copyFound(walk, target, counts);
    auto version = target + "/" + std::string(backupVersionFile);
    files_.remove(version);
    writeNewFile(files_, version, std::string(MOX_VERSION) + "\n");
    return counts;
  }

  /// All of the folder of mox.conf, with keys and what else belongs to it.
  store::BackupCounts config(const std::string& target) {
    store::BackupCounts counts;
    auto directory = fs::weakly_canonical(server_.config.current()->configDir()).string();
    auto named = namedFiles(server_.config.path());
    files_.makeDirectory(target);
    // The data directory and the backup may be below it.
    FileWalk::Options options{{FileId::of(data_), FileId::of(destination_), FileId::of(target)}, true, maxConfigFiles, maxConfigBytes};
    FileWalk walk(options);
    walk.look(directory);
    if (walk.isTooMuch) {
      call_.out << "the folder of the configuration holds much else; only its own files there are copied, and those that they name\n";
      walk = FileWalk(options);
      addNamed(walk, directory, named);
    }
    copyFound(walk, target, counts);
    for (const auto& path : named)
      if (isThere(path) && !isBelow(directory, config::directoryOf(path)) && !isBelow(data_, path))
        call_.out << "not copied, outside of the folder of the configuration, which names it: " << printable(path) << "\n";
    return counts;
  }

  static void addNamed(FileWalk& walk, const std::string& directory, const std::set<std::string>& named) {
    for (const auto& path : named) {
      auto folder = plainPath(config::directoryOf(path));
      auto below = (folder / fs::path(path).filename()).lexically_relative(directory).string();
      if (!below.empty() && !below.starts_with("..")) walk.add(path, below);
    }
  }

  ServerParts& server_;
  Invocation& call_;
  store::Files& files_;
  const std::string destination_, named_;
  const bool verbose_;
  std::string data_;
  store::BackupCounts all_;
  std::size_t failures_ = 0;
};

}  // namespace

int serverBackup(ServerParts& server, Invocation& call) {
  bool verbose = false;
  std::string passed;
  Flags flags;
  flags.toggle("verbose", verbose, "a line for each part").text(passedOption, passed, "the folder that came with the request");
  if (!parseFlags(call, flags, 1, 1)) return 2;
  auto named = call.args[0];
  return withPassedPath(server, call, passed, named, [&](Invocation& inner, const std::string& path) { return Backup(server, inner, path, named, verbose).run(); });
}

int commandBackup(Invocation& call) {
  bool verbose = false;
  Flags flags;
  flags.toggle("verbose", verbose, "a line for each part");
  if (!parseFlags(call, flags, 1, 1)) return 2;
  auto dataDir = configuredDataDir(call.configPath);
  if (!dataDir) return call.err << "error: " << dataDir.error().text << "\n", 1;
  auto destination = fs::absolute(call.args[0]).lexically_normal().string();
  if (destination.ends_with('/') && destination.size() > 1) destination.pop_back();
  // Before root makes anything there.
  if (auto reason = whyNotInto(*dataDir, destination, destination); !reason.empty()) return call.err << "error: " << reason << "\n", 1;
  CtlRequest request{{"backup"}, ""};
  if (verbose) request.words.emplace_back("-verbose");
  request.words.insert(request.words.end(), {"--", destination});
  passFolder(destination, ctlPath(*dataDir)).addTo(request);
  auto status = ctlCall(ctlPath(*dataDir), request, call.out, call.err);
  return status ? *status : (call.err << "error: " << status.error().text << "\n", 1);
}

}  // namespace mox::app
