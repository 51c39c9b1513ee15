// Claims, their undoing, and results.
#include <algorithm>

#include "base/Text.h"
#include "queue/StorageState.h"
#include "store/Spool.h"

namespace mox::queue {

using store::Db;
using store::Stmt;

namespace {

struct Taker {
  Db& db;
  Time now;
  const std::function<bool(QueueId)>& isActive;
  const std::function<Duration(int)>& after;
  std::map<QueueId, MessagePtr> messages{};
  std::map<std::pair<QueueId, int>, Time> next{};  ///< of a message and attempt: recipients that go together stay together
  std::vector<Claim> claims{};

  /// Due entries of the lane as rows, without those that an attempt is under way for; the statement is done before anything is
  /// written.
  std::vector<std::pair<Claim, MessagePtr>> due(const std::string& lane, std::optional<QueueId> message, std::size_t most) {
    std::vector<std::pair<Claim, MessagePtr>> out;
    std::string sql = std::string("SELECT ") + claimColumns + ", " + messageColumns +
                      " FROM entry JOIN message ON message.id=entry.message WHERE entry.host=? AND entry.hold=0 AND entry.next_attempt<=?";
    if (message) sql += " AND entry.message=?";
    sql += " ORDER BY entry.next_attempt, entry.id";
    auto row = db.prepare(sql);
    row.bind(lane).bind(unixMicros(now));
    if (message) row.bind(*message);
    while (out.size() < most && row.step()) {
      auto claim = readClaim(row);
      if (isActive(claim.id)) continue;
      auto id = row.id<QueueId>(claimColumnCount);
      auto& shared = messages[id];
      if (!shared) shared = std::make_shared<const MessageRow>(readMessage(row, claimColumnCount));
      out.emplace_back(std::move(claim), shared);
    }
    return out;
  }

  void take(const std::vector<std::pair<Claim, MessagePtr>>& rows, const std::string& lane) {
    for (auto [claim, message] : rows) {
      claim.message = message;
      claim.lane = lane;
      ++claim.attempts;
      auto [at, fresh] = next.try_emplace({message->id, claim.attempts});
      if (fresh) at->second = now + std::chrono::duration_cast<std::chrono::microseconds>(after(claim.attempts));
      claim.nextAttempt = at->second;
      db.prepare("UPDATE entry SET next_attempt=?, attempts=attempts+1 WHERE id=?").bind(unixMicros(claim.nextAttempt)).bind(claim.id).run();
      if (claim.attempts > 1) claim.dialled = readDialled(db, claim.id);
      claims.push_back(std::move(claim));
    }
  }

  void takeLane(const ClaimRequest& request) {
    auto rows = due(request.lane, std::nullopt, request.most);
    auto full = rows.size() == request.most;
    auto last = rows.empty() ? QueueId() : rows.back().second->id;
    take(rows, request.lane);
    // The last message's other recipients go with it, in one transaction of SMTP.
    if (full && last) take(due(request.lane, last, maxTogether), request.lane);
  }

  static constexpr std::size_t maxTogether = 1'000;
};

void insertAttempt(Db& db, QueueId entry, const Attempt& a) {
  db.prepare("INSERT INTO attempt VALUES(?,?,?,?,?,?,?,?)")
      .bind(entry).bind(unixMicros(a.start)).bind(static_cast<std::int64_t>(a.duration.count())).bind(std::int64_t{a.success})
      .bind(std::int64_t{a.code}).bind(a.enhanced).bind(a.text).bind(a.remote).run();
}

/// An attempt that took longer than the pause after it: the pause begins at its end. But a time that somebody set meanwhile stays.
/// None if the entry was dropped meanwhile.
std::optional<Time> afterAttempt(Db& db, const Record& r) {
  auto claimed = r.claim.nextAttempt, start = r.attempt.start;
  auto end = start + std::chrono::duration_cast<Time::duration>(r.attempt.duration);
  auto next = claimed > end ? claimed : end + std::max(claimed - start, Time::duration::zero());
  auto row = db.prepare("UPDATE entry SET last_attempt=?1, next_attempt=iif(next_attempt=?2, ?3, next_attempt) WHERE id=?4 RETURNING next_attempt");
  row.bind(unixMicros(start)).bind(unixMicros(claimed)).bind(unixMicros(next)).bind(r.claim.id);
  if (!row.step()) return std::nullopt;
  auto at = fromUnixMicros(row.int64(0));
  row.run();
  return at;
}

std::optional<Time> recordRetry(Db& db, const Record& r) {
  auto at = afterAttempt(db, r);
  if (!at) return at;
  insertAttempt(db, r.claim.id, r.attempt);
  for (const auto& dial : r.dialled) {
    auto ip = dial.ip.text();
    db.prepare("INSERT INTO dialled VALUES(?,?,?)").bind(r.claim.id).bind(dial.host).bind(ip).run();
  }
  return at;
}

std::optional<Time> nextOf(Db& db, const std::string& lane, const std::function<bool(QueueId)>& isActive) {
  auto row = db.prepare("SELECT id, next_attempt FROM entry WHERE host=? AND hold=0 ORDER BY next_attempt");
  row.bind(lane);
  while (row.step())
    if (!isActive(row.id<QueueId>(0))) return fromUnixMicros(row.int64(1));
  return std::nullopt;
}

}  // namespace

bool removeEntry(Db& db, QueueId entry, QueueId message, bool hasHistory) {
  if (hasHistory) {
    db.prepare("DELETE FROM attempt WHERE entry=?").bind(entry).run();
    db.prepare("DELETE FROM dialled WHERE entry=?").bind(entry).run();
  }
  db.prepare("DELETE FROM entry WHERE id=?").bind(entry).run();
  if (db.changes() == 0) return false;
  db.prepare("DELETE FROM message WHERE id=?1 AND NOT EXISTS (SELECT 1 FROM entry WHERE message=?1)").bind(message).run();
  return db.changes() > 0;
}

std::vector<Dial> readDialled(Db& db, QueueId entry) {
  std::vector<Dial> out;
  auto row = db.prepare("SELECT host, ip FROM dialled WHERE entry=? ORDER BY rowid");
  row.bind(entry);
  while (row.step())
    if (auto ip = IpAddress::parse(row.bytes(1))) out.push_back({row.text(0), *ip});
  return out;
}

Claimed Storage::claim(const std::vector<ClaimRequest>& requests, Time now, const std::function<bool(QueueId)>& isActive,
                       const std::function<Duration(int)>& after) {
  Claimed out;
  state_->write([&](Db& db) {
    out = {};
    Taker taker{db, now, isActive, after};
    for (const auto& request : requests) taker.takeLane(request);
    for (const auto& request : requests)
      if (auto at = nextOf(db, request.lane, isActive)) out.next[request.lane] = *at;
    out.claims = std::move(taker.claims);
  });
  return out;
}

void Storage::release(const std::vector<Claim>& claims, Time when) {
  if (claims.empty()) return;
  state_->write([&](Db& db) {
    for (const auto& claim : claims)
      db.prepare("UPDATE entry SET attempts=attempts-1, next_attempt=iif(next_attempt=?, ?, next_attempt) WHERE id=? AND attempts=?")
          .bind(unixMicros(claim.nextAttempt)).bind(unixMicros(when)).bind(claim.id).bind(std::int64_t{claim.attempts}).run();
  });
}

std::map<QueueId, Time> Storage::record(const std::vector<Record>& records) {
  std::map<QueueId, Time> next;
  if (records.empty()) return next;
  std::vector<QueueId> gone;
  state_->write([&](Db& db) {
    gone.clear();
    next.clear();
    for (const auto& r : records) {
      const auto& claim = r.claim;
      if (r.verdict == Verdict::retry) {
        if (auto at = recordRetry(db, r)) next[r.claim.id] = *at;
        continue;
      }
      bool last = removeEntry(db, claim.id, claim.message->id, claim.attempts > 1);
      if (last && claim.message->size > store::bodyInlineLimit) gone.push_back(claim.message->id);
    }
  });
  state_->removeBodies(gone);
  return next;
}

}  // namespace mox::queue
