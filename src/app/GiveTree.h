// GiveTree: root gives the data directory to the server's user, whatever that user does to it meanwhile.
//
// Who may rename things in a tree decides at any time what a name there means. So each entry is opened as what it is and
// not as what it may lead to, below the folder that is open, and is looked at and given by that descriptor.
#pragma once

#include <functional>
#include <string>

#include "app/Privileges.h"

namespace mox::app {

/// Folders below one another that are looked into: several times what a data directory with backups in it has.
inline constexpr int givenDepth = 64;

/// Gives the tree to `user`: entries that belong to root only, no symbolic links, files with more than one name left alone
/// (somebody may have linked a file of the system there), and what root may not look into, for lack of CAP_DAC_OVERRIDE. On
/// the way to `directory` links of root are followed; if there is one of somebody else, nothing is given: then false.
/// `opened` is told of each entry that has been opened and not looked at yet. Throws std::system_error.
bool giveTree(const std::string& directory, const ServiceUser& user, const std::function<void(const std::string& path)>& opened = {});

}  // namespace mox::app
