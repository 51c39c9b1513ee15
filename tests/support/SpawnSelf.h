// This test program once more, to be killed or starved. Not by fork() alone: threads of other tests may hold locks that
// the child would then wait for, and a forked child of a program with threads may only call what a signal handler may.
#pragma once

#include <sys/types.h>

#include <string>

namespace mox::test {

/// Starts it with the environment variable alone; who looks for that before main() does the work and never comes to
/// main(). `out` is the child's descriptor 3. Throws std::system_error.
pid_t spawnSelf(const std::string& variable, const std::string& value, int out = -1);

}  // namespace mox::test
