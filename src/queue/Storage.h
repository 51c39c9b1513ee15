// Storage: data/queue/queue.db and the files of bodies above 256 KB in data/queue/bodies. The only SQL of the room.
//
// All writing goes through one group commit: what several threads want at once shares one fsync. Thread safe.
// Errors: store::DatabaseError and store::FileError; what threw has changed nothing that counts.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/Log.h"
#include "queue/Body.h"
#include "queue/Row.h"
#include "store/Backup.h"
#include "store/Files.h"

namespace mox::queue {

/// A lane and when its first entry is due.
struct LaneDue {
  std::string lane;
  Time due{};
};

struct ClaimRequest {
  std::string lane;
  std::size_t most = 0;  ///< entries; more are given if the last message has more recipients in the lane
};

struct Claimed {
  std::vector<Claim> claims;
  /// When the next entry of each lane asked for is due; no entry for a lane without any.
  std::map<std::string, Time> next;
};

struct StorageOptions {
  std::string directory;  ///< data/queue, made if missing
  const char* vfs = nullptr;
  int maxAttempts = 8;
};

class Storage {
 public:
  /// Opens or creates; removes body files no message knows of.
  Storage(StorageOptions options, store::Files& files, Log log);
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  /// Ids for a new message, in the order of its recipients.
  std::vector<QueueId> reserve(std::size_t recipients);
  /// Durable when it returns. `second`: the entries are taken for their first attempt at once, and this is the time of the
  /// next.
  void add(const NewMessage& message, Time now, const std::vector<QueueId>& ids, std::optional<Time> second = std::nullopt);
  /// The same with ids of its own.
  std::vector<QueueId> add(const NewMessage& message, Time now);
  /// Takes due entries in order of time and writes their next attempt: durable when it returns. `isActive` entries, which
  /// have an attempt under way, are passed over; `after` gives the time to the attempt after number n.
  Claimed claim(const std::vector<ClaimRequest>& requests, Time now, const std::function<bool(QueueId)>& isActive,
                const std::function<Duration(int attempt)>& after);
  /// Undoes claims that came to no attempt: due at `when`, or at what somebody set meanwhile.
  void release(const std::vector<Claim>& claims, Time when);
  /// Writes what came of attempts, in one commit; delivered and failed entries go, and messages without entries. Gives the
  /// next attempt of each that is to be tried again.
  std::map<QueueId, Time> record(const std::vector<Record>& records);

  std::vector<LaneDue> lanes();
  /// Ids that match, in the filter's order.
  std::vector<QueueId> match(const Filter& filter);
  std::vector<Entry> list(const Filter& filter);
  /// Entries as claims, for fail(); those that are gone are left out.
  std::vector<Claim> load(const std::vector<QueueId>& ids);

  std::size_t setHold(const std::vector<QueueId>& ids, bool hold);
  /// The next attempt at `base` plus `by`, or at what it was plus `by`.
  std::size_t schedule(const std::vector<QueueId>& ids, Duration by, std::optional<Time> base);
  std::size_t setTransport(const std::vector<QueueId>& ids, const std::string& transport);
  std::size_t setRequireTls(const std::vector<QueueId>& ids, std::optional<bool> requireTls);
  std::size_t drop(const std::vector<QueueId>& ids);

  /// Null if there is no such message.
  std::shared_ptr<const Body> body(QueueId message);
  /// Of an entry.
  std::optional<QueueId> messageOf(QueueId entry);
  std::size_t size();
  std::size_t held();

  /// A consistent copy of database and body files; store/Backup.h.
  store::BackupCounts backup(const std::string& directory);
  /// Moves the WAL into the database, if there was something written since the last call; overcomes failed fsyncs. One
  /// thread calls it.
  void maintain();
  struct Counts {
    std::uint64_t commits = 0, works = 0;
  };
  Counts counts() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace mox::queue
