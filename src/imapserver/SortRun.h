// SortRun: a search, then what it found read for an order, slice by slice. What SORT and THREAD begin with.
#pragma once

#include <functional>

#include "imapserver/SearchRun.h"
#include "imapserver/Sort.h"

namespace mox::imapserver {

class SortRun final : public SlicedWork {
 public:
  /// Called for each message found, in mailbox order. `read` is of the source asked for, in the form the store has it: an
  /// ENVELOPE, or packed message::SortFacts; "" if none is asked for or the message is gone.
  using Take = std::function<void(std::uint32_t sequence, const store::ViewEntry& entry, std::string_view read)>;

  /// `sizes`: the entries are to have the sizes the client is shown (ShownSize.h).
  SortRun(std::shared_ptr<store::Account> account, std::shared_ptr<SearchRun> search, SortSource source, bool sizes, Take take)
      : account_(std::move(account)), search_(std::move(search)), source_(source), sizes_(sizes), take_(std::move(take)) {}

  bool slice() override;
  std::uint64_t done() const override { return search_->done() + taken_; }
  std::uint64_t goal() const override { return search_->goal() + (isSearched_ ? search_->found().count : 0); }
  const SearchFound& found() const { return search_->found(); }

 private:
  /// Some of the range that begins at the next UID to take.
  void takeSome(store::Reader& reader);
  void take(std::uint32_t uid, std::string_view read, store::Reader& reader);

  std::shared_ptr<store::Account> account_;
  std::shared_ptr<SearchRun> search_;
  SortSource source_;
  bool sizes_;
  Take take_;
  bool isSearched_ = false;
  std::size_t range_ = 0;       ///< of found().uids
  std::uint32_t next_ = 0;      ///< UID within it
  std::uint64_t taken_ = 0, work_ = 0;
};

}  // namespace mox::imapserver
