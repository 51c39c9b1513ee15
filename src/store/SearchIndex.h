// SearchIndex: the full-text index of one account, `search.db` beside account.db. It says which messages may contain a
// text, so that a search reads few messages instead of all; every hit is then checked against the message.
//
// It is disposable: all of it can be made again, so nothing waits for it and no error in it is an error of the
// account. Damage, an unknown format or an index of another database means that it is thrown away and fed anew; until
// it has caught up, more messages are candidates. A crash or power loss at any moment leaves what was committed.
//
// Entries are keyed by content id: copies share one. Ids are given out ascending and never again, so "indexed" means
// "below a mark", and entries of contents that are gone are simply never asked for. They are cleared away by shards: a
// shard holds the contents of a range of ids, and where too many of them are gone its range is indexed anew.
//
// Threads: any thread may search; update(), reset() and check() exclude each other. Written with synchronous=NORMAL.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string>
#include <vector>

#include "base/Strong.h"
#include "store/SearchTokens.h"

namespace mox::store {

class Db;
class Files;
class Reader;
class ReaderPool;
struct Environment;

/// Format of search.db; raised when tables, tokens or the text of a message (message/SearchText.h) change.
inline constexpr int searchFormat = 4;
/// Contents of a shard, and octets of text after which it is full.
inline constexpr std::int64_t searchShardContents = 8'192;
inline constexpr std::int64_t searchShardText = 64 << 20;
/// Of one round of update(): contents, octets of text, milliseconds.
inline constexpr std::size_t searchRoundContents = 512;
inline constexpr std::size_t searchRoundText = 8 << 20;
inline constexpr std::int64_t searchRoundMilliseconds = 200;
/// So many new contents are indexed together, or what came after so many seconds: until then they are scanned.
inline constexpr std::int64_t searchTogether = 100;
inline constexpr std::int64_t searchDelaySeconds = 5;
/// A shard with more than this share of contents gone, in percent, is made anew.
inline constexpr std::int64_t searchStalePercent = 25;
/// Pages merged, and given back to the file system, in one round.
inline constexpr int searchRoundPages = 500;
/// More candidates than this are no help.
inline constexpr std::size_t maxSearchCandidates = 200'000;
/// Tokens of the needles looked up at most.
inline constexpr std::size_t maxSearchTokens = 64;

class SearchIndex {
 public:
  /// Opens nothing yet. `nextContent` is state.next_content of account.db as it was opened: an index that knows more
  /// belongs to another database. `environment` outlives this.
  SearchIndex(std::string account, const std::string& directory, const Environment& environment, ContentId nextContent);
  ~SearchIndex();
  SearchIndex(const SearchIndex&) = delete;
  SearchIndex& operator=(const SearchIndex&) = delete;

  struct Found {
    std::vector<ContentId> contents;  ///< sorted; may be gone
    ContentId rest;                   ///< this one and all above are not indexed yet
  };
  /// Contents that may contain all needles (folded). Nothing if the index cannot tell.
  std::optional<Found> find(const std::vector<std::string>& needles);

  enum class Work { none, later, more };
  /// One bounded round of work, and whether there is more of it. `hurry`: without waiting for more mail to come together.
  /// Throws only what reading the account throws.
  Work update(Reader& account, bool hurry);
  /// Throws the index away.
  void reset();
  /// Contents below are indexed, as far as is known without opening the index.
  ContentId indexedTo() const { return ContentId(frontier_); }
  /// Closes connections that were not used since the last call.
  void trim();
  /// Found damaged; the next update() makes it anew.
  bool isDamaged() const { return damaged_; }
  /// Problems found by SQLite, one line each; the index then counts as damaged. Reads all of it.
  std::vector<std::string> check();
  /// The same of the file of an account that is not open.
  static std::vector<std::string> check(const std::string& path, Files& files);

 private:
  struct Counters;
  class Fill;
  /// A range of contents and where it is indexed.
  struct Shard {
    std::int64_t id = 0;
    std::int64_t first = 0;  ///< contents from here on
    std::int64_t next = 0;   ///< and below this are indexed
    std::int64_t last = 0;   ///< `next` is to become this; 0 if it grows with the mail
    std::int64_t count = 0;  ///< contents indexed
    std::int64_t text = 0;   ///< octets of their text
    std::int64_t merged = 0;  ///< of `count`, when it was last made one run of postings a word
    bool isWhole() const { return last == 0 || next >= last; }
    std::string table() const { return "text_" + std::to_string(id); }
  };
  static std::vector<Shard> shards(Db& db);
  static std::int64_t frontier(const std::vector<Shard>& shards);
  bool isOurs(Db& db) const;
  std::optional<Found> findIn(Db& db, const std::vector<std::uint32_t>& tokens) const;
  void open();
  void discard();
  /// `work` on the open index; what SQLite says of the index ends here.
  void guarded(const std::function<void()>& work);
  Work round(Reader& account, std::int64_t next, bool hurry);
  void grow(Reader& account, std::int64_t next);
  void replace(Reader& account, Shard shard);
  Work tidy(Reader& account);
  bool merge(const std::vector<Shard>& shards);
  bool vacuum();
  std::optional<Shard> staleRun(Reader& account, const std::vector<Shard>& shards);
  Shard addShard(std::int64_t first, std::int64_t last);
  void saveShard(const Shard& shard);
  void dropShard(const Shard& shard);
  void note(std::int64_t next, std::int64_t backlog);

  const std::string account_, path_;
  const Environment& env_;
  const std::int64_t nextContent_;
  const std::unique_ptr<Counters> counters_;
  std::shared_mutex use_;                ///< shared while reading; alone while the file goes
  std::unique_ptr<ReaderPool> readers_;  ///< of use_
  std::mutex writing_;                   ///< of what follows
  std::unique_ptr<Db> db_;
  SearchTokens tokens_;
  bool used_ = false;  ///< db_, since the last trim()
  std::int64_t waitingSince_ = 0, pausedUntil_ = 0, nextTidy_ = 0;  ///< seconds of the steady clock; 0 is not
  std::int64_t backlog_ = 0;
  std::int64_t merging_ = 0, mergingCount_ = 0;  ///< the shard under way and its count at the start; 0 is none
  std::atomic<bool> isOurs_{false};   ///< format and database were checked
  std::atomic<bool> damaged_{false};  ///< found while searching
  std::atomic<std::int64_t> frontier_{1};
};

}  // namespace mox::store
