// The queue's database, data/queue/queue.db.
#pragma once

namespace mox::store {
class Db;
}

namespace mox::queue {

inline constexpr int schemaVersion = 1;

/// Brings the database to schemaVersion. Throws if it was written by a newer version.
void migrate(store::Db& db);

}  // namespace mox::queue
