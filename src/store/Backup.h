// Backups: what copying a database and immutable files into another folder takes, again and again into the same one.
//
// A copy replaces the one before only when it is whole and on disk, so a backup that fails leaves the last one usable.
// Errors: DatabaseError and FileError; a failed backup is for the caller to tell of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "store/Files.h"

namespace mox::store {

class Db;

struct BackupCounts {
  std::uint64_t databases = 0;
  std::uint64_t copied = 0;   ///< files linked or copied
  std::uint64_t kept = 0;     ///< files that were there from an earlier backup
  std::uint64_t removed = 0;  ///< files that only an earlier backup needed
  std::uint64_t unchanged = 0;  ///< databases of which the earlier copy is still true
  std::vector<std::string> lacking = {};  ///< what should be there and is not, one line each; the rest was copied
};

/// state.stamp of an account's database that an earlier backup has copied (SCHEMA.md): equal to the database's own, it is a copy
/// of the same commit. 0 if there is no copy, it is of another format, or somebody may have written to it.
std::int64_t copiedStamp(Files& files, const std::string& path);
/// A consistent copy while others write; `to` is replaced.
void copyDatabase(Db& from, Files& files, const std::string& to);
/// A file that never changes: linked, or copied where links do not reach; the link or copy of an earlier backup is left
/// as it is. False if there is no such file. The caller syncs the directory.
bool copyImmutable(Files& files, const std::string& from, const std::string& to, BackupCounts& counts);
/// A file that may have changed: replaced if its octets differ.
void copyFile(Files& files, const std::string& from, const std::string& to, BackupCounts& counts);
/// All of a file.
std::string readFile(Files& files, const std::string& path);

}  // namespace mox::store
