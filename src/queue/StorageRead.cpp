// Filters, lists, and changes by administrators.
#include <algorithm>
#include <set>

#include "base/Text.h"
#include "queue/StorageState.h"

namespace mox::queue {

using store::Db;
using store::Stmt;

namespace {

constexpr const char* fromAddress = "(message.from_localpart||'@'||message.from_host)";
constexpr const char* toAddress = "(entry.localpart||'@'||entry.host)";

/// As the tables have it: localpart unquoted, domain in A-labels.
std::string storedAddress(const std::string& text) {
  auto address = Address::parse(text);
  return address ? address->localpart.text() + "@" + address->domain.ascii() : text;
}

/// "@example.org" is the whole domain, text with a localpart too the whole address, other text a part of it, whatever its
/// case. A part would do for all: but what is dropped for ann@example.org must not be that of joann@example.org.
std::string addressCondition(Where& where, const char* address, const char* host, const std::string& text) {
  if (text.starts_with('@')) {
    auto domain = Domain::make(std::string_view(text).substr(1));
    where.values.emplace_back(domain ? domain->ascii() : lower(text.substr(1)));
    return std::string(host) + "=?";
  }
  if (text.find('@') != std::string::npos) {
    where.values.emplace_back(lower(storedAddress(text)));
    return std::string("lower(") + address + ")=?";
  }
  where.values.emplace_back(lower(text));
  return std::string("instr(lower(") + address + "),?)>0";
}

void add(Where& where, const std::string& condition) { where.sql += " AND " + condition; }

void addTime(Where& where, const char* column, const char* op, const std::optional<Time>& time) {
  if (!time) return;
  add(where, std::string(column) + op + "?");
  where.values.emplace_back(unixMicros(*time));
}

std::string idList(const std::vector<QueueId>& ids) {
  std::string out;
  for (auto id : ids) out += (out.empty() ? "" : ",") + std::to_string(id.value);
  return out;
}

std::optional<bool> triState(const Stmt& row, int column) {
  if (row.isNull(column)) return std::nullopt;
  return row.int64(column) != 0;
}

std::vector<Attempt> readAttempts(Db& db, QueueId entry) {
  std::vector<Attempt> out;
  auto row = db.prepare("SELECT start, duration, success, code, enhanced, text, remote FROM attempt WHERE entry=? ORDER BY rowid");
  row.bind(entry);
  while (row.step())
    out.push_back({fromUnixMicros(row.int64(0)), Duration(row.int64(1)), row.int64(2) != 0, static_cast<int>(row.int64(3)), row.text(4),
                   row.text(5), row.text(6)});
  return out;
}

Entry makeEntry(const Claim& c, const MessageRow& m) {
  Entry e{c.id, m.id, m.queued, false, m.account, m.mailFrom, c.recipient};
  e.attempts = c.attempts;
  e.maxAttempts = c.maxAttempts;
  e.nextAttempt = c.nextAttempt;
  e.has8bit = m.has8bit;
  e.smtpUtf8 = m.smtpUtf8;
  e.requireTls = c.requireTls;
  e.size = m.size;
  e.messageId = m.messageId;
  e.subject = m.subject;
  e.transport = c.transport;
  e.futureReleaseRequest = m.futureRelease;
  return e;
}

std::size_t changed(const Db& db) { return static_cast<std::size_t>(db.changes()); }

}  // namespace

Where whereOf(const Filter& filter) {
  Where where;
  if (!filter.ids.empty()) add(where, "entry.id IN (" + idList(filter.ids) + ")");
  if (!filter.account.empty()) {
    add(where, "message.account=?");
    where.values.emplace_back(filter.account);
  }
  if (!filter.from.empty()) add(where, addressCondition(where, fromAddress, "message.from_host", filter.from));
  if (!filter.to.empty()) add(where, addressCondition(where, toAddress, "entry.host", filter.to));
  if (filter.hold) add(where, *filter.hold ? "entry.hold=1" : "entry.hold=0");
  if (filter.transport) {
    add(where, "entry.transport=?");
    where.values.emplace_back(*filter.transport);
  }
  addTime(where, "message.queued", "<", filter.submittedBefore);
  addTime(where, "message.queued", ">", filter.submittedAfter);
  addTime(where, "entry.next_attempt", "<", filter.nextAttemptBefore);
  addTime(where, "entry.next_attempt", ">", filter.nextAttemptAfter);
  return where;
}

std::string orderOf(const Filter& filter) {
  std::string direction = filter.ascending ? " ASC" : " DESC";
  std::string column = filter.sort == Filter::Sort::queued ? "message.queued" : "entry.next_attempt";
  std::string sql = " ORDER BY " + column + direction + ", entry.id" + direction;
  if (filter.max > 0) sql += " LIMIT " + std::to_string(filter.max);
  return sql;
}

void bindAll(Stmt& statement, const Where& where) {
  for (const auto& value : where.values) {
    if (const auto* text = std::get_if<std::string>(&value)) statement.bind(*text);
    else statement.bind(std::get<std::int64_t>(value));
  }
}

Mailbox readMailbox(std::string_view localpart, std::string_view host) {
  auto local = Localpart::make(localpart);
  if (!local) throw std::runtime_error("queue database holds a localpart that is none: " + printable(localpart));
  if (host.starts_with('[') && host.ends_with(']')) {
    auto inner = host.substr(1, host.size() - 2);
    if (inner.starts_with("IPv6:")) inner.remove_prefix(5);
    if (auto ip = IpAddress::parse(inner)) return {*local, *ip};
  }
  auto domain = Domain::make(host);
  if (!domain) throw std::runtime_error("queue database holds a domain that is none: " + printable(host));
  return {*local, *domain};
}

MessageRow readMessage(const Stmt& row, int c) {
  MessageRow m;
  m.id = row.id<QueueId>(c);
  m.queued = fromUnixMicros(row.int64(c + 1));
  m.account = row.text(c + 2);
  if (!row.isNull(c + 3)) m.mailFrom = readMailbox(row.bytes(c + 3), row.bytes(c + 4));
  m.has8bit = row.int64(c + 5) != 0;
  m.smtpUtf8 = row.int64(c + 6) != 0;
  m.futureRelease = row.text(c + 7);
  m.messageId = row.text(c + 8);
  m.subject = row.text(c + 9);
  m.size = static_cast<std::uint64_t>(row.int64(c + 10));
  return m;
}

Claim readClaim(const Stmt& row) {
  Claim c{row.id<QueueId>(0), nullptr, readMailbox(row.bytes(1), row.bytes(2)), row.text(2)};
  c.attempts = static_cast<int>(row.int64(3));
  c.maxAttempts = static_cast<int>(row.int64(4));
  c.nextAttempt = fromUnixMicros(row.int64(5));
  c.transport = row.text(6);
  c.requireTls = triState(row, 7);
  return c;
}

std::vector<LaneDue> Storage::lanes() {
  std::vector<LaneDue> out;
  auto db = state_->read();
  auto row = db->prepare("SELECT host, min(next_attempt) FROM entry WHERE hold=0 GROUP BY host");
  while (row.step()) out.push_back({row.text(0), fromUnixMicros(row.int64(1))});
  return out;
}

std::vector<QueueId> Storage::match(const Filter& filter) {
  std::vector<QueueId> out;
  auto where = whereOf(filter);
  auto db = state_->read();
  auto row = db->prepare("SELECT entry.id FROM entry JOIN message ON message.id=entry.message WHERE " + where.sql + orderOf(filter));
  bindAll(row, where);
  while (row.step()) out.push_back(row.id<QueueId>(0));
  return out;
}

std::vector<Entry> Storage::list(const Filter& filter) {
  std::vector<Entry> out;
  auto where = whereOf(filter);
  auto db = state_->read();
  store::Tx tx(*db, store::Tx::Kind::read);
  auto row = db->prepare(std::string("SELECT ") + claimColumns + ", " + messageColumns +
                         ", entry.hold, entry.last_attempt FROM entry JOIN message ON message.id=entry.message WHERE " + where.sql +
                         orderOf(filter));
  bindAll(row, where);
  constexpr int hold = claimColumnCount + messageColumnCount;
  while (row.step()) {
    auto entry = makeEntry(readClaim(row), readMessage(row, claimColumnCount));
    entry.hold = row.int64(hold) != 0;
    if (!row.isNull(hold + 1)) entry.lastAttempt = fromUnixMicros(row.int64(hold + 1));
    entry.results = readAttempts(*db, entry.id);
    out.push_back(std::move(entry));
  }
  return out;
}

std::vector<Claim> Storage::load(const std::vector<QueueId>& ids) {
  std::vector<Claim> out;
  auto db = state_->read();
  for (auto id : ids) {
    auto row = db->prepare(std::string("SELECT ") + claimColumns + ", " + messageColumns +
                           " FROM entry JOIN message ON message.id=entry.message WHERE entry.id=?");
    if (!row.bind(id).step()) continue;
    out.push_back(readClaim(row));
    out.back().message = std::make_shared<const MessageRow>(readMessage(row, claimColumnCount));
  }
  return out;
}

std::size_t Storage::State::update(const std::vector<QueueId>& ids, const std::function<std::size_t(Db&, QueueId)>& one) {
  std::size_t count = 0;
  if (ids.empty()) return count;
  write([&](Db& db) {
    count = 0;
    for (auto id : ids) count += one(db, id);
  });
  return count;
}

std::size_t Storage::setHold(const std::vector<QueueId>& ids, bool hold) {
  return state_->update(ids, [&](Db& db, QueueId id) {
    db.prepare("UPDATE entry SET hold=? WHERE id=?").bind(std::int64_t{hold}).bind(id).run();
    return changed(db);
  });
}

std::size_t Storage::schedule(const std::vector<QueueId>& ids, Duration by, std::optional<Time> base) {
  auto micros = std::chrono::duration_cast<std::chrono::microseconds>(by).count();
  return state_->update(ids, [&](Db& db, QueueId id) {
    auto row = db.prepare(base ? "UPDATE entry SET next_attempt=?+? WHERE id=?" : "UPDATE entry SET next_attempt=next_attempt+? WHERE id=?");
    if (base) row.bind(unixMicros(*base));
    row.bind(micros).bind(id).run();
    return changed(db);
  });
}

std::size_t Storage::setTransport(const std::vector<QueueId>& ids, const std::string& transport) {
  return state_->update(ids, [&](Db& db, QueueId id) {
    db.prepare("UPDATE entry SET transport=? WHERE id=?").bind(transport).bind(id).run();
    return changed(db);
  });
}

std::size_t Storage::setRequireTls(const std::vector<QueueId>& ids, std::optional<bool> requireTls) {
  std::optional<std::int64_t> value;
  if (requireTls) value = *requireTls ? 1 : 0;
  return state_->update(ids, [&](Db& db, QueueId id) {
    db.prepare("UPDATE entry SET require_tls=? WHERE id=?").bind(value).bind(id).run();
    return changed(db);
  });
}

std::size_t Storage::drop(const std::vector<QueueId>& ids) {
  std::vector<QueueId> gone;
  auto count = state_->update(ids, [&](Db& db, QueueId id) -> std::size_t {
    auto row = db.prepare("SELECT message FROM entry WHERE id=?");
    if (!row.bind(id).step()) return 0;
    auto message = row.id<QueueId>(0);
    row.reset();
    if (removeEntry(db, id, message, true)) gone.push_back(message);
    return 1;
  });
  for (auto message : gone) state_->fresh.take(message);
  state_->removeBodies(gone);
  return count;
}

namespace {

/// Copies a backup takes of the database before it takes files that are not there for lost, and not for sent.
constexpr int backupAttempts = 10;

}  // namespace

store::BackupCounts Storage::backup(const std::string& directory) {
  auto& s = *state_;
  store::BackupCounts counts;
  auto bodies = directory + "/bodies";
  s.files.makeDirectory(bodies);
  auto take = [&](const std::string& name) { return store::copyImmutable(s.files, s.bodies + "/" + name, bodies + "/" + name, counts); };
  // Bodies go with their last entry, without waiting for us: what is there is taken before the copy, what came until
  // then after it, and if something of that is gone already, another copy is taken.
  for (int attempt = 1;; ++attempt) {
    for (const auto& name : s.files.list(s.bodies)) take(name);
    std::set<std::string> wanted;
    {
      auto db = s.read();
      store::Tx tx(*db, store::Tx::Kind::read);
      auto row = db->prepare("SELECT id FROM message WHERE has_file=1");
      while (row.step()) wanted.insert(row.text(0));
      store::copyDatabase(*db, s.files, directory + "/queue.db");
    }
    bool whole = true;
    for (const auto& name : wanted) whole = (s.files.size(bodies + "/" + name) >= 0 || take(name)) && whole;
    if (!whole && attempt < backupAttempts) continue;
    for (const auto& name : wanted)
      if (s.files.size(bodies + "/" + name) < 0) counts.lacking.push_back("the file of queued message " + name + " is missing");
    for (const auto& name : s.files.list(bodies))
      if (!wanted.contains(name) && s.files.remove(bodies + "/" + name)) ++counts.removed;
    s.files.syncDirectory(bodies);
    ++counts.databases;
    return counts;
  }
}

}  // namespace mox::queue
