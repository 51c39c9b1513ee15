// The search program of SEARCH, ESEARCH, SORT and THREAD as a tree.
//
// RFC 9051 §6.4.4, RFC 3501 (NEW, OLD, RECENT), RFC 5032 (WITHIN), RFC 8514 (SAVEDATE), RFC 7162 (MODSEQ), RFC 5182 ($),
// RFC 8474 (EMAILID, THREADID), RFC 6203 (FUZZY), RFC 9738 (UIDAFTER, UIDBEFORE).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/Limits.h"
#include "imap/NumberSet.h"

namespace mox::imap {

/// NOT, OR and parentheses within each other.
inline constexpr Limit searchDepth{"imap-search-depth", 64, "keys"};
/// Of one program.
inline constexpr Limit searchKeys{"imap-search-keys", 10'000, "keys"};
/// Of EMAILID and THREADID, RFC 8474 §7.
inline constexpr Limit objectIdBytes{"imap-object-id-bytes", 255, "bytes"};

struct SearchKey {
  enum class Kind : std::uint8_t {
    all,
    both,    ///< children: all of them (parentheses, the whole program)
    either,  ///< two children (OR)
    negate,  ///< one child (NOT)
    fuzzy,   ///< one child (FUZZY)
    flag,    ///< text: as flagName() spells it ("\Seen", "$Junk"), or a keyword in lower case; `on`: set or not
    recent,      ///< RECENT of RFC 3501; OLD with `on` false
    newMessage,  ///< NEW of RFC 3501: RECENT UNSEEN
    // text: `text` has the octets in the charset of the program
    bcc, body, cc, from, header, subject, textAnywhere, to,  ///< header: also `field`; "" text: the field is there
    // day: days since 1970-01-01
    before, on_, since, sentBefore, sentOn, sentSince, savedBefore, savedOn, savedSince,
    saveDateSupported,
    larger, smaller,  ///< number: octets
    older, younger,   ///< number: seconds
    sequence, uid,    ///< set; `sequence` may be "$"
    uidAfter, uidBefore,  ///< number: messages with larger, smaller UIDs
    modSeq,           ///< number, and `field`, `text` for the entry name and type if given
    emailId, threadId,  ///< text
  };

  Kind kind = Kind::all;
  bool on = true;
  int day = 0;
  std::uint64_t number = 0;
  std::string field, text;
  SequenceSet set;
  std::vector<SearchKey> children;
};

/// PARTIAL first:last, 1-based, negative counts from the end; |first| <= |last|. RFC 9394.
struct ResultWindow {
  std::int64_t first = 0, last = 0;
};

/// RETURN (…), RFC 4731, RFC 5182, RFC 9394; RFC 5267 (UPDATE, CONTEXT), RFC 6203 (RELEVANCY).
struct SearchReturn {
  bool given = false;  ///< RETURN was there: answer with ESEARCH
  bool min = false, max = false, all = false, count = false, save = false;
  bool update = false, context = false, relevancy = false;
  bool updateFetches = false;  ///< UPDATE (fetch-att ...), RFC 5465 §7
  using Window = ResultWindow;
  std::optional<Window> partial;
};

struct SearchProgram {
  SearchReturn result;
  std::optional<std::string> charset;  ///< upper case as given; the session answers BADCHARSET
  SearchKey root;                      ///< Kind::both
};

/// The program in IMAP syntax; parse of it gives the same tree. For tests and logs.
std::string searchText(const SearchKey& key);

}  // namespace mox::imap
