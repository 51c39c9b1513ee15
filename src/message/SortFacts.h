// SortFacts: what SORT and THREAD order messages by (RFC 5256 §2, §3), made once when a message arrives and kept packed, so
// that neither its header nor its ENVELOPE is read again for it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "message/Parsed.h"

namespace mox::message {

/// Stands for a canonical message id; 0 for "". Two ids with one hash would be one to THREAD: of a thousand million
/// messages no two meet by chance, and who wants to may as well send the same Message-ID.
std::uint64_t messageIdHash(std::string_view canonicalId);

/// The form for the database.
std::string packSortFacts(const Parsed& parsed);

/// A look at that form, which must outlive it.
struct SortFacts {
  std::optional<std::int64_t> sent;  ///< Date, seconds since 1970; nothing without a valid one
  std::string_view subjectBase;      ///< as in Parsed
  bool isReplyOrForward = false;
  std::uint64_t messageId = 0;  ///< messageIdHash
  std::string_view packedAncestors;

  std::size_t ancestors() const { return packedAncestors.size() / sizeof(std::uint64_t); }
  /// messageIdHash of one it answers to, oldest first. RFC 5256 §3: of References, or of the first in In-Reply-To.
  std::uint64_t ancestor(std::size_t index) const;
};

/// Nothing if the form is damaged or newer.
std::optional<SortFacts> unpackSortFacts(std::string_view form);

}  // namespace mox::message
