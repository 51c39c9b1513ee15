// What Account and Reader share behind their pimpls. Private to the room.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/Guarded.h"
#include "store/Account.h"
#include "store/Db.h"
#include "store/GroupCommit.h"
#include "store/MessageWrites.h"
#include "store/Operation.h"
#include "store/OutgoingWindow.h"
#include "store/ReaderPool.h"
#include "store/SearchIndex.h"

namespace mox::store {

/// Where body files are.
class BodyFiles {
 public:
  explicit BodyFiles(std::string directory) : directory_(std::move(directory)) {}
  std::string directoryOf(std::int64_t file) const;
  std::string path(std::int64_t file) const { return directoryOf(file) + "/" + std::to_string(file); }
  const std::string& directory() const { return directory_; }
  static constexpr std::int64_t perDirectory = 8'192;

 private:
  std::string directory_;
};

/// The newest view of each mailbox that somebody looks at.
class ViewCache {
 public:
  ViewCache(std::string path, DbOptions options) : path_(std::move(path)), options_(options) {}
  View get(MailboxId mailbox);
  /// After a commit, in commit order.
  void apply(const std::vector<ViewDelta>& deltas);
  /// Forgets views nobody holds and nobody asked for since the last call.
  void trim();
  /// Mailboxes with parts that would do with a pack (ViewPack.h), noted since the last call.
  std::set<MailboxId> takePackable();
  /// As ReaderPool::whileClosed; waits for a view that is being loaded.
  void whileClosed(const std::function<void()>& work);

 private:
  struct Slot {
    std::mutex mutex;
    View latest;
    bool asked = false;
    bool gone = false;
  };
  static bool isHeld(const Slot& slot);
  View load(MailboxId mailbox);

  const std::string path_;
  const DbOptions options_;
  std::mutex dbMutex_;
  std::unique_ptr<Db> db_;  ///< of its own, so that the writer never waits for somebody holding a Reader
  Guarded<std::map<MailboxId, std::shared_ptr<Slot>>> slots_;
  Guarded<std::set<MailboxId>> packable_;
};

/// Which messages are new to all sessions, RFC 3501 §2.3.2: mailbox.recent_from, ahead of what is written.
class RecentMarks {
 public:
  /// `load` gives the written mark, if it is not known yet.
  Uid take(MailboxId mailbox, Uid end, const std::function<Uid()>& load);
  bool hasUnwritten() const;
  /// Writes marks that moved, in the transaction the connection is in; the result says which. written() once it is durable.
  std::map<MailboxId, Uid> write(Db& db);
  void written(const std::map<MailboxId, Uid>& marks);

 private:
  struct Mark {
    Uid from;
    bool isWritten = true;
  };
  mutable std::mutex mutex_;
  std::map<MailboxId, Mark> marks_;
};

struct Account::State {
  State(std::string accountName, std::string accountDirectory, std::string spools, Environment environment);
  ~State() { close(); }

  const std::string name, directory, spoolDirectory;
  const Environment env;
  const BodyFiles bodies;
  std::unique_ptr<GroupCommit> writer;
  mutable ReaderPool readers;
  ViewCache views;
  std::unique_ptr<SearchIndex> search;
  std::atomic<std::uint64_t> searchSeen{UINT64_MAX};  ///< commits after which the index had nothing more to do
  ChangeFeed feed;
  MailboxNames names;
  Guarded<OutgoingWindow> outgoing;
  RecentMarks recent;
  std::mutex outgoingFlush;                     ///< one flushOutgoing() at a time; taken before `outgoing`
  std::atomic<std::int64_t> nextFile{1};
  Guarded<std::vector<std::int64_t>> garbage;  ///< body files to unlink: rows of table garbage, and those of commits that failed in doubt
  std::atomic<bool> importing{false};
  std::atomic<int> backups{0};                  ///< under way: nothing is unlinked
  std::atomic<std::uint64_t> commitsSeen{0};    ///< by maintain()
  std::atomic<std::int64_t> nextHistory{0};     ///< when maintain() looks at tombstones again, unix seconds

  /// Runs `change` in a transaction and tells what it changed. One that rides may be run twice: the first time is undone.
  void write(const std::function<void(Operation&)>& change, Durability durability = Durability::forced,
             Transaction transaction = Transaction::shared);
  /// The same; what the change refuses comes back as a value.
  template <class T>
  Result<T> tryWrite(const std::function<T(Operation&)>& change, Durability durability = Durability::forced,
                     Transaction transaction = Transaction::shared) {
    std::optional<T> result;
    try {
      write([&](Operation& op) { result.emplace(change(op)); }, durability, transaction);
    } catch (const Refused& refused) {
      return tl::unexpected<Error>(refused.error);
    }
    return std::move(*result);
  }
  /// For changes without anything to give back.
  Result<void> tryWriteVoid(const std::function<void(Operation&)>& change);
  WriteContext context() const { return {env.clock->now(), env.organisationalDomain}; }
  std::string databasePath() const { return directory + "/account.db"; }
  DbOptions dbOptions() const;

  void open();
  void openWhole();
  void close();
  void recover(Db& db, bool hasCrashed);
  void recoverFiles(Db& db, bool hasCrashed);
  /// Forces what rides.
  void forceRiders();
  void removeGarbage();
  /// What was kept in memory for the next commit.
  void writeLate();
  void packViews();
  /// Writes what was sent and is noted only.
  void flushOutgoing();
  /// If a checkpoint failed at its fsync, and nobody reads just now.
  void reopen();
};

/// One column of table structure or bodystructure, read in the order of contents.
class StructureScan {
 public:
  /// "SELECT content, COLUMN FROM TABLE WHERE content>=? ORDER BY content"; the text must live as long.
  StructureScan(Db& db, const char* sql) : db_(db), sql_(sql) {}
  /// False if there is no such content.
  bool append(ContentId content, std::string& out);
  void end() { rows_.reset(); }

 private:
  bool seek(ContentId content);
  Db& db_;
  const char* sql_;
  std::optional<Stmt> rows_;
  ContentId at_;  ///< of the row rows_ stands on; 0 at none
};

struct Reader::State {
  State(Account::State& owner) : account(owner), db(owner.readers.take()), tx(std::in_place, *db, Tx::Kind::read) {}
  ~State() {
    for (auto* scan : {&envelopes, &bodies, &bodyStructures}) scan->end();
    tx.reset();
    account.readers.giveBack(std::move(db));
  }
  Account::State& account;
  std::unique_ptr<Db> db;
  std::optional<Tx> tx;
  StructureScan envelopes{*db, "SELECT content, envelope FROM structure WHERE content>=? ORDER BY content"};
  StructureScan bodies{*db, "SELECT content, body FROM bodystructure WHERE content>=? ORDER BY content"};
  StructureScan bodyStructures{*db, "SELECT content, extended FROM bodystructure WHERE content>=? ORDER BY content"};
};

}  // namespace mox::store
