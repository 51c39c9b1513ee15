#include "store/OutgoingWindow.h"

#include <algorithm>

#include "store/Db.h"

namespace mox::store {

OutgoingWindow::Counts OutgoingWindow::since(std::int64_t second, Db& db) {
  if (!isLoaded_ || second < from_) load(second, db);
  from_ = second;
  while (!bySecond_.empty() && bySecond_.begin()->first < second) {
    total_.messages -= bySecond_.begin()->second.messages;
    total_.firsts -= bySecond_.begin()->second.firsts;
    bySecond_.erase(bySecond_.begin());
  }
  auto counts = total_;
  auto count = [&](const std::vector<Sent>& some) {
    for (const auto& sent : some) {
      if (sent.second < second) continue;
      counts.messages++;
      counts.firsts += sent.isFirst ? 1 : 0;
    }
  };
  count(noted_);
  for (const auto& reserved : reserved_) count(reserved.second);
  return counts;
}

OutgoingWindow::Ticket OutgoingWindow::reserve(std::vector<Sent> sent) {
  auto ticket = nextTicket_++;
  reserved_.emplace(ticket, std::move(sent));
  return ticket;
}

void OutgoingWindow::keep(Ticket ticket) {
  for (auto& sent : reserved_.at(ticket)) {
    addresses_.insert(sent.to);
    noted_.push_back(std::move(sent));
  }
  reserved_.erase(ticket);
}

bool OutgoingWindow::isReserved(const Mailbox& to) const {
  return std::any_of(reserved_.begin(), reserved_.end(), [&](const auto& entry) {
    return std::any_of(entry.second.begin(), entry.second.end(), [&](const Sent& sent) { return sent.to == to; });
  });
}

void OutgoingWindow::written(const std::vector<std::int64_t>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) add(rows[i], noted_.at(i));
  noted_.erase(noted_.begin(), noted_.begin() + static_cast<std::ptrdiff_t>(rows.size()));
  addresses_.clear();
  for (const auto& sent : noted_) addresses_.insert(sent.to);
}

void OutgoingWindow::add(std::int64_t row, const Sent& sent) {
  if (!isLoaded_ || row <= lastRow_ || sent.second < from_) return;
  auto& at = bySecond_[sent.second];
  at.messages++;
  total_.messages++;
  at.firsts += sent.isFirst ? 1 : 0;
  total_.firsts += sent.isFirst ? 1 : 0;
}

void OutgoingWindow::load(std::int64_t second, Db& db) {
  bySecond_.clear();
  total_ = {};
  from_ = second;
  auto last = db.prepare("SELECT coalesce(max(rowid), 0) FROM outgoing");
  if (last.step()) lastRow_ = last.int64(0);
  auto messages = db.prepare("SELECT submitted, count(*) FROM outgoing WHERE submitted >= ? GROUP BY 1");
  messages.bind(second);
  while (messages.step()) {
    bySecond_[messages.int64(0)].messages = messages.int64(1);
    total_.messages += messages.int64(1);
  }
  // First written to since then, and in no message kept in a Sent mailbox before then.
  auto firsts = db.prepare(
      "SELECT first, count(*) FROM (SELECT domain, localpart, min(submitted) AS first FROM outgoing GROUP BY 1, 2) o "
      "WHERE first >= ?1 AND NOT EXISTS "
      "(SELECT 1 FROM recipient r WHERE r.domain=o.domain AND r.localpart=o.localpart AND r.first_sent < ?1) GROUP BY 1");
  firsts.bind(second);
  while (firsts.step()) {
    bySecond_[firsts.int64(0)].firsts = firsts.int64(1);
    total_.firsts += firsts.int64(1);
  }
  isLoaded_ = true;
}

}  // namespace mox::store
