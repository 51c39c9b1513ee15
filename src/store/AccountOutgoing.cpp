// What an account sends, for its limits. Noted in memory, and written by the next round of upkeep: a submission would have to
// wait for a forced write of its own otherwise, for bookkeeping.
#include <algorithm>

#include "store/AccountState.h"

namespace mox::store {

namespace {

/// Noted recipients that are written without waiting for the upkeep.
constexpr std::size_t mostOutgoingPending = 1'000;

/// Whether the account ever wrote to an address.
class Correspondents {
 public:
  explicit Correspondents(Db& db)
      : known_(db.prepare("SELECT EXISTS(SELECT 1 FROM outgoing WHERE domain=?1 AND localpart=?2) "
                          "OR EXISTS(SELECT 1 FROM recipient WHERE domain=?1 AND localpart=?2)")) {}
  bool knows(const Address& address) {
    bool known = known_.bind(address.domain.ascii()).bind(address.localpart.text()).step() && known_.int64(0) != 0;
    known_.reset();
    return known;
  }

 private:
  Stmt known_;
};

}  // namespace

void Account::addOutgoing(const std::vector<Address>& recipients, Time when) {
  std::size_t pending = 0;
  {
    auto window = state_->outgoing.lock();
    auto look = reader();  // under the lock: what is not noted any more is in the table
    Correspondents correspondents(look.db());
    for (const auto& to : recipients) window->note({to, unixSeconds(when), !window->isNoted(to) && !correspondents.knows(to)});
    pending = window->noted().size();
  }
  if (pending >= mostOutgoingPending) state_->flushOutgoing();
}

void Account::State::flushOutgoing() {
  std::lock_guard one(outgoingFlush);
  auto batch = outgoing.lock()->noted();
  if (batch.empty()) return;
  writer->submit([&](WriteTx& tx) {
    std::vector<std::int64_t> rows;
    auto insert = tx.db().prepare("INSERT INTO outgoing(domain, localpart, submitted) VALUES(?,?,?)");
    for (const auto& sent : batch) {
      insert.bind(sent.to.domain.ascii()).bind(sent.to.localpart.text()).bind(sent.second).run();
      rows.push_back(tx.db().lastInsertId());
    }
    tx.afterCommit([this, rows = std::move(rows)] { outgoing.lock()->written(rows); });
  });
}

Account::OutgoingUse Account::outgoingUse(Time since, const std::vector<Address>& recipients) {
  auto window = state_->outgoing.lock();
  auto look = reader();
  auto counts = window->since(unixSeconds(since), look.db());
  OutgoingUse use{counts.messages + static_cast<std::int64_t>(recipients.size()), counts.firsts};
  std::vector<Address> distinct = recipients;
  std::sort(distinct.begin(), distinct.end());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  Correspondents correspondents(look.db());
  use.firstTimeRecipients +=
      std::count_if(distinct.begin(), distinct.end(), [&](const Address& to) { return !window->isNoted(to) && !correspondents.knows(to); });
  return use;
}

bool Account::hasWrittenTo(const Address& address) {
  auto window = state_->outgoing.lock();
  if (window->isNoted(address)) return true;
  auto look = reader();
  return Correspondents(look.db()).knows(address);
}

void Account::pruneOutgoing(Time before) {
  state_->flushOutgoing();
  state_->writer->submit([&](WriteTx& tx) {
    // What is forgotten here is still known as somebody written to.
    tx.db()
        .prepare("INSERT INTO recipient(domain, localpart, orgdomain, sent, first_sent) "
                 "SELECT domain, localpart, '', max(submitted), min(submitted) FROM outgoing WHERE submitted < ? GROUP BY 1, 2 "
                 "ON CONFLICT(domain, localpart) DO UPDATE SET first_sent=min(first_sent, excluded.first_sent)")
        .bind(unixSeconds(before))
        .run();
    tx.db().prepare("DELETE FROM outgoing WHERE submitted < ?").bind(unixSeconds(before)).run();
    tx.afterCommit([this] { state_->outgoing.lock()->forget(); });
  });
}

}  // namespace mox::store
