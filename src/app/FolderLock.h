// FolderLock: one at a time, of all processes and threads, changes what is in a folder, from reading it to replacing it.
//
// flock(2) on the folder itself: it needs no file of its own, which in a folder of mixed owners not everybody could open, and
// it goes with whoever holds it.
#pragma once

#include <string>

#include "base/Clock.h"
#include "base/Result.h"
#include "store/Files.h"

namespace mox::app {

class FolderLock {
 public:
  /// Errc::timeout if others have it for longer than `patience`; Errc::denied if the folder cannot be read or locked.
  static Result<FolderLock> take(const std::string& folder, Duration patience);

 private:
  explicit FolderLock(store::Fd fd) : fd_(std::move(fd)) {}
  store::Fd fd_;
};

}  // namespace mox::app
