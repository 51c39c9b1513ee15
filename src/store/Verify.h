// verify: is everything in an account as it must be? For tests, crash tests and `mox verifydata`.
#pragma once

#include <string>
#include <vector>

namespace mox::store {

class Account;
class Files;

/// Problems found, one line each; empty if all is well. `bodies`: also that no file is left over, which is
/// only certain while nobody delivers.
/// Checks: SQLite's own integrity and foreign keys, mailbox counts and keywords, UIDs below UIDNEXT and never both
/// present and expunged, modseq order, reference counts, body files present with the right size, the quota sum.
std::vector<std::string> verify(const Account& account, Files& files, bool bodies = true);

}  // namespace mox::store
