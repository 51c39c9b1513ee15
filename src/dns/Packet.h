// DNS messages: a query as octets, and a reply as answer or error. Pure functions, no I/O; ldns does the wire
// format. What ldns leaves unchecked (id, question; stack.md §5) is checked here before it is asked to parse.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/Result.h"
#include "dns/Answer.h"

namespace mox::dns {

/// What fits one unfragmented datagram on any path (DNS flag day 2020); announced by EDNS.
inline constexpr std::uint16_t ednsUdpOctets = 1232;
/// TCP's length field cannot say more; nothing larger is ever read.
inline constexpr std::size_t maxReplyOctets = 65535;
/// CNAMEs followed in one answer.
inline constexpr unsigned maxAliases = 16;

struct Question {
  Type type = Type::a;
  std::string name;  ///< absolute, as nameToWire takes it
};

/// Recursion desired, EDNS with DO, and AD to ask for validation status (RFC 6840 §5.7).
Result<std::string> buildQuery(const Question& question, std::uint16_t id);

/// True if `reply` has the id, is a response, and repeats just our question (case aside). Everything else on
/// the socket is a stranger's packet: wait on.
bool isReplyTo(std::string_view reply, const Question& question, std::uint16_t id);

/// TC: the rest is to be had over TCP. `reply` passed isReplyTo().
bool isTruncated(std::string_view reply);

/// `trustAuthentic`: whether the AD bit of this server means anything to us.
Lookup<Record> readReply(std::string_view reply, const Question& question, bool trustAuthentic);

}  // namespace mox::dns
