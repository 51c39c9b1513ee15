#include "support/FaultVfs.h"

#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <new>
#include <random>
#include <string>
#include <vector>

namespace mox::store::test {

struct FaultVfs::State {
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;
  sqlite3_io_methods methods{};
  std::string name;
  std::atomic<int> left{0};  ///< calls until the fault; 0: none ordered
  std::atomic<bool> sticky{false}, failing{false}, hit{false};
  std::atomic<int> syncCount{0};
  std::atomic<Fault> fault{Fault::ioError};
  std::atomic<Calls> calls{Calls::all};

  struct Write {
    std::size_t offset;
    std::string data;
    bool isTruncate = false;  ///< to `offset`
  };
  struct Disk {
    std::string durable;
    std::vector<Write> pending;
  };
  std::mutex mutex;
  std::map<std::string, Disk> disks;  ///< by path
  std::minstd_rand chance;            ///< which writes arrive

  void opened(const std::string& path) {
    std::lock_guard lock(mutex);
    if (disks.count(path) > 0) return;
    std::ifstream file(path, std::ios::binary);
    disks[path].durable.assign(std::istreambuf_iterator<char>(file), {});
  }
  void wrote(const std::string& path, Write write) {
    std::lock_guard lock(mutex);
    disks[path].pending.push_back(std::move(write));
  }
  /// All of what was written; or, when that fails or the power goes, some of it.
  void synced(const std::string& path, bool all) {
    std::lock_guard lock(mutex);
    arrive(disks[path], all);
  }
  void arrive(Disk& disk, bool all) {
    arrive(disk, [&] { return all || chance() % 2 != 0; });
  }
  static void arrive(Disk& disk, const std::function<bool()>& survives) {
    for (const auto& write : disk.pending) {
      if (!survives()) continue;
      auto& durable = disk.durable;
      durable.resize(write.isTruncate ? write.offset : std::max(durable.size(), write.offset + write.data.size()));
      durable.replace(write.offset, write.data.size(), write.data);
    }
    disk.pending.clear();
  }

  bool fails(Calls kind) {
    auto wanted = calls.load();
    if (wanted != Calls::all && wanted != kind) return false;
    if (failing) return true;
    int before = left.load();
    while (before > 0 && !left.compare_exchange_weak(before, before - 1)) {
    }
    if (before != 1) return false;
    hit = true;
    if (sticky) failing = true;
    return true;
  }
  int code(int ioCode) const { return fault == Fault::diskFull ? SQLITE_FULL : ioCode; }
};

namespace {

/// Our file object; the real one follows it in the same allocation.
struct File {
  sqlite3_file base;
  FaultVfs::State* state;
  const char* path;  ///< null for temporary files; SQLite keeps it until the file is closed
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* realOf(sqlite3_file* file) { return of(file)->real(); }

int write(sqlite3_file* file, const void* data, int count, sqlite3_int64 offset) {
  auto& state = *of(file)->state;
  bool fails = state.fails(FaultVfs::Calls::writes);
  // Half of it arrives: what a full disk does to a write.
  if (fails) count /= 2;
  int code = realOf(file)->pMethods->xWrite(realOf(file), data, count, offset);
  if (of(file)->path != nullptr)
    state.wrote(of(file)->path, {static_cast<std::size_t>(offset), {static_cast<const char*>(data), static_cast<std::size_t>(count)}});
  return fails ? state.code(SQLITE_IOERR_WRITE) : code;
}

int sync(sqlite3_file* file, int flags) {
  auto& state = *of(file)->state;
  ++state.syncCount;
  bool fails = state.fails(FaultVfs::Calls::syncs);
  if (of(file)->path != nullptr) state.synced(of(file)->path, !fails);
  return fails ? SQLITE_IOERR_FSYNC : realOf(file)->pMethods->xSync(realOf(file), flags);
}

int close(sqlite3_file* file) { return realOf(file)->pMethods->xClose(realOf(file)); }
int read(sqlite3_file* file, void* data, int count, sqlite3_int64 offset) {
  return realOf(file)->pMethods->xRead(realOf(file), data, count, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (of(file)->state->fails(FaultVfs::Calls::writes)) return of(file)->state->code(SQLITE_IOERR_TRUNCATE);
  if (of(file)->path != nullptr) of(file)->state->wrote(of(file)->path, {static_cast<std::size_t>(size), {}, true});
  return realOf(file)->pMethods->xTruncate(realOf(file), size);
}
int fileSize(sqlite3_file* file, sqlite3_int64* size) { return realOf(file)->pMethods->xFileSize(realOf(file), size); }
int lock(sqlite3_file* file, int level) { return realOf(file)->pMethods->xLock(realOf(file), level); }
int unlock(sqlite3_file* file, int level) { return realOf(file)->pMethods->xUnlock(realOf(file), level); }
int checkLock(sqlite3_file* file, int* held) { return realOf(file)->pMethods->xCheckReservedLock(realOf(file), held); }
int control(sqlite3_file* file, int op, void* arg) { return realOf(file)->pMethods->xFileControl(realOf(file), op, arg); }
int sectorSize(sqlite3_file* file) { return realOf(file)->pMethods->xSectorSize(realOf(file)); }
int device(sqlite3_file* file) { return realOf(file)->pMethods->xDeviceCharacteristics(realOf(file)); }
int shmMap(sqlite3_file* file, int page, int size, int extend, void volatile** map) {
  return realOf(file)->pMethods->xShmMap(realOf(file), page, size, extend, map);
}
int shmLock(sqlite3_file* file, int offset, int n, int flags) { return realOf(file)->pMethods->xShmLock(realOf(file), offset, n, flags); }
void shmBarrier(sqlite3_file* file) { realOf(file)->pMethods->xShmBarrier(realOf(file)); }
int shmUnmap(sqlite3_file* file, int remove) { return realOf(file)->pMethods->xShmUnmap(realOf(file), remove); }

int open(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* outFlags) {
  auto* state = static_cast<FaultVfs::State*>(vfs->pAppData);
  auto* mine = of(file);
  mine->base.pMethods = nullptr;
  mine->state = state;
  mine->path = path;
  if (path != nullptr) state->opened(path);
  int code = state->real->xOpen(state->real, path, mine->real(), flags, outFlags);
  if (code == SQLITE_OK) mine->base.pMethods = &state->methods;
  return code;
}

/// Names are durable at once: the store does not depend on when they are.
int remove(sqlite3_vfs* vfs, const char* path, int syncDirectory) {
  auto* state = static_cast<FaultVfs::State*>(vfs->pAppData);
  std::lock_guard lock(state->mutex);
  state->disks.erase(path);
  return state->real->xDelete(state->real, path, syncDirectory);
}

std::atomic<int> made{0};

}  // namespace

FaultVfs::FaultVfs() : state_(std::make_unique<State>()) {
  auto& s = *state_;
  s.real = sqlite3_vfs_find(nullptr);
  s.name = "fault-" + std::to_string(++made);
  s.vfs = *s.real;
  s.vfs.pNext = nullptr;
  s.vfs.zName = s.name.c_str();
  s.vfs.pAppData = &s;
  s.vfs.szOsFile = static_cast<int>(sizeof(File)) + s.real->szOsFile;
  s.vfs.xOpen = open;
  s.vfs.xDelete = remove;
  s.methods = {3, close, read, write, truncate, sync, fileSize, lock, unlock, checkLock, control, sectorSize, device,
               shmMap, shmLock, shmBarrier, shmUnmap, nullptr, nullptr};
  s.methods.iVersion = 2;  // without memory mapping
  sqlite3_vfs_register(&s.vfs, 0);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const char* FaultVfs::name() const { return state_->name.c_str(); }

void FaultVfs::failOnce(int n, Fault fault, Calls calls) {
  heal();
  state_->fault = fault;
  state_->calls = calls;
  state_->left = n;
}

void FaultVfs::failFrom(int n, Fault fault, Calls calls) {
  failOnce(n, fault, calls);
  state_->sticky = true;
}

void FaultVfs::heal() {
  state_->left = 0;
  state_->sticky = state_->failing = state_->hit = false;
}

bool FaultVfs::hit() const { return state_->hit; }
int FaultVfs::syncs() const { return state_->syncCount; }

void FaultVfs::losePower() {
  std::lock_guard lock(state_->mutex);
  for (auto& [path, disk] : state_->disks) {
    state_->arrive(disk, false);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << disk.durable;
    std::filesystem::remove(path + "-shm");
  }
  state_->disks.clear();
}

void FaultVfs::cutPower(const std::string& from, const std::string& to, const std::function<bool()>& survives) {
  std::lock_guard lock(state_->mutex);
  for (const auto& [path, disk] : state_->disks) {
    // What was deleted is: SQLite syncs the directory where it matters to it.
    if (path.rfind(from + "/", 0) != 0 || !std::filesystem::exists(path)) continue;
    auto left = disk;
    State::arrive(left, survives);
    auto target = to + path.substr(from.size());
    std::filesystem::create_directories(std::filesystem::path(target).parent_path());
    std::ofstream(target, std::ios::binary) << left.durable;
  }
}

}  // namespace mox::store::test
