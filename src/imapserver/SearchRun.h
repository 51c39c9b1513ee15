// SearchRun: a search of one mailbox, slice by slice.
//
// It holds no database connection between slices and its result is ranges of numbers. A search that only wants the
// first or the last results stops as soon as it has them.
#pragma once

#include <optional>
#include <vector>

#include "imapserver/Search.h"
#include "imapserver/Sliced.h"

namespace mox::imapserver {

/// How many results are enough, from either end.
struct SearchNeed {
  bool all = true;
  std::uint64_t first = 0, last = 0;  ///< unless `all`
  bool relevancy = false;             ///< with `all`
};

struct SearchFound {
  imap::NumberSet uids, sequences;
  std::uint64_t count = 0;
  /// MODSEQ of the results.
  std::uint64_t modSeq = 0;
  /// RFC 6203 §4: of each result, in mailbox order; empty unless wanted.
  std::vector<std::uint8_t> relevancies;

  const imap::NumberSet& numbers(bool uid) const { return uid ? uids : sequences; }
  void add(std::uint32_t sequence, const store::ViewEntry& entry);
};

class SearchRun final : public SlicedWork {
 public:
  /// Nothing if the program names a sequence number that does not exist.
  static std::shared_ptr<SearchRun> make(std::shared_ptr<store::Account> account, const imap::SearchKey& root,
                                         std::shared_ptr<const SearchScope> scope, SearchNeed need);

  bool slice() override;
  std::uint64_t done() const override { return first_ + (scope_->known->size() - end_); }
  std::uint64_t goal() const override { return scope_->known->size(); }

  /// Messages whose header or text was needed: neither the view nor the full-text index could decide.
  std::uint64_t reads() const { return reads_; }
  /// When slice() has returned false. The first and the last results, if not all were needed.
  const SearchFound& found() const { return found_; }
  const SearchScope& scope() const { return *scope_; }
  /// The highest MODSEQ among those of the results.
  std::uint64_t modSeqAmong(const imap::NumberSet& uids) const;

 private:
  SearchRun(std::shared_ptr<store::Account> account, std::shared_ptr<const SearchScope> scope, SearchNeed need, Search search)
      : account_(std::move(account)), scope_(std::move(scope)), need_(need), search_(std::move(search)), first_(scope_->known->lowerBound(scope_->from)), end_(scope_->known->size()) {}
  struct Hit {
    std::uint32_t sequence;
    const store::ViewEntry* entry;  ///< its state now
    std::uint8_t relevancy;
  };
  /// What the client knows at `index`, if the search finds it.
  std::optional<Hit> test(std::size_t index, LazyReader& reader, std::uint64_t& work);

  std::shared_ptr<store::Account> account_;
  std::shared_ptr<const SearchScope> scope_;
  SearchNeed need_;
  Search search_;
  std::size_t first_, end_;  ///< what is left to look at
  SearchFound found_;
  std::uint64_t reads_ = 0;
  std::vector<Hit> fromEnd_;  ///< found from the end, descending
};

}  // namespace mox::imapserver
