// verify: is everything in an account as it must be? For tests, crash tests and `mox verifydata`.
#pragma once

#include <string>
#include <vector>

namespace mox::store {

class Account;
class Files;

class Db;

/// What verify() looks at beyond the account's tables.
struct VerifyOptions {
  bool sweep = true;       ///< files of no message: only certain while nobody delivers
  bool sizes = true;       ///< of body files; that they are there is looked at in any case
  bool structures = true;  ///< that each can be read
};

/// The same of an account's database that nobody else uses. `directory`: the account's.
std::vector<std::string> verifyAccount(Db& db, Files& files, const std::string& directory, const VerifyOptions& options = {});
/// Moves body files of no message out of the way, into `directory`/moved; their names.
std::vector<std::string> moveUnknownBodies(Db& db, Files& files, const std::string& directory);
/// Of data/auth.db.
std::vector<std::string> verifyAuth(Db& db);

/// Problems found, one line each; empty if all is well. `bodies`: also that no file is left over, which is
/// only certain while nobody delivers.
/// Checks: SQLite's own integrity and foreign keys, mailbox counts and keywords, UIDs below UIDNEXT and never both
/// present and expunged, modseq order, reference counts, body files present with the right size, the quota sum.
std::vector<std::string> verify(const Account& account, Files& files, bool bodies = true);

}  // namespace mox::store
