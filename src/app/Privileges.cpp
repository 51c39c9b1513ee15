#include "app/Privileges.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <limits>
#include <system_error>
#include <vector>

#include "base/Text.h"
#include "store/Accounts.h"

namespace mox::app {

namespace {

constexpr std::size_t passwdBuffer = 16 * 1024;  // octets of one passwd entry

void require(bool done, const char* what) {
  if (!done) throw std::system_error(errno, std::generic_category(), what);
}

/// Files are opened as the owner of what holds `path`, as far as root can see, until the end of this object. For one thread.
class AsOwner {
 public:
  explicit AsOwner(const std::string& path) {
    struct stat info {};
    auto directory = config::directoryOf(path);
    while (::stat(directory.c_str(), &info) != 0) {
      if (directory == "." || directory == "/") return;
      directory = config::directoryOf(directory);
    }
    ::setfsgid(info.st_gid);
    ::setfsuid(info.st_uid);
  }
  ~AsOwner() {
    ::setfsuid(::geteuid());
    ::setfsgid(::getegid());
  }
  AsOwner(const AsOwner&) = delete;
  AsOwner& operator=(const AsOwner&) = delete;
};

/// What `ask` says of the path; if root is denied it, what its owner is told.
template <class F>
auto askAlsoAsOwner(const F& ask, const std::string& path) {
  auto answer = ask(path);
  if (answer || answer.error().code != Errc::denied || !isRoot()) return answer;
  AsOwner owner(path);
  return ask(path);
}

}  // namespace

config::FileReader readableFiles() {
  auto disk = config::diskFiles();
  return {[disk](const std::string& path) { return askAlsoAsOwner(disk, path); },
          [disk](const std::string& path) { return askAlsoAsOwner([&](const std::string& file) { return disk.look(file); }, path); }};
}

bool isRoot() { return ::geteuid() == 0; }

Result<ServiceUser> findUser(const std::string& nameOrUid) {
  std::vector<char> buffer(passwdBuffer);
  struct passwd entry {};
  struct passwd* found = nullptr;
  int error = ::getpwnam_r(nameOrUid.c_str(), &entry, buffer.data(), buffer.size(), &found);
  ServiceUser user{nameOrUid, 0, 0};
  if (found != nullptr) {
    user.uid = entry.pw_uid;
    user.gid = entry.pw_gid;
  } else {
    auto number = parseUnsigned(nameOrUid);
    if (!number || *number >= std::numeric_limits<uid_t>::max()) {
      std::string why = error != 0 && error != ENOENT ? ": " + std::generic_category().message(error) : "";
      return fail(Errc::notFound, "there is no user \"" + printable(nameOrUid) + "\"" + why);
    }
    user.uid = static_cast<uid_t>(*number);
    user.gid = static_cast<gid_t>(*number);
  }
  if (user.uid == 0 || user.gid == 0) return fail(Errc::denied, "user \"" + printable(nameOrUid) + "\" is root, or in its group");
  return user;
}

bool becomeOwner(const std::string& path) {
  struct stat info {};
  if (!isRoot() || ::stat(path.c_str(), &info) != 0 || info.st_uid == 0 || info.st_gid == 0) return false;
  becomeUser({"owner of " + path, info.st_uid, info.st_gid});
  return true;
}

void becomeUser(const ServiceUser& user) {
  require(::setgroups(0, nullptr) == 0, "setgroups");
  require(::setresgid(user.gid, user.gid, user.gid) == 0, "setgid");
  require(::setresuid(user.uid, user.uid, user.uid) == 0, "setuid");
  if (::setuid(0) == 0 || ::geteuid() == 0) throw std::runtime_error("could become root again after dropping privileges");
  dropCapabilities();
}

namespace {

std::string nameOf(uid_t uid) {
  std::vector<char> buffer(passwdBuffer);
  struct passwd entry {};
  struct passwd* found = nullptr;
  auto number = std::to_string(uid);
  ::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? "user " + number : std::string("user ") + found->pw_name;
}

std::string denied(const std::string& path, const char* what) {
  auto text = nameOf(::geteuid()) + " may not " + what + " " + path;
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return text;
  return text + fmt::format(", which belongs to {} (mode {:04o})", nameOf(info.st_uid), info.st_mode & 07777U);
}

bool isDenied(const std::string& path, int rights) { return ::faccessat(AT_FDCWD, path.c_str(), rights, AT_EACCESS) != 0 && errno == EACCES; }

}  // namespace

std::string whyDenied(const std::string& path, int rights) {
  for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    auto folder = path.substr(0, slash);
    if (isDenied(folder, X_OK)) return denied(folder, "pass");
  }
  if (!isDenied(path, rights)) return "";
  return denied(path, (rights & R_OK) != 0 && isDenied(path, R_OK) ? "read" : "write");
}

std::string whyDataDenied(const std::string& dataDir) {
  constexpr int folder = R_OK | W_OK | X_OK, file = R_OK | W_OK;
  if (auto why = whyDenied(dataDir, folder); !why.empty()) return why;
  const std::pair<const char*, int> wanted[] = {{"accounts", folder}, {"accounts/.lock", file}, {"tmp", folder}, {"queue", folder}, {"queue/queue.db", file},
                                                {"auth.db", file},    {"receivedid.key", R_OK}, {"salt.key", R_OK}};
  for (const auto& [name, rights] : wanted)
    if (auto why = whyDenied(dataDir + "/" + name, rights); !why.empty()) return why;
  std::error_code none;  // no accounts yet
  for (const auto& entry : std::filesystem::directory_iterator(dataDir + "/accounts", none)) {
    if (!entry.is_directory(none) || !store::isAccountName(entry.path().filename().string())) continue;  // such as lost+found
    auto account = entry.path().string();
    if (auto why = whyDenied(account, folder); !why.empty()) return why;
    if (auto why = whyDenied(account + "/account.db", file); !why.empty()) return why;
  }
  return "";
}

void useBindCapability() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {};
  require(::syscall(SYS_capget, &header, sets) == 0, "reading capabilities");
  auto wanted = sets[0].permitted & (1U << CAP_NET_BIND_SERVICE);
  if ((sets[0].effective & wanted) == wanted) return;
  sets[0].effective |= wanted;
  require(::syscall(SYS_capset, &header, sets) == 0, "using CAP_NET_BIND_SERVICE");
}

void dropCapabilities() {
  require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
  require(::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == 0, "clearing ambient capabilities");
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  require(::syscall(SYS_capset, &header, none) == 0, "clearing capabilities");
}

}  // namespace mox::app
