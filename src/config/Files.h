// How the configuration reads files: handed in, so that tests need no disk.
#pragma once

#include <functional>
#include <string>

#include "base/Result.h"

namespace mox::config {

/// Content of the file at a path, at most maxFileBytes; Errc::notFound, denied or temporary with a reason that
/// does not repeat the path.
using FileReader = std::function<Result<std::string>(const std::string& path)>;

/// Reads regular files from disk.
FileReader diskFiles();

/// Directory of a path, "." if it has none.
std::string directoryOf(const std::string& path);
/// `path` if it is absolute, else below `directory`.
std::string resolvePath(const std::string& directory, const std::string& path);

}  // namespace mox::config
