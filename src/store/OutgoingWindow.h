// OutgoingWindow: how much an account sent lately, counted as it happens. Asking the table each time would cost a
// submission as much as the day's mail before it.
//
// Loaded from the table when first asked, then kept by addOutgoing(): what is noted waits here until it is written, and
// counts all along. Rows have growing ids, so that what a load has seen is not added again by the hook of the same commit.
// Not thread safe; Account guards it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/Address.h"

namespace mox::store {

class Db;

class OutgoingWindow {
 public:
  struct Counts {
    std::int64_t messages = 0;  ///< recipients
    std::int64_t firsts = 0;    ///< of them never written to before
  };
  /// A recipient of a submission.
  struct Sent {
    Address to;
    std::int64_t second = 0;
    bool isFirst = false;  ///< never written to before
  };
  void note(Sent sent);
  /// What was noted and is not written yet, oldest first.
  const std::vector<Sent>& noted() const { return noted_; }
  bool isNoted(const Address& to) const { return addresses_.contains(to); }
  /// The oldest of noted() are now these rows of the table.
  void written(const std::vector<std::int64_t>& rows);
  /// Since this second. Goes to the table only the first time, and for times before those already forgotten.
  Counts since(std::int64_t second, Db& db);
  /// The table was pruned or changed otherwise.
  void forget() { isLoaded_ = false; }

 private:
  void load(std::int64_t second, Db& db);
  void add(std::int64_t row, const Sent& sent);
  bool isLoaded_ = false;
  std::int64_t from_ = 0;     ///< seconds before this are not in bySecond_
  std::int64_t lastRow_ = 0;  ///< rows up to this are counted
  Counts total_;
  std::map<std::int64_t, Counts> bySecond_;
  std::vector<Sent> noted_;
  std::set<Address> addresses_;  ///< of noted_
};

}  // namespace mox::store
