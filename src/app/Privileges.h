// Privileges: from root to the configured user, with nothing kept.
//
// Call before any thread starts: the kernel drops privileges a thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/Log.h"
#include "base/Result.h"
#include "config/Files.h"

namespace mox::app {

struct ServiceUser {
  std::string name;
  uid_t uid = 0;
  gid_t gid = 0;
};

/// By name, else a number used as user and group (images often have no passwd entry). Errc::notFound; denied for root.
Result<ServiceUser> findUser(const std::string& nameOrUid);

bool isRoot();

/// Groups, group and user, then no_new_privs. Makes sure that there is no way back. Throws std::system_error.
void becomeUser(const ServiceUser& user);

/// diskFiles(), and for root without the right to pass other users' directories (CAP_DAC_OVERRIDE) what their owner can
/// read there: keys in the data directory, before serve becomes its user. For programs that have one thread yet.
config::FileReader readableFiles();

/// For commands that root runs without the right to pass other users' directories (CAP_DAC_OVERRIDE), as in containers:
/// becomes the owner of `path`. False, with nothing done, for others than root and if root or its group owns it.
/// Throws std::system_error.
bool becomeOwner(const std::string& path);

/// Why this process is denied `path`, of which it needs `rights` (R_OK and so on of access(2)): who may not do what with the
/// folder on the way, or with `path` itself, and whose that is. "" if it is not denied, also if there is nothing.
std::string whyDenied(const std::string& path, int rights);
/// The same of what a server needs of its data directory, the first that it is denied.
std::string whyDataDenied(const std::string& dataDir);

/// Binds low ports from here on, if this process may take that right. The image's binary has it as a file capability that
/// does not take effect by itself: else the kernel would not start it where containers have no such right to give.
/// Throws std::system_error.
void useBindCapability();

/// Clears all capability sets and sets no_new_privs: for processes that start as an ordinary user. Throws std::system_error.
void dropCapabilities();

}  // namespace mox::app
