// Db, Stmt, Tx: a thin RAII layer on SQLite for the databases of store and queue.
//
// Plain sqlite3_open_v2 and not a Poco::Data session: Poco 1.11 passes no open flags (NOMUTEX), no VFS (which
// the fault tests replace) and no extended error codes, and its statements cut text at NUL.
//
// Threads: a Db and everything made from it belong to one thread at a time (SQLITE_OPEN_NOMUTEX).
// Errors: every failure throws DatabaseError.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace mox::store {

/// SQLite said no. `code` is the extended result code.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(int code, const std::string& text) : std::runtime_error(text), code_(code) {}
  int code() const { return code_; }
  /// No space left: answer 452 or NO, it may work later.
  bool isDiskFull() const;
  /// The disk failed, fsync included.
  bool isIo() const;
  /// A UNIQUE, CHECK or FOREIGN KEY rule was violated.
  bool isConstraint() const;
  /// What was written may or may not be on disk, whatever the page cache says.
  bool isFailedSync() const;

 private:
  int code_;
};

class Db;

/// A prepared statement in use; resets and unbinds when it goes. Get one from Db::prepare.
///   auto row = db.prepare("SELECT size FROM message WHERE id=?").bind(id);
///   if (row.step()) use(row.int64(0));
class Stmt {
 public:
  ~Stmt();
  Stmt(Stmt&& other) noexcept;
  Stmt& operator=(Stmt&&) = delete;

  /// Binds the next parameter, left to right. Text and blobs are bound without a copy: they must live until
  /// the last step(). An empty blob is stored as an empty blob, not as NULL.
  Stmt& bind(std::int64_t value);
  Stmt& bind(std::string_view text);
  Stmt& bind(const std::string& text) { return bind(std::string_view(text)); }
  Stmt& bind(const char* text) { return bind(std::string_view(text)); }
  Stmt& bindBlob(std::string_view bytes);
  Stmt& bindNull();
  Stmt& bind(const std::optional<std::string>& text) { return text ? bind(std::string_view(*text)) : bindNull(); }
  Stmt& bind(const std::optional<std::int64_t>& value) { return value ? bind(*value) : bindNull(); }
  template <class T>
    requires requires(T v) { { v.value } -> std::convertible_to<std::int64_t>; v.next(); }
  Stmt& bind(T strong) { return bind(static_cast<std::int64_t>(strong.value)); }

  /// True if there is a row; false at the end.
  bool step();
  /// For statements without rows.
  void run();
  /// To run the same statement again with new values.
  void reset();

  std::int64_t int64(int column) const;
  bool isNull(int column) const;
  /// Text or blob; valid until the next step, reset or end of this Stmt.
  std::string_view bytes(int column) const;
  std::string text(int column) const { return std::string(bytes(column)); }
  template <class T>
  T id(int column) const { return T(static_cast<decltype(T{}.value)>(int64(column))); }

 private:
  friend class Db;
  void check(int code);
  Stmt(Db& db, sqlite3_stmt* handle, bool* busy) : db_(&db), handle_(handle), busy_(busy) {}
  Db* db_;
  sqlite3_stmt* handle_;
  bool* busy_;  ///< of the cache; null if this statement is not cached
  int next_ = 1;
  bool started_ = false;
};

struct DbOptions {
  bool readOnly = false;
  /// Milliseconds to wait for a lock another process holds (our own threads do not compete for it).
  int busyTimeoutMs = 5'000;
  /// Pages kept in memory by this connection, KiB.
  int cacheKiB = 2'048;
  /// Bytes of the file mapped for reading.
  std::int64_t mmapBytes = 0;
  /// Of sqlite3_open_v2; nullptr is the system's.
  const char* vfs = nullptr;
};

/// For files of a backup, which may be in a folder that another process has passed (app/PassedPath.h).
const char* vfsOfPlainNames();

/// What is said of a database of a later version.
std::string newerFormat(const std::string& path, std::int64_t format, std::int64_t known);

class Db {
 public:
  /// Opens or creates the file: WAL, synchronous FULL, foreign keys on, secure_delete FAST, no automatic
  /// checkpoint (checkpoint() is called in the background).
  explicit Db(const std::string& path, const DbOptions& options = {});
  ~Db();
  Db(const Db&) = delete;
  Db& operator=(const Db&) = delete;

  /// A cached statement for the text; one already in use gets a second, uncached one.
  Stmt prepare(std::string_view sql);
  /// One or more statements without parameters or rows of interest.
  void exec(const char* sql);
  std::int64_t scalar(std::string_view sql);
  std::int64_t lastInsertId() const;
  /// Rows changed by the last INSERT, UPDATE or DELETE.
  std::int64_t changes() const;
  /// Rows changed since the open.
  std::int64_t totalChanges() const;

  /// Runs `migrate(from)` in a transaction until user_version is `version`; throws std::runtime_error with a
  /// message for people if the file was written by a newer version.
  void migrate(int version, const std::function<void(Db&, int from)>& migrate);

  /// PASSIVE checkpoint: moves what it can from the WAL without waiting for anybody. Pages still in the WAL.
  int checkpoint();
  /// Online backup into a new file; consistent, readers and writers go on.
  void backup(const std::string& path);

  const std::string& path() const { return path_; }
  sqlite3* handle() const { return handle_; }
  bool inTransaction() const;
  /// Ends the transaction, if there is one, as if it had not been.
  void rollBack() noexcept;
  /// Writes the octets of the WAL once more and syncs them. After a failed fsync the kernel takes pages for clean that
  /// never reached the disk; nothing may be built upon them before they were written again. Cheap if the WAL is empty.
  void rewriteWal();
  /// From now on nothing is moved from the WAL into the database file, not even at the close.
  void stopCheckpoints();
  /// The checkpoint a commit makes when the WAL has grown too long has failed at an fsync.
  bool checkpointFailed() const { return checkpointFailed_; }
  /// Length of the WAL after this connection's last commit.
  int walPages() const { return walPages_; }
  /// Statements run since the open: for tests and benchmarks.
  std::uint64_t statementsRun() const { return statementsRun_; }
  [[noreturn]] void raise(int code, std::string_view doing) const;

 private:
  friend class Stmt;
  struct Entry {
    sqlite3_stmt* handle = nullptr;
    bool busy = false;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  void configure(const DbOptions& options);
  void close();
  static int onCommit(void* self, sqlite3* handle, const char* name, int walPages);

  std::string path_;
  sqlite3* handle_ = nullptr;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> cache_;
  sqlite3_stmt* rollback_ = nullptr;
  std::uint64_t statementsRun_ = 0;
  bool checkpointFailed_ = false;
  int walPages_ = 0;
};

/// A transaction; rolls back unless committed. Write transactions begin IMMEDIATE so that they never fail
/// half-way with BUSY_SNAPSHOT.
class Tx {
 public:
  enum class Kind { read, write };
  explicit Tx(Db& db, Kind kind = Kind::write);
  ~Tx();
  Tx(const Tx&) = delete;
  Tx& operator=(const Tx&) = delete;
  void commit();

 private:
  Db& db_;
  bool open_ = true;
};

}  // namespace mox::store
