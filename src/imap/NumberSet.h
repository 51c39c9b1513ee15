// Sets of message numbers and UIDs, RFC 9051 §9 sequence-set and uid-set.
//
// NumberSet is a set of known numbers; SequenceSet is what a client wrote,
// with `*` (the largest number in use) or `$` (the saved search result).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mox::imap {

/// Both ends belong to it; 1 <= first <= last.
struct NumberRange {
  std::uint32_t first = 0, last = 0;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

/// Numbers 1..2^32-1 as ascending, disjoint, not touching ranges.
class NumberSet {
 public:
  NumberSet() = default;
  /// Any order, overlaps allowed. O(n log n).
  explicit NumberSet(std::vector<NumberRange> ranges);

  /// O(1) if `number` is beyond all others or in the last range, else O(ranges).
  void add(std::uint32_t number) { addRange(number, number); }
  void addRange(std::uint32_t first, std::uint32_t last);
  /// O(log ranges).
  bool contains(std::uint32_t number) const;
  std::uint64_t count() const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<NumberRange>& ranges() const { return ranges_; }
  NumberSet intersect(const NumberSet& other) const;
  /// The numbers from the `first`-th to the `last`-th, 1-based; what lies beyond the end is left out.
  NumberSet ranked(std::uint64_t first, std::uint64_t last) const;
  /// "1:3,7"; "" for the empty set.
  std::string text() const;
  /// In pieces of about `limit` octets, each a set of its own; for VANISHED lines.
  std::vector<std::string> texts(std::size_t limit) const;
  /// A set without `*`, as uid-set; nothing if malformed.
  static std::optional<NumberSet> parse(std::string_view text);

  friend bool operator==(const NumberSet&, const NumberSet&) = default;

 private:
  std::vector<NumberRange> ranges_;
};

/// What a client wrote, normalised: sorted, merged, and all ranges up to `*` joined in one.
class SequenceSet {
 public:
  /// "$", RFC 5182.
  static SequenceSet saved();
  /// "1,5:3,7:*"; nothing if malformed. "$" is allowed.
  static std::optional<SequenceSet> parse(std::string_view text);
  static SequenceSet of(NumberSet numbers);

  bool isSaved() const { return saved_; }
  bool hasStar() const { return star_; }
  /// The numbers written without `*`.
  const NumberSet& numbers() const { return numbers_; }
  /// With `*` meaning `largest`. RFC 9051: n:* includes the largest even if n is beyond it. If nothing is in use
  /// (largest 0), `*` means nothing and ranges to it are left out. Not for saved sets.
  NumberSet resolve(std::uint32_t largest) const;
  std::string text() const;

  friend bool operator==(const SequenceSet&, const SequenceSet&) = default;

 private:
  NumberSet numbers_;
  bool saved_ = false;
  bool star_ = false;
  // The union of all n:* is from the smaller of (starLow, largest) to the larger of (starHigh, largest).
  std::uint32_t starLow_ = 0xffffffff, starHigh_ = 0;
};

}  // namespace mox::imap
