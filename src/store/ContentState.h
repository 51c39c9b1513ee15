// What a Content holds. Private to the room.
#pragma once

#include <mutex>
#include <string>

#include "store/Files.h"
#include "store/Message.h"

namespace mox::store {

struct Content::State {
  ~State();
  std::string bytes;            ///< the message, or what comes before the file
  Fd fd;                        ///< of the file, if there is one
  std::uint64_t fileSize = 0;
  std::mutex mutex;             ///< of what follows
  void* map = nullptr;
  std::string joined;           ///< prefix and file, once somebody asked for all of it
};

}  // namespace mox::store
