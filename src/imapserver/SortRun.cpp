#include "imapserver/SortRun.h"

#include <algorithm>
#include <limits>

#include "imapserver/ShownSize.h"
#include "message/SortFacts.h"

namespace mox::imapserver {

namespace {

constexpr std::uint32_t messagesASlice = 2'000;  ///< of at most 5 µs each
constexpr std::uint32_t sizeWork = 20;           ///< so many messages cost what a size costs that is not in the view

/// Of a message that came before the store kept them.
std::string factsFromHeader(store::Reader& reader, MessageId id) {
  auto header = reader.header(id);
  return header ? message::packSortFacts(message::parse(*header)) : "";
}

}  // namespace

bool SortRun::slice() {
  if (!isSearched_) {
    if (search_->slice()) return true;
    isSearched_ = true;
    if (found().uids.empty()) return false;
    next_ = found().uids.ranges().front().first;
    return true;
  }
  auto reader = account_->reader();
  auto enough = work_ + messagesASlice;
  while (range_ < found().uids.ranges().size() && work_ < enough) takeSome(reader);
  return range_ < found().uids.ranges().size();
}

void SortRun::takeSome(store::Reader& reader) {
  auto last = found().uids.ranges()[range_].last;
  auto most = sizes_ ? messagesASlice / sizeWork : messagesASlice;
  auto to = last - next_ < most ? last : next_ + most - 1;
  auto from = next_;
  auto each = [&](Uid uid, std::string_view read) {
    for (; from < uid.value; ++from) take(from, "", reader);  // expunged since
    take(from++, read, reader);
  };
  auto mailbox = search_->scope().known->mailbox();
  if (source_ == SortSource::envelope) reader.forEachEnvelope(mailbox, Uid(from), Uid(to), each);
  if (source_ == SortSource::facts) reader.forEachSortFacts(mailbox, Uid(from), Uid(to), each);
  for (; from <= to; ++from) take(from, "", reader);
  if (to == last) {
    ++range_;
    if (range_ < found().uids.ranges().size()) next_ = found().uids.ranges()[range_].first;
  } else {
    next_ = to + 1;
  }
}

void SortRun::take(std::uint32_t uid, std::string_view read, store::Reader& reader) {
  ++taken_, ++work_;
  const auto& scope = search_->scope();
  auto index = scope.current->indexOf(Uid(uid));
  auto known = scope.known->indexOf(Uid(uid));
  if (!index || !known) return;
  auto entry = scope.current->at(*index);
  if (sizes_ && !isShownAsStored(entry, scope.utf8)) {
    entry.size = static_cast<std::uint32_t>(std::min<std::uint64_t>(shownSize(reader, entry, scope.utf8), std::numeric_limits<std::uint32_t>::max()));
    work_ += sizeWork;
  }
  auto sequence = static_cast<std::uint32_t>(*known + 1);
  if (source_ == SortSource::facts && read.empty()) return take_(sequence, entry, factsFromHeader(reader, entry.message));
  take_(sequence, entry, read);
}

}  // namespace mox::imapserver
