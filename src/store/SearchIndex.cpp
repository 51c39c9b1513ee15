#include "store/SearchIndex.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "store/AccountState.h"
#include "store/Db.h"
#include "store/SearchCounters.h"

namespace mox::store {

namespace {

/// What was thrown away is not made again at once: whatever broke it may still be there.
constexpr std::int64_t pauseSeconds = 60;

constexpr const char* searchTables = R"(
CREATE TABLE shard(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  first INTEGER NOT NULL,
  next INTEGER NOT NULL,
  last INTEGER NOT NULL,
  count INTEGER NOT NULL,
  text INTEGER NOT NULL,
  merged INTEGER NOT NULL);
CREATE TABLE scan(content INTEGER PRIMARY KEY);
)";

std::int64_t seconds(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.steady().time_since_epoch()).count();
}

DbOptions optionsOf(const Environment& environment) {
  DbOptions options;
  options.vfs = environment.vfs;
  return options;
}

/// The index is fine; it is just not to be had now.
bool isPassing(const DatabaseError& error) {
  auto code = error.code() & 0xff;
  return error.isDiskFull() || code == SQLITE_BUSY || code == SQLITE_NOMEM || code == SQLITE_CANTOPEN;
}

}  // namespace

SearchIndex::SearchIndex(std::string account, const std::string& directory, const Environment& environment, ContentId nextContent)
    : account_(std::move(account)),
      path_(directory + "/search.db"),
      env_(environment),
      nextContent_(nextContent.value),
      counters_(std::make_unique<Counters>(environment.metrics)),
      readers_(std::make_unique<ReaderPool>(path_, optionsOf(environment))) {}

SearchIndex::~SearchIndex() { counters_->backlog(-backlog_); }

// Opening ------------------------------------------------------------------------------------------------------

bool SearchIndex::isOurs(Db& db) const {
  if (isOurs_) return true;
  return db.scalar("PRAGMA user_version") == searchFormat && frontier(shards(db)) <= nextContent_;
}

/// Makes db_ what find() may rely on: of this format, and of this database.
void SearchIndex::open() {
  used_ = true;
  if (damaged_.exchange(false)) discard();
  if (db_) return;
  db_ = std::make_unique<Db>(path_, optionsOf(env_));
  bool isNew = db_->scalar("SELECT count(*) FROM sqlite_schema") == 0;
  if (!isNew && !isOurs(*db_)) {
    env_.log.info("full-text index is of another format or database, making it anew", {{"account", account_}});
    discard();
    db_ = std::make_unique<Db>(path_, optionsOf(env_));
    isNew = true;
  }
  db_->exec("PRAGMA synchronous=NORMAL");
  if (isNew) {
    Tx tx(*db_);
    db_->exec(searchTables);
    db_->exec(fmt::format("PRAGMA user_version={}", searchFormat).c_str());
    tx.commit();
  }
  isOurs_ = true;
  frontier_ = frontier(shards(*db_));
}

/// Nobody may have the file open while it goes: SQLite removes the log by name when a connection closes.
void SearchIndex::discard() {
  std::unique_lock alone(use_);
  db_.reset();
  readers_ = std::make_unique<ReaderPool>(path_, optionsOf(env_));
  for (const char* suffix : {"", "-wal", "-shm"}) env_.files->remove(path_ + suffix);
  isOurs_ = false;
  frontier_ = 1;
  waitingSince_ = merging_ = 0;
}

void SearchIndex::guarded(const std::function<void()>& work) {
  try {
    open();
    work();
  } catch (const DatabaseError& error) {
    pausedUntil_ = seconds(*env_.clock) + pauseSeconds;
    if (isPassing(error)) {
      env_.log.warn("full-text index waits", {{"account", account_}, {"error", error.what()}});
      return;
    }
    env_.log.warn("full-text index is damaged, making it anew", {{"account", account_}, {"error", error.what()}});
    counters_->discarded();
    discard();
  }
}

void SearchIndex::reset() {
  std::lock_guard lock(writing_);
  discard();
  pausedUntil_ = 0;
}

void SearchIndex::trim() {
  std::lock_guard lock(writing_);
  if (!used_) db_.reset();
  used_ = false;
  readers_->trim();
}

SearchIndex::Work SearchIndex::update(Reader& account, bool hurry) {
  std::lock_guard lock(writing_);
  if (!hurry && seconds(*env_.clock) < pausedUntil_) return Work::later;
  auto next = account.nextContent();
  auto work = Work::later;
  guarded([&] { work = round(account, next.value, hurry); });
  return work;
}

std::vector<std::string> SearchIndex::check() {
  std::lock_guard lock(writing_);
  auto problems = check(path_, *env_.files);
  if (!problems.empty()) damaged_ = true;
  return problems;
}

std::vector<std::string> SearchIndex::check(const std::string& path, Files& files) {
  std::vector<std::string> problems;
  if (files.size(path) < 0) return problems;
  try {
    Db db(path);
    if (db.scalar("PRAGMA user_version") != searchFormat) return problems;  // made anew when it is next used
    auto row = db.prepare("PRAGMA quick_check(10)");
    while (row.step())
      if (row.bytes(0) != "ok") problems.push_back("full-text index: " + row.text(0));
    for (const auto& shard : shards(db)) db.exec(fmt::format("INSERT INTO {0}({0}) VALUES('integrity-check')", shard.table()).c_str());
  } catch (const DatabaseError& error) {
    problems.push_back(std::string("full-text index: ") + error.what());
  }
  return problems;
}

// Searching ----------------------------------------------------------------------------------------------------

std::vector<SearchIndex::Shard> SearchIndex::shards(Db& db) {
  std::vector<Shard> shards;
  auto row = db.prepare("SELECT id, first, next, last, count, text, merged FROM shard ORDER BY first, id");
  while (row.step()) shards.push_back({row.int64(0), row.int64(1), row.int64(2), row.int64(3), row.int64(4), row.int64(5), row.int64(6)});
  return shards;
}

std::int64_t SearchIndex::frontier(const std::vector<Shard>& shards) {
  std::int64_t next = 1;
  for (const auto& shard : shards)
    if (shard.isWhole()) next = std::max(next, shard.next);
  return next;
}

std::optional<SearchIndex::Found> SearchIndex::find(const std::vector<std::string>& needles) {
  std::vector<std::uint32_t> tokens;
  SearchTokens tokenizer;
  for (const auto& needle : needles) {
    const auto& more = tokenizer.of(needle);
    tokens.insert(tokens.end(), more.begin(), more.end());
  }
  std::sort(tokens.begin(), tokens.end());
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  if (tokens.empty() || env_.files->size(path_) <= 0 || damaged_) return std::nullopt;
  std::shared_lock reading(use_);
  try {
    auto db = readers_->take();
    auto found = findIn(*db, tokens);
    readers_->giveBack(std::move(db));
    return found;
  } catch (const DatabaseError& error) {
    if (!isPassing(error)) damaged_ = true;
    env_.log.warn("searching without the full-text index", {{"account", account_}, {"error", error.what()}});
    return std::nullopt;
  }
}

std::optional<SearchIndex::Found> SearchIndex::findIn(Db& db, const std::vector<std::uint32_t>& tokens) const {
  std::string query;
  // Any of the tokens do; they are hashes, so those left out are of no certain place in the needles.
  for (std::size_t i = 0; i < std::min(tokens.size(), maxSearchTokens); ++i)
    query.append(i == 0 ? "" : " AND ").append(SearchTokens::word(tokens[i]));
  Tx look(db, Tx::Kind::read);
  if (!isOurs(db)) return std::nullopt;
  auto all = shards(db);
  Found found;
  found.rest = ContentId(frontier(all));
  auto add = [&](Stmt row) {
    while (found.contents.size() <= maxSearchCandidates && row.step()) found.contents.push_back(row.id<ContentId>(0));
  };
  for (const auto& shard : all) {
    if (!shard.isWhole()) continue;
    auto row = db.prepare(fmt::format("SELECT rowid FROM {0} WHERE {0} MATCH ?", shard.table()));
    row.bind(query);
    add(std::move(row));
  }
  add(db.prepare("SELECT content FROM scan"));
  if (found.contents.size() > maxSearchCandidates) return std::nullopt;
  std::sort(found.contents.begin(), found.contents.end());
  found.contents.erase(std::unique(found.contents.begin(), found.contents.end()), found.contents.end());
  return found;
}

}  // namespace mox::store
