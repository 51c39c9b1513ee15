#include "support/SpawnSelf.h"

#include <spawn.h>

#include <system_error>

namespace mox::test {

pid_t spawnSelf(const std::string& variable, const std::string& value, int out) {
  std::string setting = variable + "=" + value, path = "/proc/self/exe";
  char* argv[] = {path.data(), nullptr};
  char* environment[] = {setting.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (out >= 0) posix_spawn_file_actions_adddup2(&actions, out, 3);
  pid_t pid = -1;
  int failed = ::posix_spawn(&pid, path.c_str(), &actions, nullptr, argv, environment);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::system_error(failed, std::generic_category(), "starting this program once more");
  return pid;
}

}  // namespace mox::test
