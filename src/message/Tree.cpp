#include "message/Tree.h"

#include <algorithm>

#include "base/Text.h"
#include "message/ContentFields.h"
#include "message/Decode.h"
#include "message/EnvelopeFields.h"
#include "message/HeaderFields.h"

namespace mox::message {

namespace {

std::string_view withoutTrailingBlanks(std::string_view text) {
  while (!text.empty() && isWsp(text.back())) text.remove_suffix(1);
  return text;
}

/// The first field of a kind counts.
void setOnce(std::optional<std::string>& slot, std::string_view value) {
  if (!slot) slot = unfold(value);
}

void keepAtMost(std::vector<Parameter>& list, std::size_t& left) {
  if (list.size() > left) list.resize(left);
  left -= list.size();
}

}  // namespace

TreeBuilder::TreeBuilder(std::string_view prefix, std::string_view data) : prefix_(prefix), data_(data), scan_(data) {
  frames_.reserve(8);
}

Part TreeBuilder::build() {
  push(0, false, true);
  while (scan_.next()) {
    auto line = scan_.line();
    if (line.size() > 2 && line[0] == '-' && line[1] == '-' && !open_.empty() && boundaryLine()) continue;
    if (frames_.back().at == At::header) headerLine();
  }
  closeTo(0, data_.size(), scan_.newlines(), false);
  return std::move(root_);
}

void TreeBuilder::push(std::size_t at, bool inDigest, bool isMessage) {
  Frame frame;
  frame.part.headerStart = at;
  frame.inDigest = inDigest;
  frame.isMessage = isMessage;
  frames_.push_back(std::move(frame));
  ++parts_;
}

void TreeBuilder::headerLine() {
  // A line that is no header line may end the header of an empty part, whose body then starts an embedded message:
  // that message's header starts with the same line.
  while (frames_.back().at == At::header) {
    auto& frame = frames_.back();
    switch (classifyHeaderLine(scan_.line(), frame.firstLine)) {
      case HeaderLine::field: frame.firstLine = false; return;
      case HeaderLine::continuation:
      case HeaderLine::ignored: return;
      case HeaderLine::blank: endHeader(scan_.end(), scan_.newlinesToEnd(), true); return;
      case HeaderLine::none: endHeader(scan_.start(), scan_.newlines(), false); break;
    }
  }
}

void TreeBuilder::endHeader(std::size_t bodyStart, std::uint64_t newlines, bool hasBlank) {
  auto& frame = frames_.back();
  auto block = data_.substr(frame.part.headerStart, bodyStart - frame.part.headerStart);
  frame.part.bodyStart = bodyStart;
  frame.newlinesAtBody = newlines;
  frame.at = At::leaf;
  bool hasType = false;
  if (frame.isMessage) frame.part.envelope.emplace();
  if (frames_.size() == 1) {
    rootHasBody_ = hasBlank;
    readFields(frame, prefix_, hasType);
  }
  readFields(frame, block, hasType);
  if (!hasType && frame.inDigest) {
    frame.part.type = "message";
    frame.part.subtype = "rfc822";
  }
  if (frame.isMessage) completeEnvelope(*frame.part.envelope);
  descend(frame, bodyStart);
}

void TreeBuilder::readFields(Frame& frame, std::string_view block, bool& hasType) {
  if (!isAscii(block)) utf8Headers_ = true;
  auto& part = frame.part;
  bool hasEncoding = false;
  HeaderFields fields(block.substr(0, maxHeaderBytes));
  while (auto field = fields.next()) {
    if (frame.isMessage) readEnvelopeField(*part.envelope, *field, addressesLeft_);
    if (!startsWithNoCase(field->name, "Content-")) continue;
    auto name = field->name.substr(8);
    if (equalsNoCase(name, "Type") && !hasType) {
      hasType = true;
      if (auto type = contentType(field->value)) {
        part.type = std::move(type->type);
        part.subtype = std::move(type->subtype);
        part.parameters = std::move(type->parameters);
        keepAtMost(part.parameters, parametersLeft_);
      }
    } else if (equalsNoCase(name, "Transfer-Encoding") && !hasEncoding) {
      hasEncoding = true;
      if (auto encoding = firstToken(field->value); !encoding.empty()) part.encoding = encoding;
    } else if (equalsNoCase(name, "Disposition") && !part.disposition) {
      part.disposition = contentDisposition(field->value);
      if (part.disposition) keepAtMost(part.disposition->parameters, parametersLeft_);
    } else if (equalsNoCase(name, "Language") && part.languages.empty()) {
      part.languages = languageTags(field->value);
    } else if (equalsNoCase(name, "ID")) {
      setOnce(part.id, field->value);
    } else if (equalsNoCase(name, "Description")) {
      setOnce(part.description, field->value);
    } else if (equalsNoCase(name, "MD5")) {
      setOnce(part.md5, field->value);
    } else if (equalsNoCase(name, "Location")) {
      setOnce(part.location, field->value);
    }
  }
}

/// Opens what the part holds. RFC 2046 §5.1.1, §5.2.1.
void TreeBuilder::descend(Frame& frame, std::size_t bodyStart) {
  const auto& part = frame.part;
  if (!mayOpen()) return;
  if (part.isMultipart()) {
    const auto* boundary = part.parameter("boundary");
    if (boundary == nullptr) return;
    auto text = withoutTrailingBlanks(*boundary);
    if (text.empty()) return;
    frame.boundary = std::string(text);
    frame.at = At::multipart;
    open_[frame.boundary].push_back(frames_.size() - 1);
  } else if (part.isMessage() && encodingOf(part.encoding) == Encoding::identity) {
    frame.at = At::container;
    push(bodyStart, false, true);  // `frame` is gone now
  }
}

std::optional<TreeBuilder::Delimiter> TreeBuilder::delimiter(std::string_view line) const {
  auto text = withoutTrailingBlanks(line.substr(2));
  auto opens = open_.find(text);
  auto closes = text.ends_with("--") ? open_.find(text.substr(0, text.size() - 2)) : open_.end();
  if (opens == open_.end() && closes == open_.end()) return std::nullopt;
  if (closes == open_.end() || (opens != open_.end() && opens->second.back() > closes->second.back()))
    return Delimiter{opens->second.back(), false};
  return Delimiter{closes->second.back(), true};
}

bool TreeBuilder::boundaryLine() {
  auto found = delimiter(scan_.line());
  if (!found) return false;
  // No room for another part: the line stays in the part that is open.
  if (!found->closes && (parts_ >= maxParts || found->frame + 1 >= maxNesting)) return false;
  closeTo(found->frame + 1, scan_.start(), scan_.newlines(), true);
  auto& frame = frames_[found->frame];
  if (!found->closes) {
    bool digest = frame.part.subtype == "digest";
    push(scan_.end(), digest, false);
    return true;
  }
  auto at = open_.find(frame.boundary);
  at->second.pop_back();
  if (at->second.empty()) open_.erase(at);
  frame.boundary.clear();
  frame.at = At::epilogue;
  return true;
}

void TreeBuilder::closeTo(std::size_t keep, std::size_t lineStart, std::uint64_t newlines, bool atDelimiter) {
  // RFC 2046 §5.1.1: the line end before a delimiter belongs to the delimiter.
  auto end = lineStart;
  if (atDelimiter && end > 0) end -= end > 1 && data_[end - 2] == '\r' ? 2 : 1;
  while (frames_.size() > keep) {
    if (frames_.back().at == At::header) {
      endHeader(lineStart, newlines, false);  // may open an embedded message, itself without a header
      continue;
    }
    closeTop(end, newlines, lineStart);
  }
}

/// `end` is where the top part ends, or `lineStart` if its header or a part in it goes up to there.
void TreeBuilder::closeTop(std::size_t end, std::uint64_t newlines, std::size_t lineStart) {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  auto& part = frame.part;
  auto atLeast = part.bodyStart;
  if (!part.children.empty()) atLeast = std::max(atLeast, part.children.back().end - prefix_.size());
  part.end = std::max<std::uint64_t>(end, atLeast);
  auto newlinesAtEnd = part.end < lineStart ? newlines - 1 : newlines;
  bool unfinished = part.end > part.bodyStart && data_[part.end - 1] != '\n';
  auto lines = newlinesAtEnd - frame.newlinesAtBody + (unfinished ? 1 : 0);
  part.lines = static_cast<std::uint32_t>(std::min<std::uint64_t>(lines, UINT32_MAX));
  if (!frame.boundary.empty()) {
    auto at = open_.find(frame.boundary);
    at->second.pop_back();
    if (at->second.empty()) open_.erase(at);
  }
  part.bodyStart += prefix_.size();
  part.end += prefix_.size();
  if (frames_.empty()) {
    root_ = std::move(part);
    return;
  }
  part.headerStart += prefix_.size();
  frames_.back().part.children.push_back(std::move(part));
}

}  // namespace mox::message
