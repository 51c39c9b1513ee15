#include "imap/NumberSet.h"

#include <algorithm>

#include "base/Text.h"

namespace mox::imap {

namespace {

constexpr std::uint32_t largest32 = 0xffffffff;

void writeRange(std::string& out, NumberRange range) {
  out += std::to_string(range.first);
  if (range.last != range.first) out += ":" + std::to_string(range.last);
}

/// True if b starts within a or right after it.
bool touches(const NumberRange& a, const NumberRange& b) { return b.first <= a.last || b.first - a.last == 1; }

}  // namespace

NumberSet::NumberSet(std::vector<NumberRange> ranges) {
  for (auto& range : ranges)
    if (range.first > range.last) std::swap(range.first, range.last);
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& range : ranges) {
    if (!ranges_.empty() && touches(ranges_.back(), range)) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

void NumberSet::addRange(std::uint32_t first, std::uint32_t last) {
  if (ranges_.empty() || (first > ranges_.back().last && first - ranges_.back().last > 1)) {
    ranges_.push_back({first, last});
    return;
  }
  if (first >= ranges_.back().first) {
    ranges_.back().last = std::max(ranges_.back().last, last);
    return;
  }
  // The first range that is not wholly before, and not touching.
  auto from = std::partition_point(ranges_.begin(), ranges_.end(), [&](const auto& r) { return r.last < first && first - r.last > 1; });
  auto to = from;
  NumberRange merged{first, last};
  while (to != ranges_.end() && touches(merged, *to)) {
    merged.first = std::min(merged.first, to->first);
    merged.last = std::max(merged.last, to->last);
    ++to;
  }
  if (from == to) {
    ranges_.insert(from, merged);
  } else {
    *from = merged;
    ranges_.erase(from + 1, to);
  }
}

bool NumberSet::contains(std::uint32_t number) const {
  auto it = std::partition_point(ranges_.begin(), ranges_.end(), [&](const auto& r) { return r.last < number; });
  return it != ranges_.end() && it->first <= number;
}

std::uint64_t NumberSet::count() const {
  std::uint64_t total = 0;
  for (const auto& range : ranges_) total += std::uint64_t(range.last) - range.first + 1;
  return total;
}

NumberSet NumberSet::intersect(const NumberSet& other) const {
  NumberSet out;
  auto a = ranges_.begin();
  auto b = other.ranges_.begin();
  while (a != ranges_.end() && b != other.ranges_.end()) {
    auto first = std::max(a->first, b->first), last = std::min(a->last, b->last);
    if (first <= last) out.addRange(first, last);
    (a->last < b->last ? a : b)++;
  }
  return out;
}

NumberSet NumberSet::ranked(std::uint64_t first, std::uint64_t last) const {
  NumberSet out;
  std::uint64_t before = 0;
  for (const auto& range : ranges_) {
    auto size = std::uint64_t{range.last} - range.first + 1;
    auto from = std::max(first, before + 1), to = std::min(last, before + size);
    if (from <= to)
      out.addRange(range.first + static_cast<std::uint32_t>(from - before - 1), range.first + static_cast<std::uint32_t>(to - before - 1));
    before += size;
    if (before >= last) break;
  }
  return out;
}

std::string NumberSet::text() const {
  std::string out;
  for (const auto& range : ranges_) {
    if (!out.empty()) out += ',';
    writeRange(out, range);
  }
  return out;
}

std::vector<std::string> NumberSet::texts(std::size_t limit) const {
  std::vector<std::string> out;
  for (const auto& range : ranges_) {
    if (out.empty() || out.back().size() >= limit) {
      out.emplace_back();
    } else {
      out.back() += ',';
    }
    writeRange(out.back(), range);
  }
  return out;
}

std::optional<NumberSet> NumberSet::parse(std::string_view text) {
  auto set = SequenceSet::parse(text);
  if (!set || set->isSaved() || set->hasStar()) return std::nullopt;
  return set->numbers();
}

SequenceSet SequenceSet::saved() {
  SequenceSet out;
  out.saved_ = true;
  return out;
}

SequenceSet SequenceSet::of(NumberSet numbers) {
  SequenceSet out;
  out.numbers_ = std::move(numbers);
  return out;
}

namespace {

/// seq-number: nz-number or `*`, which is 0 here.
std::optional<std::uint32_t> sequenceNumber(std::string_view text) {
  if (text == "*") return 0;
  if (text.empty() || text[0] == '0' || text.size() > 10) return std::nullopt;
  auto value = parseUnsigned(text);
  if (!value || *value > largest32) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

}  // namespace

std::optional<SequenceSet> SequenceSet::parse(std::string_view text) {
  if (text == "$") return saved();
  SequenceSet out;
  std::vector<NumberRange> ranges;
  for (auto part : split(text, ',')) {
    auto ends = cut(part, ':');
    auto first = sequenceNumber(ends ? ends->first : part);
    auto last = ends ? sequenceNumber(ends->second) : first;
    if (!first || !last) return std::nullopt;
    if (*first != 0 && *last != 0) {
      ranges.push_back({*first, *last});
      continue;
    }
    out.star_ = true;
    std::uint32_t number = std::max(*first, *last);  // 0 for `*` and `*:*`
    if (number == 0) continue;
    out.starLow_ = std::min(out.starLow_, number);
    out.starHigh_ = std::max(out.starHigh_, number);
  }
  out.numbers_ = NumberSet(std::move(ranges));
  return out;
}

NumberSet SequenceSet::resolve(std::uint32_t largest) const {
  NumberSet out = numbers_;
  if (star_ && largest > 0) out.addRange(std::min(starLow_, largest), std::max(starHigh_, largest));
  return out;
}

std::string SequenceSet::text() const {
  if (saved_) return "$";
  std::string out = numbers_.text();
  if (!star_) return out;
  if (!out.empty()) out += ',';
  if (starHigh_ == 0) return out + "*";
  out += std::to_string(starLow_) + ":*";
  if (starHigh_ != starLow_) out += "," + std::to_string(starHigh_) + ":*";
  return out;
}

}  // namespace mox::imap
