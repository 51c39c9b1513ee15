#include "store/FaultVfs.h"

#include <sqlite3.h>

#include <atomic>
#include <cstring>
#include <new>
#include <string>

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
  sqlite3_file* real() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File* of(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* realOf(sqlite3_file* file) { return of(file)->real(); }

int write(sqlite3_file* file, const void* data, int count, sqlite3_int64 offset) {
  if (of(file)->state->fails(FaultVfs::Calls::writes)) {
    // Half of it arrives: what a full disk does to a write.
    realOf(file)->pMethods->xWrite(realOf(file), data, count / 2, offset);
    return of(file)->state->code(SQLITE_IOERR_WRITE);
  }
  return realOf(file)->pMethods->xWrite(realOf(file), data, count, offset);
}

int sync(sqlite3_file* file, int flags) {
  ++of(file)->state->syncCount;
  if (of(file)->state->fails(FaultVfs::Calls::syncs)) return SQLITE_IOERR_FSYNC;
  return realOf(file)->pMethods->xSync(realOf(file), flags);
}

int close(sqlite3_file* file) { return realOf(file)->pMethods->xClose(realOf(file)); }
int read(sqlite3_file* file, void* data, int count, sqlite3_int64 offset) {
  return realOf(file)->pMethods->xRead(realOf(file), data, count, offset);
}
int truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (of(file)->state->fails(FaultVfs::Calls::writes)) return of(file)->state->code(SQLITE_IOERR_TRUNCATE);
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
  int code = state->real->xOpen(state->real, path, mine->real(), flags, outFlags);
  if (code == SQLITE_OK) mine->base.pMethods = &state->methods;
  return code;
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

}  // namespace mox::store::test
