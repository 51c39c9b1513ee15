// FaultVfs: SQLite's own file I/O with failures on order: the n-th write or sync fails. And a disk beneath that knows what
// has reached it: of what was written before a sync that failed some never does unless it is written again, though
// whoever reads sees it (the kernel takes such pages for clean).
#pragma once

#include <memory>

namespace mox::store::test {

enum class Fault { diskFull, ioError };

class FaultVfs {
 public:
  enum class Calls { writes, syncs, all };

  /// Registers with SQLite; unregisters in the destructor. Databases opened with name() must be closed before.
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const char* name() const;
  /// Call number `n` from now (1 is the next) fails, later ones work.
  void failOnce(int n, Fault fault, Calls calls);
  /// Call number `n` from now and all after it fail.
  void failFrom(int n, Fault fault, Calls calls);
  void heal();
  /// True if a fault was given since it was ordered.
  bool hit() const;
  int syncs() const;
  /// What is left on the disk when the power goes now. No file may be open.
  void losePower();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace mox::store::test
