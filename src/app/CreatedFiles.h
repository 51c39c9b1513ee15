// CreatedFiles: files and directories made on the way to something; all go again unless it was reached.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "store/Files.h"

namespace mox::app {

class CreatedFiles {
 public:
  /// Paths are relative to `root`, which exists.
  CreatedFiles(store::Files& files, std::string root) : files_(files), root_(std::move(root)) {}
  /// Removes what was made, newest first, unless keep() was called. What cannot be removed stays.
  ~CreatedFiles();
  CreatedFiles(const CreatedFiles&) = delete;
  CreatedFiles& operator=(const CreatedFiles&) = delete;

  /// Fine if it is there, which leaves it out of what is removed. Throws store::FileError.
  void directory(const std::string& path);
  /// A new file, mode 0600. Throws store::FileError, also if it is there.
  void file(const std::string& path, std::string_view content);
  /// Something below `path` is made by others: all of it goes on failure. Throws store::FileError if it is there.
  void tree(const std::string& path);
  /// Made a moment ago by somebody else for us: goes with the rest.
  void adopt(const std::string& relative) { made_.push_back(path(relative)); }
  void keep() { made_.clear(); }

  bool isThere(const std::string& relative) const { return files_.size(path(relative)) >= 0; }
  std::string path(const std::string& relative) const { return root_ + "/" + relative; }
  /// Full paths, oldest first.
  const std::vector<std::string>& made() const { return made_; }

 private:
  store::Files& files_;
  std::string root_;
  std::vector<std::string> made_;
};

}  // namespace mox::app
