// Flags of a message, RFC 9051 §2.3.2: system flags and well-known keywords as bits, other keywords as words.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Limits.h"

namespace mox::imap {

enum class Flag : std::uint32_t {
  seen = 1 << 0,
  answered = 1 << 1,
  flagged = 1 << 2,
  deleted = 1 << 3,
  draft = 1 << 4,
  forwarded = 1 << 5,  ///< $Forwarded
  junk = 1 << 6,       ///< $Junk
  notJunk = 1 << 7,    ///< $NotJunk
  phishing = 1 << 8,   ///< $Phishing
  mdnSent = 1 << 9,    ///< $MDNSent
};

inline constexpr std::uint32_t allFlagBits = (1u << 10) - 1;
inline constexpr Limit keywordBytes{"imap-keyword-bytes", 255, "bytes"};

struct Flags {
  std::uint32_t bits = 0;             ///< of Flag
  std::vector<std::string> keywords;  ///< lower case, sorted, each once, none that has a bit

  bool has(Flag flag) const { return (bits & static_cast<std::uint32_t>(flag)) != 0; }
  void set(Flag flag, bool on = true);
  bool hasKeyword(std::string_view lowerCase) const;
  /// Adds a flag or keyword as a client writes it. False if it is neither: "\Recent", unknown "\x", no atom, too long.
  bool add(std::string_view word);
  void addKeyword(std::string lowerCase);
  bool empty() const { return bits == 0 && keywords.empty(); }

  friend bool operator==(const Flags&, const Flags&) = default;
};

/// The spelling for clients: "\Seen", "$Forwarded".
std::string_view flagName(Flag flag);
/// Case-insensitive; nothing if the word has no bit.
std::optional<Flag> flagBit(std::string_view word);
/// RFC 9051 §9 flag-keyword: an atom, within keywordBytes.
bool isKeyword(std::string_view word);
/// "(\Seen $Junk foo)".
std::string flagsText(const Flags& flags);
/// What either has (STORE +FLAGS); what `a` has and `b` has not (STORE -FLAGS).
Flags unite(const Flags& a, const Flags& b);
Flags subtract(const Flags& a, const Flags& b);

}  // namespace mox::imap
