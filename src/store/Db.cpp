#include "store/Db.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <utility>

namespace mox::store {

namespace {

/// A writer whose background checkpoints never run (a tool, a test) still keeps its WAL below 80 MB.
constexpr int walPagesAtMost = 20'000;
/// Pages copied per step of an online backup; between steps writers get their turn.
constexpr int backupStepPages = 1'000;
/// Octets of the WAL written again at a time: SQLite writes less than 128 KiB at once.
constexpr sqlite3_int64 rewriteBytes = 64 * 1024;

bool isFailedSync(int code) { return code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC; }

/// A VFS that takes names as they are. SQLite's follows links itself, and would come from /proc/self/fd/N, where a folder was
/// passed by another process, to what this one has under the name of it.
sqlite3_vfs plainNames() {
  auto vfs = *sqlite3_vfs_find(nullptr);
  vfs.zName = "mox-plain-names";
  vfs.pNext = nullptr;
  vfs.xFullPathname = [](sqlite3_vfs*, const char* name, int room, char* out) {
    sqlite3_snprintf(room, out, "%s", name);
    return static_cast<int>(std::string_view(name).size()) < room ? SQLITE_OK : SQLITE_CANTOPEN;
  };
  return vfs;
}

}  // namespace

const char* vfsOfPlainNames() {
  static sqlite3_vfs vfs = plainNames();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  return registered == SQLITE_OK ? vfs.zName : nullptr;
}

bool DatabaseError::isDiskFull() const { return (code_ & 0xff) == SQLITE_FULL; }
bool DatabaseError::isIo() const { return (code_ & 0xff) == SQLITE_IOERR; }
bool DatabaseError::isConstraint() const { return (code_ & 0xff) == SQLITE_CONSTRAINT; }
bool DatabaseError::isFailedSync() const { return store::isFailedSync(code_); }

// Stmt ---------------------------------------------------------------------------------------------------------

Stmt::Stmt(Stmt&& other) noexcept
    : db_(other.db_), handle_(std::exchange(other.handle_, nullptr)), busy_(other.busy_), next_(other.next_), started_(other.started_) {}

Stmt::~Stmt() {
  if (handle_ == nullptr) return;
  if (busy_ == nullptr) {
    sqlite3_finalize(handle_);
    return;
  }
  sqlite3_reset(handle_);  // its code repeats the error step() has thrown already
  sqlite3_clear_bindings(handle_);
  *busy_ = false;
}

void Stmt::check(int code) {
  if (code != SQLITE_OK) db_->raise(code, "binding");
}

Stmt& Stmt::bind(std::int64_t value) {
  check(sqlite3_bind_int64(handle_, next_++, value));
  return *this;
}

Stmt& Stmt::bind(std::string_view text) {
  // A null pointer would bind NULL.
  const char* data = text.data() == nullptr ? "" : text.data();
  check(sqlite3_bind_text64(handle_, next_++, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
  return *this;
}

Stmt& Stmt::bindBlob(std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  check(sqlite3_bind_blob64(handle_, next_++, data, bytes.size(), SQLITE_STATIC));
  return *this;
}

Stmt& Stmt::bindNull() {
  check(sqlite3_bind_null(handle_, next_++));
  return *this;
}

bool Stmt::step() {
  if (!started_) ++db_->statementsRun_;
  started_ = true;
  int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  std::string sql = sqlite3_sql(handle_);
  // Raise before resetting: the reset may replace the message.
  DatabaseError error(sqlite3_extended_errcode(db_->handle()),
                      fmt::format("{}: {} ({})", db_->path(), sqlite3_errmsg(db_->handle()), sql.substr(0, 100)));
  sqlite3_reset(handle_);
  throw error;
}

void Stmt::run() {
  while (step()) {
  }
  reset();
}

void Stmt::reset() {
  sqlite3_reset(handle_);
  sqlite3_clear_bindings(handle_);
  next_ = 1;
  started_ = false;
}

std::int64_t Stmt::int64(int column) const { return sqlite3_column_int64(handle_, column); }
bool Stmt::isNull(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }

std::string_view Stmt::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(handle_, column));
  auto size = sqlite3_column_bytes(handle_, column);
  return data == nullptr ? std::string_view() : std::string_view(data, static_cast<std::size_t>(size));
}

// Db -----------------------------------------------------------------------------------------------------------

namespace {

/// SQLite counts its memory under one lock of the whole process, at each allocation. Nobody asks for the counts.
void countNoMemory() {
  static const int once = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  (void)once;  // too late if SQLite was used before: then it goes on counting
}

}  // namespace

Db::Db(const std::string& path, const DbOptions& options) : path_(path) {
  countNoMemory();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
              (options.readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  int code = sqlite3_open_v2(path.c_str(), &handle_, flags, options.vfs);
  try {
    if (code != SQLITE_OK) raise(code, "opening");
    sqlite3_busy_timeout(handle_, options.busyTimeoutMs);
    configure(options);
  } catch (...) {
    close();
    throw;
  }
}

void Db::configure(const DbOptions& options) {
  exec("PRAGMA temp_store=MEMORY; PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF;");
  exec(fmt::format("PRAGMA cache_size=-{}; PRAGMA mmap_size={};", options.cacheKiB, options.mmapBytes).c_str());
  if (options.readOnly) return;
  // auto_vacuum only takes effect before the first table; later it is a no-op.
  exec("PRAGMA auto_vacuum=INCREMENTAL; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=FAST;");
  // Instead of sqlite3_wal_autocheckpoint, which tells nobody of a failed fsync.
  sqlite3_wal_hook(handle_, onCommit, this);
}

void Db::close() {
  for (auto& [sql, entry] : cache_) sqlite3_finalize(entry.handle);
  cache_.clear();
  sqlite3_finalize(std::exchange(rollback_, nullptr));
  sqlite3_close_v2(handle_);
  handle_ = nullptr;
}

Db::~Db() { close(); }

void Db::raise(int code, std::string_view doing) const {
  int extended = handle_ == nullptr ? code : sqlite3_extended_errcode(handle_);
  throw DatabaseError(extended == SQLITE_OK ? code : extended,
                      fmt::format("{}: {}: {}", path_, doing, handle_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(handle_)));
}

Stmt Db::prepare(std::string_view sql) {
  auto found = cache_.find(sql);
  if (found != cache_.end() && !found->second.busy) {
    found->second.busy = true;
    return Stmt(*this, found->second.handle, &found->second.busy);
  }
  bool keep = found == cache_.end();
  sqlite3_stmt* handle = nullptr;
  int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), keep ? SQLITE_PREPARE_PERSISTENT : 0U, &handle,
                                nullptr);
  if (code != SQLITE_OK) raise(code, fmt::format("preparing {}", sql.substr(0, 100)));
  if (!keep) return Stmt(*this, handle, nullptr);
  // References to elements of an unordered_map stay valid when it grows.
  Entry& entry = cache_.emplace(std::string(sql), Entry{handle, true}).first->second;
  return Stmt(*this, handle, &entry.busy);
}

// Some errors have rolled back already; and a rollback that fails leaves nothing to do, the connection knows. Prepared once: each
// reading transaction ends so.
void Db::rollBack() noexcept {
  if (!inTransaction()) return;
  if (rollback_ == nullptr &&
      sqlite3_prepare_v3(handle_, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &rollback_, nullptr) != SQLITE_OK) return;
  sqlite3_step(rollback_);
  sqlite3_reset(rollback_);
}

void Db::exec(const char* sql) {
  int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) raise(code, std::string_view(sql).substr(0, 60));
}

std::int64_t Db::scalar(std::string_view sql) {
  auto row = prepare(sql);
  return row.step() ? row.int64(0) : 0;
}

std::int64_t Db::lastInsertId() const { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Db::changes() const { return sqlite3_changes64(handle_); }
std::int64_t Db::totalChanges() const { return sqlite3_total_changes64(handle_); }
bool Db::inTransaction() const { return sqlite3_get_autocommit(handle_) == 0; }

int Db::onCommit(void* self, sqlite3* handle, const char* name, int walPages) {
  static_cast<Db*>(self)->walPages_ = walPages;
  if (walPages < walPagesAtMost) return SQLITE_OK;
  int code = sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  if (isFailedSync(code)) static_cast<Db*>(self)->checkpointFailed_ = true;
  return SQLITE_OK;  // the commit has happened
}

void Db::stopCheckpoints() {
  sqlite3_wal_hook(handle_, nullptr, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
}

void Db::rewriteWal() {
  Tx nobodyElseWrites(*this);
  sqlite3_file* wal = nullptr;
  auto check = [&](int code) {
    if (code != SQLITE_OK) throw DatabaseError(code, fmt::format("{}: writing the WAL again: {}", path_, sqlite3_errstr(code)));
  };
  check(sqlite3_file_control(handle_, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal));
  sqlite3_int64 size = 0;
  if (wal != nullptr && wal->pMethods != nullptr) check(wal->pMethods->xFileSize(wal, &size));
  if (size == 0) return;
  std::string piece;
  for (sqlite3_int64 at = 0; at < size; at += rewriteBytes) {
    piece.resize(static_cast<std::size_t>(std::min<sqlite3_int64>(rewriteBytes, size - at)));
    check(wal->pMethods->xRead(wal, piece.data(), static_cast<int>(piece.size()), at));
    check(wal->pMethods->xWrite(wal, piece.data(), static_cast<int>(piece.size()), at));
  }
  check(wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL));
}

std::string newerFormat(const std::string& path, std::int64_t format, std::int64_t known) {
  return fmt::format("{}: written by a newer version (format {}, this one knows up to {}): upgrade, or restore a backup", path, format, known);
}

void Db::migrate(int version, const std::function<void(Db&, int)>& migrate) {
  auto current = [&] { return scalar("PRAGMA user_version"); };
  if (current() == version) return;
  Tx tx(*this);
  auto from = current();  // again, now that nobody else writes
  if (from > version)
    throw std::runtime_error(newerFormat(path_, from, version));
  if (from < version) {
    migrate(*this, static_cast<int>(from));
    exec(fmt::format("PRAGMA user_version={}", version).c_str());
  }
  tx.commit();
}

int Db::checkpoint() {
  int pages = 0, done = 0;
  int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &done);
  if (code == SQLITE_BUSY) return pages;  // another connection is at it
  if (code != SQLITE_OK) raise(code, "checkpoint");
  return pages - done;
}

void Db::backup(const std::string& path) {
  sqlite3* to = nullptr;
  int code = sqlite3_open_v2(path.c_str(), &to, SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfsOfPlainNames());
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> owner(to, sqlite3_close_v2);
  if (code != SQLITE_OK) throw DatabaseError(code, fmt::format("{}: opening the backup", path));
  auto* backup = sqlite3_backup_init(to, "main", handle_, "main");
  if (backup == nullptr) throw DatabaseError(sqlite3_extended_errcode(to), fmt::format("{}: {}", path, sqlite3_errmsg(to)));
  do {
    code = sqlite3_backup_step(backup, backupStepPages);
  } while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED);
  int finish = sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE || finish != SQLITE_OK) throw DatabaseError(code, fmt::format("{}: backup: {}", path, sqlite3_errstr(code)));
}

// Tx -----------------------------------------------------------------------------------------------------------

Tx::Tx(Db& db, Kind kind) : db_(db) { db_.prepare(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN").run(); }

Tx::~Tx() {
  if (open_) db_.rollBack();
}

void Tx::commit() {
  db_.prepare("COMMIT").run();
  open_ = false;
}

}  // namespace mox::store
