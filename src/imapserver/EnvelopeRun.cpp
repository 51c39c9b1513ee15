#include "imapserver/EnvelopeRun.h"

#include <algorithm>

namespace mox::imapserver {

namespace {

constexpr std::uint32_t envelopesASlice = 2'000;  ///< of about 5 µs each

}  // namespace

bool EnvelopeRun::slice() {
  if (!isSearched_) {
    if (search_->slice()) return true;
    isSearched_ = true;
    if (found().uids.empty()) return false;
    next_ = found().uids.ranges().front().first;
    return true;
  }
  auto reader = account_->reader();
  auto enough = taken_ + envelopesASlice;
  while (range_ < found().uids.ranges().size() && taken_ < enough) takeSome(reader);
  return range_ < found().uids.ranges().size();
}

void EnvelopeRun::takeSome(store::Reader& reader) {
  auto last = found().uids.ranges()[range_].last;
  auto to = last - next_ < envelopesASlice ? last : next_ + envelopesASlice - 1;
  auto from = next_;
  if (wantsEnvelopes_) {
    reader.forEachEnvelope(search_->scope().known->mailbox(), Uid(from), Uid(to), [&](Uid uid, std::string_view envelope) {
      for (; from < uid.value; ++from) take(from, "", reader);  // expunged since
      take(from++, envelope, reader);
    });
  }
  for (; from <= to; ++from) take(from, "", reader);
  if (to == last) {
    ++range_;
    if (range_ < found().uids.ranges().size()) next_ = found().uids.ranges()[range_].first;
  } else {
    next_ = to + 1;
  }
}

void EnvelopeRun::take(std::uint32_t uid, std::string_view envelope, store::Reader& reader) {
  ++taken_;
  const auto& scope = search_->scope();
  auto index = scope.current->indexOf(Uid(uid));
  auto known = scope.known->indexOf(Uid(uid));
  if (index && known) take_(static_cast<std::uint32_t>(*known + 1), scope.current->at(*index), envelope, reader);
}

}  // namespace mox::imapserver
