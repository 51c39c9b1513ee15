// What the sources of Storage share. Private to the room.
#pragma once

#include <atomic>
#include <functional>
#include <variant>

#include "base/Guarded.h"
#include "queue/FreshBodies.h"
#include "queue/Storage.h"
#include "store/Db.h"
#include "store/GroupCommit.h"
#include "store/ReaderPool.h"

namespace mox::queue {

/// A reading connection, given back when it goes.
class ReadLease {
 public:
  explicit ReadLease(store::ReaderPool& pool) : pool_(pool), db_(pool.take()) {}
  ~ReadLease() { pool_.giveBack(std::move(db_)); }
  ReadLease(const ReadLease&) = delete;
  ReadLease& operator=(const ReadLease&) = delete;
  store::Db& operator*() const { return *db_; }
  store::Db* operator->() const { return db_.get(); }

 private:
  store::ReaderPool& pool_;
  std::unique_ptr<store::Db> db_;
};

struct Storage::State {
  State(StorageOptions o, store::Files& f, Log l);

  const StorageOptions options;
  const std::string path, bodies, spools;
  store::Files& files;
  const Log log;
  std::atomic<std::int64_t> nextId{1};

  std::unique_ptr<store::GroupCommit> writer;
  store::ReaderPool readers;
  FreshBodies fresh;
  std::atomic<std::uint64_t> maintained{0};  ///< commits at the last maintain()
  Guarded<std::vector<QueueId>> doubtful;    ///< messages whose commit failed in doubt: their files are still to be removed

  store::DbOptions dbOptions() const;
  void open();
  void sweep(store::Db& db, bool hasCrashed);
  void write(const std::function<void(store::Db&)>& work);
  ReadLease read() { return ReadLease(readers); }
  /// If a checkpoint failed at its fsync, and nobody reads just now.
  void reopen();
  std::string bodyPath(QueueId message) const { return bodies + "/" + std::to_string(message.value); }
  void removeBodies(const std::vector<QueueId>& messages);
  std::size_t update(const std::vector<QueueId>& ids, const std::function<std::size_t(store::Db&, QueueId)>& one);
};

/// A condition of a query and what it binds.
struct Where {
  std::string sql = "1";
  std::vector<std::variant<std::int64_t, std::string>> values;
};
Where whereOf(const Filter& filter);
/// " ORDER BY … LIMIT …".
std::string orderOf(const Filter& filter);
void bindAll(store::Stmt& statement, const Where& where);

Mailbox readMailbox(std::string_view localpart, std::string_view host);
/// Entry columns, then message columns, then those of `messageColumns`.
inline constexpr const char* messageColumns =
    "message.id, message.queued, message.account, message.from_localpart, message.from_host, message.has_8bit, message.smtp_utf8, "
    "message.future_release, message.message_id, message.subject, message.size";
inline constexpr int messageColumnCount = 11;
MessageRow readMessage(const store::Stmt& row, int first);
/// Of a message: entry columns as in claimColumns.
inline constexpr const char* claimColumns =
    "entry.id, entry.localpart, entry.host, entry.attempts, entry.max_attempts, entry.next_attempt, entry.transport, entry.require_tls";
inline constexpr int claimColumnCount = 8;
Claim readClaim(const store::Stmt& row);
/// Removes the entry; true if its message has no other and went too.
bool removeEntry(store::Db& db, QueueId entry, QueueId message, bool hasHistory);
std::vector<Dial> readDialled(store::Db& db, QueueId entry);

}  // namespace mox::queue
