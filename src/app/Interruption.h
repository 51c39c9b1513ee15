// Interruption: while it lives, INT, TERM and HUP are only noted, so that what is half made can be taken away again.
#pragma once

#include <signal.h>

#include <array>

namespace mox::app {

/// One at a time. A signal that was ignored before (nohup) still is.
class Interruption {
 public:
  Interruption();
  ~Interruption();
  Interruption(const Interruption&) = delete;
  Interruption& operator=(const Interruption&) = delete;

  bool happened() const;

 private:
  std::array<struct sigaction, 3> before_{};
};

}  // namespace mox::app
