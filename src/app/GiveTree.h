// GiveTree: root gives files to the server's user, whatever that user does to them meanwhile.
//
// Who may rename things in a tree decides at any time what a name there means. So each entry is opened as what it is and
// not as what it may lead to, below the folder that is open, and is looked at and given by that descriptor.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>

#include "app/Privileges.h"

namespace mox::app {

/// Folders below one another that are looked into: several times what a data directory with backups in it has.
inline constexpr int givenDepth = 64;

/// Whose an entry is to be.
struct Owner {
  uid_t uid;
  gid_t gid;  ///< of both -1 leaves it
  std::optional<mode_t> mode;
};
using OwnerOf = std::function<Owner(const std::string& path, bool isFolder)>;

/// Gives each entry of the tree, or the one file: only what belongs to who does this, no symbolic links, files with more than
/// one name left alone (somebody may have linked a file of the system there), and what root may not look into, for lack of
/// CAP_DAC_OVERRIDE. On the way to `path` root follows its own links; if there is one of somebody else, nothing is given:
/// then false. `opened` is told of each entry that has been opened and not looked at yet. Throws std::system_error.
bool giveTree(const std::string& path, const OwnerOf& owner, const std::function<void(const std::string& path)>& opened = {});
/// The same with all of it for `user`, modes as they are.
bool giveTree(const std::string& path, const ServiceUser& user, const std::function<void(const std::string& path)>& opened = {});

}  // namespace mox::app
