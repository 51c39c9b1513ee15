#include "app/CreatedFiles.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "config/Files.h"

namespace mox::app {

namespace {

constexpr mode_t directoryMode = 0750;

}  // namespace

CreatedFiles::~CreatedFiles() {
  for (auto path = made_.rbegin(); path != made_.rend(); ++path) {
    std::error_code ignored;  // a destructor on the way out of a failure: the failure is what counts
    std::filesystem::remove_all(*path, ignored);
  }
}

void CreatedFiles::directory(const std::string& relative) {
  if (::mkdir(path(relative).c_str(), directoryMode) == 0) made_.push_back(path(relative));
  else if (errno != EEXIST) throw store::FileError(errno, std::generic_category(), "creating " + path(relative));
}

void CreatedFiles::file(const std::string& relative, std::string_view content) {
  auto fd = files_.create(path(relative));
  made_.push_back(path(relative));  // from here on it is ours, also if the disk is full
  files_.write(fd.get(), content);
  files_.sync(fd.get());
  files_.syncDirectory(config::directoryOf(path(relative)));
}

void CreatedFiles::tree(const std::string& relative) {
  if (::mkdir(path(relative).c_str(), directoryMode) != 0) throw store::FileError(errno, std::generic_category(), "creating " + path(relative));
  made_.push_back(path(relative));
}

}  // namespace mox::app
