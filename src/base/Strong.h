// Strong integers: a Uid is not a ModSeq, and neither is an int.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace mox {

template <class Tag, class Rep = std::int64_t>
struct Strong {
  Rep value{};

  constexpr Strong() = default;
  constexpr explicit Strong(Rep v) : value(v) {}
  friend constexpr auto operator<=>(Strong, Strong) = default;
  constexpr explicit operator bool() const { return value != Rep{}; }
  constexpr Strong next() const { return Strong(static_cast<Rep>(value + 1)); }
};

/// RFC 9051 §2.3.1.1: unique identifier of a message in its mailbox, 1..2^32-1.
using Uid = Strong<struct UidTag, std::uint32_t>;
/// RFC 9051 §2.3.1.1.
using UidValidity = Strong<struct UidValidityTag, std::uint32_t>;
/// RFC 7162 §3.1: modification sequence, 1..2^63-1, one sequence an account.
using ModSeq = Strong<struct ModSeqTag, std::int64_t>;
/// Row ids of the account database; never reused.
using MailboxId = Strong<struct MailboxIdTag>;
using MessageId = Strong<struct MessageIdTag>;
using ContentId = Strong<struct ContentIdTag>;
using ThreadId = Strong<struct ThreadIdTag>;
/// Row id of a queue entry (one recipient).
using QueueId = Strong<struct QueueIdTag>;
/// Number of a connection since the process started; "cid" in logs.
using ConnectionId = Strong<struct ConnectionIdTag, std::uint64_t>;

}  // namespace mox

template <class Tag, class Rep>
struct std::hash<mox::Strong<Tag, Rep>> {
  std::size_t operator()(mox::Strong<Tag, Rep> id) const noexcept { return std::hash<Rep>{}(id.value); }
};
