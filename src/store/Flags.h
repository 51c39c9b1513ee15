// Message flags as the store keeps them: ten with a bit of their own, the rest keywords.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace mox::store {

/// RFC 9051 §2.3.2; the $-keywords of imap.md §4 have a bit too. Values are on disk.
enum Flag : std::uint16_t {
  seen = 1,
  answered = 2,
  flagged = 4,
  deleted = 8,
  draft = 16,
  forwarded = 32,  ///< $Forwarded
  junk = 64,       ///< $Junk
  notJunk = 128,   ///< $NotJunk
  phishing = 256,  ///< $Phishing
  mdnSent = 512,   ///< $MDNSent
};
using FlagBits = std::uint16_t;
inline constexpr FlagBits allFlags = 1023;

/// Sorted, lower case, without repeats: see normaliseKeywords.
using Keywords = std::vector<std::string>;

struct Flags {
  FlagBits bits = 0;
  Keywords keywords;

  bool has(Flag flag) const { return (bits & flag) != 0; }
  friend bool operator==(const Flags&, const Flags&) = default;
};

// Limits: a client could otherwise make every message carry a megabyte of keywords.
inline constexpr std::size_t maxKeywordBytes = 100;       ///< one keyword
inline constexpr std::size_t maxMessageKeywords = 100;    ///< of one message
inline constexpr std::size_t maxMailboxKeywords = 1'000;  ///< different ones a mailbox remembers

/// Lower-cases, sorts, drops repeats.
Keywords normaliseKeywords(Keywords keywords);
/// One space between; keywords hold none. And back.
std::string joinKeywords(const Keywords& keywords);
Keywords splitKeywords(std::string_view text);

}  // namespace mox::store
