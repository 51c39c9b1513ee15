// What an account sends, for its limits. Noted in memory, and written by the next round of upkeep: a submission would have to
// wait for a commit of its own otherwise, for bookkeeping, and one that rides costs a sixth of what an account can submit.
#include <algorithm>
#include <set>

#include "store/AccountState.h"

namespace mox::store {

namespace {

/// Noted recipients that are written without waiting for the upkeep.
constexpr std::size_t mostOutgoingPending = 1'000;

/// As the tables have it: an A-label, or a literal in brackets.
std::string hostColumn(const Mailbox& to) { return hostText(to.host, false); }

/// Whether the account ever wrote to an address.
class Correspondents {
 public:
  explicit Correspondents(Db& db)
      : known_(db.prepare("SELECT EXISTS(SELECT 1 FROM outgoing WHERE domain=?1 AND localpart=?2) "
                          "OR EXISTS(SELECT 1 FROM recipient WHERE domain=?1 AND localpart=?2)")) {}
  bool knows(const Mailbox& to) {
    bool known = known_.bind(hostColumn(to)).bind(to.localpart.text()).step() && known_.int64(0) != 0;
    known_.reset();
    return known;
  }

 private:
  Stmt known_;
};

/// One entry a recipient; the first to an address nobody wrote to is marked. Under the lock of the window: what is not
/// noted any more is in the table then.
std::vector<OutgoingWindow::Sent> entriesOf(const std::vector<Mailbox>& recipients, Time when, const OutgoingWindow& window, Db& db) {
  Correspondents correspondents(db);
  std::set<Mailbox> seen;
  std::vector<OutgoingWindow::Sent> out;
  for (const auto& to : recipients) {
    bool isFirst = seen.insert(to).second && !window.isNoted(to) && !window.isReserved(to) && !correspondents.knows(to);
    out.push_back({to, unixSeconds(when), isFirst});
  }
  return out;
}

Account::OutgoingUse useWith(const OutgoingWindow::Counts& counts, const std::vector<OutgoingWindow::Sent>& more) {
  auto firsts = std::count_if(more.begin(), more.end(), [](const auto& sent) { return sent.isFirst; });
  return {counts.messages + static_cast<std::int64_t>(more.size()), counts.firsts + firsts};
}

}  // namespace

Account::OutgoingRoom::~OutgoingRoom() {
  if (account_ != nullptr) account_->state_->outgoing.lock()->giveBack(ticket_);
}

void Account::OutgoingRoom::keep() {
  auto* account = std::exchange(account_, nullptr);
  std::size_t pending = 0;
  {
    auto window = account->state_->outgoing.lock();
    window->keep(ticket_);
    pending = window->noted().size();
  }
  if (pending >= mostOutgoingPending) account->state_->flushOutgoing();
}

tl::expected<Account::OutgoingRoom, Account::OutgoingLimit> Account::reserveOutgoing(const std::vector<Mailbox>& recipients, Time when, Time since,
                                                                                     const OutgoingLimits& limits) {
  auto window = state_->outgoing.lock();
  auto look = reader();
  auto entries = entriesOf(recipients, when, *window, look.db());
  auto use = useWith(window->since(unixSeconds(since), look.db()), entries);
  if (use.messages > limits.messages) return tl::unexpected(OutgoingLimit::messages);
  if (use.firstTimeRecipients > limits.firstTimeRecipients) return tl::unexpected(OutgoingLimit::firstTimeRecipients);
  return OutgoingRoom(*this, window->reserve(std::move(entries)));
}

void Account::addOutgoing(const std::vector<Mailbox>& recipients, Time when) {
  auto reserve = [&] {
    auto window = state_->outgoing.lock();
    auto look = reader();
    return window->reserve(entriesOf(recipients, when, *window, look.db()));
  };
  OutgoingRoom(*this, reserve()).keep();
}

void Account::State::flushOutgoing() {
  std::lock_guard one(outgoingFlush);
  auto batch = outgoing.lock()->noted();
  if (batch.empty()) return;
  writer->submit([&](WriteTx& tx) {
    std::vector<std::int64_t> rows;
    auto insert = tx.db().prepare("INSERT INTO outgoing(domain, localpart, submitted) VALUES(?,?,?)");
    for (const auto& sent : batch) {
      insert.bind(hostColumn(sent.to)).bind(sent.to.localpart.text()).bind(sent.second).run();
      rows.push_back(tx.db().lastInsertId());
    }
    tx.afterCommit([this, rows = std::move(rows)] { outgoing.lock()->written(rows); });
  });
}

Account::OutgoingUse Account::outgoingUse(Time since, const std::vector<Mailbox>& recipients) {
  auto window = state_->outgoing.lock();
  auto look = reader();
  return useWith(window->since(unixSeconds(since), look.db()), entriesOf(recipients, since, *window, look.db()));
}

bool Account::hasWrittenTo(const Address& address) {
  Mailbox to{address.localpart, address.domain};
  auto window = state_->outgoing.lock();
  if (window->isNoted(to)) return true;
  auto look = reader();
  return Correspondents(look.db()).knows(to);
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
