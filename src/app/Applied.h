// Applied: a configuration as a list of settings, kept in the data directory as what was applied last, so that a later
// one can be compared with it: by a start, by a reload, and by `mox config plan` without the server.
//
// It holds no secrets. In their place are digests under a key of this data directory, good for telling that two are the
// same. It is text of one setting a line, "path<TAB>value", sorted; paths that a later version does not know do no harm.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/Config.h"
#include "config/Files.h"
#include "store/Files.h"

namespace mox::app {

/// Below the data directory.
std::string appliedPath(const std::string& dataDir);

class Applied {
 public:
  /// Reads the files with secrets again, for their digests; one that cannot be read counts as it was in `before`.
  /// `key`: secret octets of the data directory.
  static Applied of(const config::Config& config, const config::FileReader& files, std::string_view key, const Applied& before = {});
  /// Nothing if the text is not one that text() made.
  static std::optional<Applied> parse(std::string_view text);
  std::string text() const;

  /// Digest of the password (or hash) that the configuration gives an account; "" if it gives none.
  std::string password(const std::string& account) const;
  /// The account's password is as in `other`, and so is whether its user may change it.
  bool samePassword(const Applied& other, const std::string& account) const;
  bool empty() const { return settings_.empty(); }
  friend bool operator==(const Applied&, const Applied&) = default;

  struct Change {
    std::string text;  ///< "account added: mjl"
    bool needsRestart = false;

    /// With a word on the restart.
    std::string line() const;
  };
  /// What leads from one to the other, in order of domains, accounts and what belongs to them, then the static part.
  friend std::vector<Change> plan(const Applied& before, const Applied& after);

 private:
  std::map<std::string, std::string> settings_;  ///< value in JSON, or a digest, by path
};

std::vector<Applied::Change> plan(const Applied& before, const Applied& after);

/// The record of a data directory: empty if there is none, or of another version.
Applied readApplied(const config::FileReader& files, const std::string& dataDir);
/// Replaces it; durable when this returns. Throws store::FileError.
void writeApplied(store::Files& files, const std::string& dataDir, const Applied& applied);

}  // namespace mox::app
