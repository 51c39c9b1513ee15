// Sliced: commands that may take long, done in slices. Between two of them other connections have their turn, what
// was written leaves, and the end of the connection ends the work. RFC 9585: the client is told how far it is.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/Clock.h"

namespace mox::imapserver {

class Context;

/// How much a slice may do: about 10 ms, so that nobody else on the worker waits longer. Counted in units of about
/// 50 ns, the cost of looking at one message of a view, and not by a clock, so that runs are the same every time.
inline constexpr std::uint64_t sliceWork = 200'000;
/// RFC 9585 §4: a client that waits is told so this often.
inline constexpr Duration progressInterval = std::chrono::seconds(10);

class SlicedWork {
 public:
  virtual ~SlicedWork() = default;
  /// Works for about sliceWork units; true if there is more to do.
  virtual bool slice() = 0;
  /// Messages looked at, and how many there are to look at; 0 if that is not known.
  virtual std::uint64_t done() const = 0;
  virtual std::uint64_t goal() const = 0;
};

/// Runs `work` slice by slice, then calls `finish`, which ends the command. The first slice is done at once.
void runSliced(Context& context, std::shared_ptr<SlicedWork> work, std::function<void(Context&)> finish);

}  // namespace mox::imapserver
