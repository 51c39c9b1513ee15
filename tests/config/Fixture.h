// A small valid configuration, a way to change it, and files without a disk.
#pragma once

#include <map>
#include <string>

#include "config/Source.h"

namespace mox::test {

/// A file of tests/data/config.
std::string readData(const std::string& name);

/// A configuration as text that can be edited by line, and the files it names.
class ConfigFixture {
 public:
  ConfigFixture();

  std::string fixed, dynamic;
  std::map<std::string, std::string> files;
  std::map<std::string, config::FileInfo> infos;  ///< of files that are not regular ones of their owner alone

  /// Replaces the only occurrence of `from`; throws if there is not exactly one.
  static void replace(std::string& text, const std::string& from, const std::string& to);
  config::Loaded load() const;
  config::FileReader reader() const;
  /// The config; throws with the errors if there is none.
  config::ConfigPtr config() const;
};

}  // namespace mox::test
