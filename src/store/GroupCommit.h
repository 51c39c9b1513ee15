// GroupCommit: many threads' changes, one transaction, one fsync.
//
// The commit point of the house: when submit() returns, the work is on disk. The first caller that waits
// becomes the leader; it runs everybody's work in one IMMEDIATE transaction (a savepoint around each, so that one
// that throws is undone alone and gets its own exception), commits once, runs the hooks of afterCommit() in commit
// order, and wakes the others. If COMMIT itself fails all of them get the exception and nothing is considered done.
//
// After a failed fsync the page cache may lie about what is on disk: the group is then poisoned, and every
// submit() throws until the owner closes and reopens the database.
//
// Work runs on whichever thread leads: it must not wait for other threads, nor do file or network I/O.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "store/Db.h"

namespace mox::store {

/// What a piece of work sees.
class WriteTx {
 public:
  Db& db() { return db_; }
  /// Runs once the commit is durable, before submit() returns, in commit order. Must not block; an exception ends the
  /// process.
  void afterCommit(std::function<void()> hook) { hooks_.push_back(std::move(hook)); }

 private:
  friend class GroupCommit;
  explicit WriteTx(Db& db) : db_(db) {}
  Db& db_;
  std::vector<std::function<void()>> hooks_;
};

class GroupCommit {
 public:
  /// Takes over the writing connection. `options`: for the connection that checkpoints.
  explicit GroupCommit(std::unique_ptr<Db> db, const DbOptions& options = {});
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  /// Blocks until `work` is durable, or throws what it threw (nothing of it happened), or throws
  /// DatabaseError (the commit failed: nothing of it is considered done).
  void submit(const std::function<void(WriteTx&)>& work);
  /// Moves WAL pages into the database file on a connection of its own; for background threads. Writers go on,
  /// unless they have been so fast that the WAL would never start over.
  void checkpoint();
  /// Callers waiting for the next leader: for tests and metrics.
  std::size_t waiting() const;
  /// True after a failed fsync.
  bool isPoisoned() const;

  struct Counts {
    std::uint64_t commits = 0, works = 0, statements = 0;
  };
  Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mox::store
