// Sections of a message, RFC 9051 §6.4.5.1: BODY[1.2.HEADER.FIELDS (a b)]<0.100>, and where their octets are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/Limits.h"
#include "message/Parsed.h"

namespace mox::imap {

/// Part numbers of one section.
inline constexpr Limit sectionDepth{"imap-section-depth", message::maxNesting, "parts"};
/// Names of one HEADER.FIELDS.
inline constexpr Limit sectionFields{"imap-section-fields", 1000, "fields"};

/// What stands between [ and ].
struct Section {
  enum class Text : std::uint8_t { all, header, headerFields, headerFieldsNot, text, mime };

  std::vector<std::uint32_t> part;  ///< each >= 1
  Text what = Text::all;
  std::vector<std::string> fields;  ///< as written; of headerFields and headerFieldsNot

  friend bool operator==(const Section&, const Section&) = default;
};

/// <offset.count>, count >= 1.
struct Partial {
  std::uint64_t offset = 0, count = 0;
  friend bool operator==(const Partial&, const Partial&) = default;
};

/// "1.2.HEADER.FIELDS (a b)"; field names as astrings, as written.
std::string sectionText(const Section& section);
/// "[1.TEXT]<0>": what follows BODY or BINARY in a response; only the offset of a partial is told.
std::string sectionResponse(const Section& section, const std::optional<Partial>& partial);

/// Octets [start, end) of the message as stored.
struct ByteRange {
  std::uint64_t start = 0, end = 0;
  std::uint64_t size() const { return end - start; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

/// A section found in a message. If `fields` is needed the header has to be looked at: sectionRanges() with
/// the octets of `header`. Else `range` is the answer.
struct SectionPlace {
  const message::Part* part = nullptr;  ///< of the tree given; the embedded message for n.HEADER and n.TEXT
  bool needsHeader = false;
  ByteRange header;  ///< the header block, its empty line included
  ByteRange range;   ///< meaningless if needsHeader
};

/// Nothing if the message has no such part, or HEADER or TEXT is asked of a part that is no message.
std::optional<SectionPlace> findSection(const message::Part& root, const Section& section);

/// The ranges of the section in order. `header`: the octets of place.header, looked at only if needsHeader.
/// The empty line at the end of a header belongs to every HEADER.FIELDS answer if it is there (RFC 9051 §6.4.5.1).
std::vector<ByteRange> sectionRanges(const SectionPlace& place, const Section& section, std::string_view header);

/// Cut to the partial; past the end nothing is left.
std::vector<ByteRange> cutRanges(const std::vector<ByteRange>& ranges, const std::optional<Partial>& partial);
std::uint64_t totalSize(const std::vector<ByteRange>& ranges);

}  // namespace mox::imap
