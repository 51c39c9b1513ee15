// Loading a configuration, and keeping the current one.
//
// Two files, mox.conf and domains.conf beside it (sconf), or one file ending
// in .json that has the fields of both at its top.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/Guarded.h"
#include "config/Config.h"
#include "config/Files.h"
#include "config/Problems.h"

namespace mox::config {

struct Loaded {
  ConfigPtr config;  ///< null if there are errors
  std::vector<Problem> errors;
  std::vector<Problem> warnings;

  bool ok() const { return config != nullptr; }
};

struct LoadOptions {
  /// Secrets and the certificates beside them are not looked for: for a machine that does not have them.
  bool withoutSecrets = false;
  /// A server that was root when it started need not be able to read the keys of its certificates again.
  bool whileRunning = false;
};

/// Path of the dynamic part: domains.conf beside `path`, or `path` itself if it is JSON.
std::string dynamicPath(const std::string& path);

/// Reads and checks everything. Relative paths inside are relative to the directory of `path`.
Loaded load(const std::string& path, const FileReader& files = diskFiles(), const LoadOptions& options = {});

/// The same from text, without the file at `path` being there; keys are read through `files`.
Loaded loadText(const std::string& path, const std::string& staticText, const std::string& dynamicText, const FileReader& files,
                const LoadOptions& options = {});

/// What a reload would do.
struct Prepared {
  /// What can be taken over now: the static part of the start with the dynamic part of the files. Null with errors.
  Loaded next;
  /// What the files say as a whole: that is how the next start will be. Null with errors.
  ConfigPtr wanted;
};

/// The running server's configuration. Thread safe.
class ConfigSource {
 public:
  /// Starts with a configuration that load() made from `path`.
  ConfigSource(std::string path, ConfigPtr loaded, FileReader files = diskFiles());

  ConfigPtr current() const;
  const std::string& path() const { return path_; }
  /// Reads the files again and checks them; nothing changes. A change of the static part is a warning.
  Prepared prepare() const;
  void use(ConfigPtr next);
  /// Both at once: with errors the current configuration stays.
  Loaded reload();

 private:
  std::string path_;
  FileReader files_;
  mutable Guarded<ConfigPtr> current_;
};

}  // namespace mox::config
