// The tables of account.db and auth.db, and their versions; SCHEMA.md describes the columns.
#pragma once

#include "base/Clock.h"

namespace mox::store {

class Db;

inline constexpr int accountFormat = 5;
inline constexpr int authFormat = 1;

/// Creates or upgrades the tables. `now` seeds UIDVALIDITY of a new account. `format`: an older one, for tests.
void migrateAccount(Db& db, Time now, int format = accountFormat);
void migrateAuth(Db& db);

}  // namespace mox::store
