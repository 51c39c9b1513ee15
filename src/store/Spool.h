// Spool: a message on its way in. Kept in memory up to bodyInlineLimit, then in a file below data/tmp that
// goes with the Spool (a crash leaves it to Accounts, which empties data/tmp at start).
//
// Not thread safe while written or overwritten; after finish() any thread may read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "store/Files.h"

namespace mox::store {

/// Bodies up to this many bytes live in the database, larger ones in files.
inline constexpr std::size_t bodyInlineLimit = 256 * 1024;

class Spool {
 public:
  /// `directory`: data/tmp, exists. Nothing is created before the limit is passed.
  Spool(Files& files, std::string directory);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Throws FileError; after that only destruction is allowed.
  void append(std::string_view bytes);
  /// No more bytes; data() is valid from here on.
  void finish();
  /// Puts other bytes in the place of as many, after finish() and while nobody else reads. data() stays where it is.
  void overwrite(std::uint64_t offset, std::string_view bytes);
  std::uint64_t size() const { return size_; }
  /// All bytes, contiguous (memory or mapping), as long as the Spool lives.
  std::string_view data() const;
  bool isFile() const { return !path_.empty(); }
  /// Syncs the file (once) and gives it another name, which stays when the Spool goes. Thread safe.
  /// The caller syncs the directory. Only if isFile().
  void linkTo(const std::string& path) const;

 private:
  void spill();
  Files& files_;
  std::string directory_;
  std::string memory_;
  std::string path_;
  Fd fd_;
  std::uint64_t size_ = 0;
  const char* map_ = nullptr;
  struct Sync;
  std::unique_ptr<Sync> sync_;
};

}  // namespace mox::store
