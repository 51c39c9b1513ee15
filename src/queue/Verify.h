// verify: is data/queue whole? For `mox verifydata`, while nobody uses it.
#pragma once

#include <string>
#include <vector>

#include "store/Files.h"

namespace mox::queue {

/// Problems found, one line each. SQLite's own checks, entries and messages that need each other, body files that are
/// missing, of the wrong size or of no message. `fix`: those of no message are moved to `directory`/moved.
std::vector<std::string> verify(const std::string& directory, store::Files& files, bool sizes, bool fix);

}  // namespace mox::queue
