// OutgoingWindow: how much an account sent lately, counted as it happens. Asking the table each time would cost a
// submission as much as the day's mail before it.
//
// Loaded from the table when first asked, then kept as submissions come: what is noted waits here until it is written, and
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
    Mailbox to;
    std::int64_t second = 0;
    bool isFirst = false;  ///< never written to before
  };
  /// Room taken by a submission that is not in the queue yet: it counts, so that many at once cannot all find the same
  /// room free, and is never written.
  using Ticket = std::uint64_t;
  Ticket reserve(std::vector<Sent> sent);
  /// It is in the queue: noted from now on.
  void keep(Ticket ticket);
  void giveBack(Ticket ticket) { reserved_.erase(ticket); }
  /// What was noted and is not written yet, oldest first.
  const std::vector<Sent>& noted() const { return noted_; }
  bool isNoted(const Mailbox& to) const { return addresses_.contains(to); }
  bool isReserved(const Mailbox& to) const;
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
  std::set<Mailbox> addresses_;  ///< of noted_
  std::map<Ticket, std::vector<Sent>> reserved_;
  Ticket nextTicket_ = 1;
};

}  // namespace mox::store
