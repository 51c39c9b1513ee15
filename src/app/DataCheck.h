// DataCheck: `mox verifydata`, a whole data directory that no server uses, such as a backup.
#pragma once

#include <iosfwd>
#include <string>

#include "app/FileWalk.h"
#include "base/Clock.h"
#include "store/Files.h"

namespace mox::app {

struct DataCheckOptions {
  bool fix = false;    ///< move files of no message away
  bool sizes = true;   ///< look at the size of each body file
};

/// Writes a line a problem and one for each part that is well; how many problems there are. Throws if a server uses
/// the directory or it is none.
std::size_t checkData(store::Files& files, const std::string& dataDir, const DataCheckOptions& options, std::ostream& out);

}  // namespace mox::app
