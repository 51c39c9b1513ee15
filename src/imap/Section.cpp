#include "imap/Section.h"

#include <algorithm>

#include "base/Text.h"
#include "imap/Output.h"

namespace mox::imap {

namespace {

std::string_view textName(Section::Text what) {
  switch (what) {
    case Section::Text::all: return "";
    case Section::Text::header: return "HEADER";
    case Section::Text::headerFields: return "HEADER.FIELDS";
    case Section::Text::headerFieldsNot: return "HEADER.FIELDS.NOT";
    case Section::Text::text: return "TEXT";
    case Section::Text::mime: return "MIME";
  }
  return "";
}

bool namesFields(Section::Text what) { return what == Section::Text::headerFields || what == Section::Text::headerFieldsNot; }

/// One field with its continuation lines, or the empty line at the end.
struct HeaderLine {
  std::string_view name;  ///< "" for a line that is no field
  ByteRange range;        ///< in the header block
  bool isEmptyLine = false;
};

/// Takes the line at `at` and the folded lines after it.
HeaderLine nextHeaderLine(std::string_view header, std::size_t& at) {
  HeaderLine out;
  auto start = at;
  auto lineEnd = [&] {
    auto newline = header.find('\n', at);
    at = newline == std::string_view::npos ? header.size() : newline + 1;
  };
  lineEnd();
  auto line = header.substr(start, at - start);
  out.isEmptyLine = line == "\r\n" || line == "\n";
  if (!out.isEmptyLine) {
    while (at < header.size() && isWsp(header[at])) lineEnd();
    auto colon = line.find(':');
    if (colon != std::string_view::npos) out.name = trim(line.substr(0, colon));
  }
  out.range = {start, at};
  return out;
}

void addRange(std::vector<ByteRange>& ranges, ByteRange range) {
  if (!ranges.empty() && ranges.back().end == range.start) {
    ranges.back().end = range.end;
  } else {
    ranges.push_back(range);
  }
}

}  // namespace

std::string sectionText(const Section& section) {
  std::string out;
  for (auto number : section.part) {
    if (!out.empty()) out += '.';
    out += std::to_string(number);
  }
  auto word = textName(section.what);
  if (!out.empty() && !word.empty()) out += '.';
  out += word;
  if (!namesFields(section.what)) return out;
  out += " (";
  for (std::size_t i = 0; i < section.fields.size(); ++i) {
    if (i > 0) out += ' ';
    writeAstring(out, section.fields[i]);
  }
  return out + ")";
}

std::string sectionResponse(const Section& section, const std::optional<Partial>& partial) {
  std::string out = "[" + sectionText(section) + "]";
  if (partial) out += "<" + std::to_string(partial->offset) + ">";
  return out;
}

std::optional<SectionPlace> findSection(const message::Part& root, const Section& section) {
  const message::Part* part = section.part.empty() ? &root : message::find(root, section.part);
  if (part == nullptr) return std::nullopt;
  SectionPlace out;
  bool wantsMessage = section.what != Section::Text::all && section.what != Section::Text::mime;
  if (wantsMessage && !section.part.empty()) {
    if (!part->isMessage() || part->children.empty()) return std::nullopt;
    part = &part->children.front();
  }
  out.part = part;
  out.header = {part->headerStart, part->bodyStart};
  switch (section.what) {
    case Section::Text::all: out.range = {section.part.empty() ? part->headerStart : part->bodyStart, part->end}; break;
    case Section::Text::text: out.range = {part->bodyStart, part->end}; break;
    case Section::Text::header: out.range = out.header; break;
    // Part 1 of a message that is no multipart has no header of its own: its MIME fields are among those of the message.
    case Section::Text::mime: out.range = out.header, out.needsHeader = part->envelope.has_value(); break;
    case Section::Text::headerFields:
    case Section::Text::headerFieldsNot: out.needsHeader = true; break;
  }
  return out;
}

std::vector<ByteRange> sectionRanges(const SectionPlace& place, const Section& section, std::string_view header) {
  if (!place.needsHeader) return {place.range};
  std::vector<std::string> names;
  for (const auto& field : section.fields) names.push_back(lower(field));
  std::sort(names.begin(), names.end());

  auto wanted = [&](const HeaderLine& line) {
    if (line.isEmptyLine) return true;
    if (section.what == Section::Text::mime) return startsWithNoCase(line.name, "content-") || equalsNoCase(line.name, "mime-version");
    bool named = std::binary_search(names.begin(), names.end(), lower(line.name));
    return named == (section.what == Section::Text::headerFields);
  };
  std::vector<ByteRange> out;
  for (std::size_t at = 0; at < header.size();) {
    auto line = nextHeaderLine(header, at);
    if (wanted(line)) addRange(out, {place.header.start + line.range.start, place.header.start + line.range.end});
    if (line.isEmptyLine) break;
  }
  return out;
}

std::vector<ByteRange> cutRanges(const std::vector<ByteRange>& ranges, const std::optional<Partial>& partial) {
  if (!partial) return ranges;
  std::vector<ByteRange> out;
  std::uint64_t skip = partial->offset, left = partial->count;
  for (auto range : ranges) {
    auto skipped = std::min(skip, range.size());
    skip -= skipped;
    range.start += skipped;
    range.end = range.start + std::min(left, range.size());
    left -= range.size();
    if (range.size() > 0) out.push_back(range);
  }
  return out;
}

std::uint64_t totalSize(const std::vector<ByteRange>& ranges) {
  std::uint64_t total = 0;
  for (const auto& range : ranges) total += range.size();
  return total;
}

}  // namespace mox::imap
