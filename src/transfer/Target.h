// Target: where an export goes, file by file: a folder, a zip or a tar file.
//
// Nothing that exists is written over. An archive gets its name when it is whole. Errors: store::FileError.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/Clock.h"
#include "store/Files.h"

namespace mox::transfer {

class Target {
 public:
  virtual ~Target() = default;
  /// Below the target, with parents.
  virtual void folder(const std::string& path) = 0;
  virtual void file(const std::string& path, std::string_view bytes, Time modified) = 0;
  /// Durable when this returns. Without it an archive is removed, a folder stays as it is.
  virtual void finish() = 0;
};

enum class TargetKind { folder, tar, tarGzip, zip };
/// By the name's end: .tar, .tgz, .tar.gz, .zip; else a folder.
TargetKind targetKind(std::string_view path);

/// The path must not exist; a folder may if it is empty. Throws store::FileError (EEXIST).
std::unique_ptr<Target> makeTarget(store::Files& files, const std::string& path);

}  // namespace mox::transfer
