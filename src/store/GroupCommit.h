// GroupCommit: many threads' changes, one transaction, one fsync.
//
// The commit point of the house: when submit() returns, the work is on disk. The first caller that waits
// becomes the leader; it runs everybody's work in one IMMEDIATE transaction (a savepoint around each, so that one
// that throws is undone alone and gets its own exception), commits once, runs the hooks of afterCommit() in commit
// order, and wakes the others. If COMMIT itself fails all of them get the exception and nothing is considered done.
//
// Work that says so may ride: its commit is seen by everybody at once, but forced only with the next one that is. A
// power cut loses the riding commits after the last forced one, newest first, and nothing else (the WAL is valid up to
// where it is torn).
//
// After a failed fsync the kernel takes pages for clean that never reached the disk, and no later fsync writes them.
// - If it was a commit's, all that waited get the exception, and SQLite has taken the commit back. The next commit first
//   writes the WAL again, so that nothing is built upon a hole, and lies over the one that failed. Until then the group
//   is in doubt: should the process die, the failed commit may be found in the WAL, whole, and count.
// - If it was a checkpoint's, pages may be missing in the database file that SQLite believes to be there. Commits go on;
//   nothing is moved any more until reopen() found a moment without any connection: SQLite then begins from the WAL.
//
// Work on many rows says that it wants a transaction of its own, without a savepoint: for one, SQLite keeps the first state of
// every page in memory and walks that list at each statement that could fail half done, which makes 20,000 of them take minutes.
//
// Work runs on whichever thread leads: it must not wait for other threads, nor do file or network I/O.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/Db.h"

namespace mox::store {

enum class Durability {
  forced,  ///< on disk when submit() returns
  rides,   ///< with the next forced commit
};

enum class Transaction {
  shared,  ///< with whatever else waits
  own,     ///< for work on many rows
};

/// What a piece of work sees.
class WriteTx {
 public:
  Db& db() { return db_; }
  /// Whether this commit will be forced, be it for somebody else's sake.
  bool isForced() const { return forced_; }
  /// Runs once the commit is durable, before submit() returns, in commit order. Must not block; an exception ends the
  /// process.
  void afterCommit(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

 private:
  friend class GroupCommit;
  WriteTx(Db& db, bool forced) : db_(db), forced_(forced) {}
  Db& db_;
  bool forced_;
  std::vector<std::function<void()>> hooks_;
};

class GroupCommit {
 public:
  /// Takes over the writing connection; what a crash left in its WAL is written again. `options`: for the connection
  /// that checkpoints, and for the writing one when it is opened again.
  /// `stamp` runs at the end of each transaction that changed something.
  explicit GroupCommit(std::unique_ptr<Db> db, const DbOptions& options = {}, std::function<void(Db&)> stamp = {});
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  /// Blocks until `work` is committed as durably as told, or throws what it threw (nothing of it happened), or throws
  /// DatabaseError (the commit failed: nothing of it is considered done).
  void submit(const std::function<void(WriteTx&)>& work, Durability durability = Durability::forced,
              Transaction transaction = Transaction::shared);
  /// Moves WAL pages into the database file on a connection of its own; for background threads. Writers go on,
  /// unless they have been so fast that the WAL would never start over. Does nothing while needsReopening().
  void checkpoint();
  /// True after a commit failed at its fsync, until the next one that did not.
  bool isInDoubt() const;
  /// Ends the doubt by a commit of its own; throws as submit() does while the disk still refuses.
  void settle();
  /// True after a checkpoint failed at an fsync, until reopen() worked.
  bool needsReopening() const;
  /// Closes and reopens the database. `whileClosed` closes all other connections to it in this process and runs what it
  /// is given before any is opened again; or gives false, if some are in use, and nothing is done: try again later.
  using WhileClosed = std::function<bool(const std::function<void()>& reopen)>;
  bool reopen(const WhileClosed& whileClosed);
  /// Callers waiting for the next leader: for tests and metrics.
  std::size_t waiting() const;
  /// True if something committed was not forced yet.
  bool hasRiders() const;

  /// The WAL waits to start over, which it can only do at a moment when nobody reads an older state: background work
  /// that reads all the time stands back then, or the file grows as long as somebody writes.
  bool isWalLong() const;

  struct Counts {
    std::uint64_t commits = 0, works = 0, statements = 0;
    std::uint64_t forced = 0;  ///< of the commits
  };
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
