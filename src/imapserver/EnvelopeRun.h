// EnvelopeRun: a search, then the envelopes of what it found, slice by slice. What SORT and THREAD begin with.
#pragma once

#include <functional>

#include "imapserver/SearchRun.h"

namespace mox::imapserver {

class EnvelopeRun final : public SlicedWork {
 public:
  /// Called for each message found, in mailbox order; `envelope` as the store has it, "" if the message is gone or none
  /// is wanted.
  using Take = std::function<void(std::uint32_t sequence, const store::ViewEntry& entry, std::string_view envelope, store::Reader& reader)>;

  EnvelopeRun(std::shared_ptr<store::Account> account, std::shared_ptr<SearchRun> search, bool wantsEnvelopes, Take take)
      : account_(std::move(account)), search_(std::move(search)), wantsEnvelopes_(wantsEnvelopes), take_(std::move(take)) {}

  bool slice() override;
  std::uint64_t done() const override { return search_->done() + taken_; }
  std::uint64_t goal() const override { return search_->goal() + (isSearched_ ? search_->found().count : 0); }
  const SearchFound& found() const { return search_->found(); }

 private:
  /// Some of the range that begins at the next UID to take.
  void takeSome(store::Reader& reader);
  void take(std::uint32_t uid, std::string_view envelope, store::Reader& reader);

  std::shared_ptr<store::Account> account_;
  std::shared_ptr<SearchRun> search_;
  bool wantsEnvelopes_;
  Take take_;
  bool isSearched_ = false;
  std::size_t range_ = 0;       ///< of found().uids
  std::uint32_t next_ = 0;      ///< UID within it
  std::uint64_t taken_ = 0;
};

}  // namespace mox::imapserver
