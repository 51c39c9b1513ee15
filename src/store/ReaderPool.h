// ReaderPool: reading connections to one database, made when needed. Nobody waits for one: a thread that holds one may
// take another, and threads are few. Thread safe.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "store/Db.h"

namespace mox::store {

class ReaderPool {
 public:
  static constexpr std::size_t mostIdle = 8;
  ReaderPool(std::string path, DbOptions options) : path_(std::move(path)), options_(options) {}
  std::unique_ptr<Db> take();
  void giveBack(std::unique_ptr<Db> db);
  /// Closes connections that lay idle since the last call.
  void trim();
  /// Closes all and runs `work`; whoever wants one waits. False, without any of it, if some are in use.
  bool whileClosed(const std::function<void()>& work);

 private:
  const std::string path_;
  const DbOptions options_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Db>> idle_;
  std::size_t taken_ = 0;
  std::size_t mostTaken_ = 0;  ///< since the last trim()
};

}  // namespace mox::store
