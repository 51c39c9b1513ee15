// Damage: accounts that must not be opened, since what is opened would be empty and would take what is left for rubbish.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "store/Files.h"

namespace mox::store {

/// The account cannot be used until somebody has mended or restored it. Nothing of it was changed.
class AccountDamaged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What is left of an account besides its database: body files, or an index of messages that it had.
bool hasRemains(Files& files, const std::string& accountDirectory);

/// Why the account must not be opened, as far as its files tell before SQLite does; "" if nothing is wrong, also if there is
/// no account yet. Opens the database file: nobody in this process may have it open, who closes it lets go of their locks.
std::string accountDamage(Files& files, const std::string& accountDirectory);

/// What is said of a database without tables beside what is left of an account.
std::string emptyBesideRemains(const std::string& databasePath, const std::string& how);

/// user_version as SQLite's file header (§1.3.15 of its format) has it, without opening the database; a WAL may have a
/// later one. 0 if there is no database.
std::uint32_t formatInHeader(Files& files, const std::string& databasePath);

/// Moves a file into `folder`, made if it is not there, under that name or one like it: never over one
/// that is there. Where it is now.
std::string moveAway(Files& files, const std::string& path, const std::string& folder, const std::string& name);
/// A body file of no message, into the account's folder "moved".
void moveBodyAway(Files& files, const std::string& accountDirectory, const std::string& folder, const std::string& name);

/// Whether files that the database does not know are what a crash has left: SQLite removes the WAL at an orderly end. Not
/// so after a start that had found an orderly end, and was killed while it moved them away.
bool leftByCrash(Files& files, const std::string& databasePath);
/// Before the first is moved away. May be called again.
void beginMovingAway(Files& files, const std::string& databasePath);
/// When none is left to move, whether any was or not. `folders`: where they were and are now, synced.
void endMovingAway(Files& files, const std::string& databasePath, const std::vector<std::string>& folders);

}  // namespace mox::store
