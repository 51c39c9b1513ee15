// FaultVfs: SQLite's own file I/O with failures on order: the n-th write or sync fails. And a disk beneath that knows what
// has reached it: of what was written before a sync that failed some never does unless it is written again, though
// whoever reads sees it (the kernel takes such pages for clean).
#pragma once

#include <functional>
#include <memory>
#include <string>

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
  /// Writes the files below `from` to `to` as they would be if the power went now; they may be open. Of what was written
  /// since the last sync there is what `survives` is true for, asked for each write.
  void cutPower(const std::string& from, const std::string& to, const std::function<bool()>& survives);

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace mox::store::test
