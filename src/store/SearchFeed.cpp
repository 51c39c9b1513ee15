// What keeps a full-text index up to date: new contents, and shards of which too much is gone.
#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>

#include "message/SearchText.h"
#include "store/Account.h"
#include "store/Db.h"
#include "store/SearchCounters.h"
#include "store/SearchIndex.h"

namespace mox::store {

namespace {

constexpr std::int64_t tidySeconds = 10;         ///< for each shard, between looks at all of them
constexpr std::int64_t tidyFrom = 1'024;         ///< contents of a shard that still grows, from which on it is looked at
constexpr std::int64_t freePages = 64;           ///< of the file, not worth giving back
constexpr std::int64_t freePagesShare = 32;      ///< nor is one in so many
/// Octets of postings that FTS5 collects before it writes a segment. With its own default a round makes several, and merging them
/// costs more than making them.
constexpr std::int64_t segmentBytes = 8 << 20;
constexpr std::int64_t mergeFrom = 256;          ///< contents that came to a growing shard since it was last merged

/// Reading the account went wrong: not the index's error, so it must not look like one.
template <class Read>
auto ofAccount(Read&& read) {
  try {
    return read();
  } catch (const DatabaseError& error) {
    throw std::runtime_error(error.what());
  }
}

std::int64_t seconds(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::seconds>(clock.steady().time_since_epoch()).count();
}

std::int64_t liveContents(Reader& account, std::int64_t first, std::int64_t next) {
  return ofAccount([&] {
    auto row = account.db().prepare("SELECT count(DISTINCT content) FROM message WHERE content>=? AND content<?");
    row.bind(first).bind(next);
    return row.step() ? row.int64(0) : 0;
  });
}

std::vector<std::int64_t> contentIds(Reader& account, std::int64_t first, std::int64_t end) {
  return ofAccount([&] {
    auto row = account.db().prepare("SELECT DISTINCT content FROM message WHERE content>=? AND content<? ORDER BY content LIMIT ?");
    row.bind(first).bind(end).bind(static_cast<std::int64_t>(searchRoundContents));
    std::vector<std::int64_t> ids;
    while (row.step()) ids.push_back(row.int64(0));
    return ids;
  });
}

/// Nothing if the content cannot be read or understood.
std::optional<message::SearchText> textOf(Reader& account, std::int64_t id) {
  return ofAccount([&]() -> std::optional<message::SearchText> {
    auto row = account.db().prepare("SELECT part_tree FROM structure WHERE content=?");
    if (!row.bind(id).step()) return std::nullopt;
    auto root = message::decode(row.bytes(0));
    if (!root) return std::nullopt;
    return message::searchText(*root, account.content(ContentId(id)).view(), true);
  });
}

}  // namespace

/// Puts contents into one shard, as many as a round allows.
class SearchIndex::Fill {
 public:
  Fill(SearchIndex& index, Reader& account, Shard& shard) : index_(index), account_(account), shard_(shard) {}

  /// Contents up to `end`; shard.next says how far it came.
  void run(std::int64_t end) {
    auto ids = contentIds(account_, shard_.next, end);
    auto start = index_.env_.clock->steady();
    std::size_t text = 0;
    for (auto id : ids) {
      text += add(id);
      shard_.next = id + 1;
      ++shard_.count;
      bool isLate = index_.env_.clock->steady() - start > std::chrono::milliseconds(searchRoundMilliseconds);
      if (text >= searchRoundText || isLate || shard_.count >= searchShardContents) return finish(text);
    }
    if (ids.size() < searchRoundContents) shard_.next = end;
    finish(text);
  }

 private:
  std::size_t add(std::int64_t id) {
    std::optional<message::SearchText> text;
    try {
      text = textOf(account_, id);
    } catch (const FileError& error) {
      index_.env_.log.warn("a message that cannot be indexed", {{"account", index_.account_}, {"content", id}, {"error", error.what()}});
    }
    ++added_;
    if (!text || !text->whole) index_.db_->prepare("INSERT OR IGNORE INTO scan(content) VALUES(?)").bind(id).run();
    if (!text) return 0;
    auto words = SearchTokens::words(index_.tokens_.of(text->text));
    index_.db_->prepare(fmt::format("INSERT INTO {}(rowid, words) VALUES(?,?)", shard_.table())).bind(id).bind(words).run();
    return text->text.size();
  }

  void finish(std::size_t text) {
    shard_.text += static_cast<std::int64_t>(text);
    index_.counters_->indexed(added_);
  }

  SearchIndex& index_;
  Reader& account_;
  Shard& shard_;
  std::int64_t added_ = 0;
};

SearchIndex::Shard SearchIndex::addShard(std::int64_t first, std::int64_t last) {
  db_->prepare("INSERT INTO shard(first, next, last, count, text, merged) VALUES(?,?,?,0,0,0)").bind(first).bind(first).bind(last).run();
  Shard shard{db_->lastInsertId(), first, first, last, 0, 0, 0};
  // Contentless, without positions and sizes: just which words are in which content. SQLite 3.40 can delete nothing from
  // such a table, which is why there are shards.
  db_->exec(fmt::format("CREATE VIRTUAL TABLE {} USING fts5(words, content='', columnsize=0, detail=none, tokenize='ascii')", shard.table()).c_str());
  db_->prepare(fmt::format("INSERT INTO {0}({0}, rank) VALUES('hashsize', ?)", shard.table())).bind(segmentBytes).run();
  return shard;
}

void SearchIndex::saveShard(const Shard& shard) {
  db_->prepare("UPDATE shard SET next=?, last=?, count=?, text=?, merged=? WHERE id=?")
      .bind(shard.next)
      .bind(shard.last)
      .bind(shard.count)
      .bind(shard.text)
      .bind(shard.merged)
      .bind(shard.id)
      .run();
}

void SearchIndex::dropShard(const Shard& shard) {
  db_->prepare("DELETE FROM shard WHERE id=?").bind(shard.id).run();
  db_->exec(("DROP TABLE " + shard.table()).c_str());
}

void SearchIndex::note(std::int64_t next, std::int64_t backlog) {
  frontier_ = next;
  counters_->backlog(backlog - backlog_);
  backlog_ = backlog;
}

SearchIndex::Work SearchIndex::round(Reader& account, std::int64_t next, bool hurry) {
  auto now = seconds(*env_.clock);
  note(frontier_, next - frontier_);
  if (frontier_ >= next) return tidy(account);
  if (waitingSince_ == 0) waitingSince_ = now;
  if (!hurry && next - frontier_ < searchTogether && now - waitingSince_ < searchDelaySeconds) return Work::later;
  grow(account, next);
  note(frontier_, next - frontier_);
  waitingSince_ = 0;
  return Work::more;
}

void SearchIndex::grow(Reader& account, std::int64_t next) {
  Tx tx(*db_);
  auto all = shards(*db_);
  auto open = std::find_if(all.begin(), all.end(), [](const Shard& shard) { return shard.last == 0; });
  auto shard = open == all.end() ? addShard(frontier_, 0) : *open;
  Fill(*this, account, shard).run(next);
  if (shard.count >= searchShardContents || shard.text >= searchShardText) shard.last = shard.next;
  saveShard(shard);
  tx.commit();
  frontier_ = shard.next;
  db_->checkpoint();
}

void SearchIndex::replace(Reader& account, Shard shard) {
  Tx tx(*db_);
  Fill(*this, account, shard).run(shard.last);
  saveShard(shard);
  if (shard.isWhole())
    for (const auto& old : shards(*db_))
      if (old.id != shard.id && old.first >= shard.first && old.last != 0 && old.last <= shard.last) dropShard(old);
  tx.commit();
  db_->checkpoint();
}

/// One piece of work on what is gone: goes on with a shard that is made anew, or looks for one that should be.
SearchIndex::Work SearchIndex::tidy(Reader& account) {
  auto all = shards(*db_);
  for (const auto& shard : all)
    if (!shard.isWhole()) return replace(account, shard), Work::more;
  if (merge(all) || vacuum()) return Work::more;
  auto now = seconds(*env_.clock);
  if (now < nextTidy_) return Work::later;
  nextTidy_ = now + tidySeconds * static_cast<std::int64_t>(all.size());  // a look counts the contents of all
  auto run = staleRun(account, all);
  if (!run) return Work::none;
  Tx tx(*db_);
  addShard(run->first, run->last);
  tx.commit();
  return Work::more;
}

/// A piece of work on making the postings of a word one run instead of several, which is as small and as fast as it gets: of a
/// shard that is full, or that has grown by half.
bool SearchIndex::merge(const std::vector<Shard>& all) {
  auto needs = [this](const Shard& shard) {
    auto grown = shard.count - shard.merged;
    return shard.id == merging_ || (shard.last != 0 ? grown > 0 : grown >= std::max(mergeFrom, shard.merged / 2));
  };
  auto found = std::find_if(all.begin(), all.end(), needs);
  if (found == all.end()) return false;
  auto shard = *found;
  bool starts = shard.id != merging_;
  if (starts) mergingCount_ = shard.count;
  merging_ = shard.id;
  Tx tx(*db_);
  auto before = sqlite3_total_changes64(db_->handle());
  // A negative number: all that is there is to become one, however unequal its pieces are.
  db_->prepare(fmt::format("INSERT INTO {0}({0}, rank) VALUES('merge', ?)", shard.table())).bind(std::int64_t{starts ? -searchRoundPages : searchRoundPages}).run();
  if (sqlite3_total_changes64(db_->handle()) - before < 2) {  // SQLite's sign that nothing was left to do
    shard.merged = mergingCount_;
    saveShard(shard);
    merging_ = 0;
  }
  tx.commit();
  db_->checkpoint();
  return true;
}

bool SearchIndex::vacuum() {
  auto free = db_->scalar("PRAGMA freelist_count");
  if (free < freePages || free * freePagesShare < db_->scalar("PRAGMA page_count")) return false;
  db_->exec(fmt::format("PRAGMA incremental_vacuum({})", searchRoundPages).c_str());
  db_->checkpoint();
  return true;
}

/// The range to index anew because a shard in it is stale; small neighbours come along, so that they become few.
std::optional<SearchIndex::Shard> SearchIndex::staleRun(Reader& account, const std::vector<Shard>& all) {
  auto live = [&](const Shard& shard) { return liveContents(account, shard.first, shard.next); };
  auto stale = std::find_if(all.begin(), all.end(), [&](const Shard& shard) {
    bool enough = shard.last != 0 ? shard.count > 0 : shard.count >= tidyFrom;
    return enough && (shard.count - live(shard)) * 100 > shard.count * searchStalePercent;
  });
  if (stale == all.end()) return std::nullopt;
  Shard run = *stale;
  if (run.last == 0) {  // it is made anew once it grows no more
    run.last = run.next;
    saveShard(run);
  }
  auto total = live(*stale);
  auto joins = [&](const Shard& neighbour) {
    bool fits = neighbour.last != 0 && neighbour.count * 4 <= searchShardContents && total + neighbour.count <= searchShardContents;
    if (fits) total += neighbour.count;
    return fits;
  };
  for (auto before = stale; before != all.begin() && joins(*std::prev(before)); --before) run.first = std::prev(before)->first;
  for (auto after = std::next(stale); after != all.end() && joins(*after); ++after) run.last = after->last;
  return run;
}

}  // namespace mox::store
