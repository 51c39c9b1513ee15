#include "message/Downgrade.h"

#include <algorithm>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Compose.h"
#include "message/DowngradeHeader.h"

namespace mox::message {

namespace {

/// SUB, "substitute". As NUL it is in no field name, so no line becomes a field by it.
constexpr char nulMask = '\x1a';
constexpr std::size_t readPieceSize = 64 * 1024;
constexpr std::size_t lineOctets = 57, lineSize = 78;  ///< of base64: 76 characters and CRLF

std::uint64_t base64Size(std::uint64_t octets) { return (octets + 2) / 3 * 4 + 2 * ((octets + lineOctets - 1) / lineOctets); }

/// Copying the children with each level would make a deep tree cost its square.
Part withoutChildren(const Part& part) {
  Part out;
  out.lines = part.lines;
  out.type = part.type;
  out.subtype = part.subtype;
  out.parameters = part.parameters;
  out.encoding = part.encoding;
  out.id = part.id;
  out.description = part.description;
  out.md5 = part.md5;
  out.location = part.location;
  out.disposition = part.disposition;
  out.languages = part.languages;
  out.envelope = part.envelope;
  return out;
}

std::int64_t countLines(std::string_view text) { return std::count(text.begin(), text.end(), '\n'); }

}  // namespace

Downgraded::Downgraded(const Part& root, std::uint64_t size, DowngradeNeeds needs, Octets octets) : needs_(needs), octets_(std::move(octets)) {
  tree_ = copy(root);
  addStored(root.end, size);
}

Part Downgraded::copy(const Part& part) {
  bool asBase64 = needs_.nul && part.children.empty() && encodingOf(part.encoding) == Encoding::identity && !part.isMultipart() &&
                  hasNul(part.bodyStart, part.end);
  Part out = withoutChildren(part);
  out.headerStart = size_;
  auto bodyStart = header(part, asBase64, out);
  auto linesBefore = moreLines_;
  out.bodyStart = size_;
  if (part.children.empty()) {
    leaf(part, asBase64, out);
  } else {
    addStored(bodyStart, part.children.front().headerStart);
    copyChildren(part, out);
    bool isUnfinished = size_ > out.bodyStart && lastOctet() != '\n';
    out.lines = static_cast<std::uint32_t>(lineEnds(part) + moreLines_ - linesBefore + isUnfinished);
  }
  out.end = size_;
  return out;
}

void Downgraded::copyChildren(const Part& part, Part& out) {
  for (std::size_t i = 0; i < part.children.size(); ++i) {
    const auto& child = part.children[i];
    out.children.push_back(copy(child));
    addStored(child.end, i + 1 < part.children.size() ? part.children[i + 1].headerStart : part.end);
  }
}

/// Adds the header and takes into `out` what it says now. Gives where the body starts in the stored message.
std::uint64_t Downgraded::header(const Part& part, bool asBase64, Part& out) {
  std::string block;
  auto length = part.bodyStart - part.headerStart;
  octets_(part.headerStart, static_cast<std::size_t>(std::min<std::uint64_t>(length, maxHeaderBytes)), block);
  bool changes = asBase64 || (needs_.headers && !isAscii(block)) || (needs_.nul && block.find('\0') != std::string::npos);
  if (!changes || block.size() < length) {  // a header that is longer than what is looked at of it stays as it is
    addStored(part.headerStart, part.bodyStart);
    return part.bodyStart;
  }
  auto text = downgradeHeader(block, {needs_.headers, asBase64 ? "base64" : "", part.envelope.has_value()});
  moreLines_ += countLines(text) - countLines(block);
  auto said = parse(text).root;
  out.parameters = std::move(said.parameters);
  out.disposition = std::move(said.disposition);
  out.languages = std::move(said.languages);
  out.id = std::move(said.id);
  out.description = std::move(said.description);
  out.md5 = std::move(said.md5);
  out.location = std::move(said.location);
  if (part.envelope) out.envelope = std::move(said.envelope);
  if (asBase64) out.encoding = "base64";
  add({Piece::Kind::text, 0, text.size(), 0, 0, std::move(text)});
  return part.bodyStart;
}

void Downgraded::leaf(const Part& part, bool asBase64, Part& out) {
  if (!asBase64) return addStored(part.bodyStart, part.end);
  auto length = part.end - part.bodyStart;
  auto lines = (length + lineOctets - 1) / lineOctets;
  moreLines_ += static_cast<std::int64_t>(lines) - lineEnds(part);
  out.lines = static_cast<std::uint32_t>(lines);
  add({Piece::Kind::base64, 0, base64Size(length), part.bodyStart, length, {}});
}

/// Part::lines counts an unfinished last line too.
std::int64_t Downgraded::lineEnds(const Part& part) const {
  std::string last;
  if (part.end > part.bodyStart) octets_(part.end - 1, 1, last);
  return std::int64_t{part.lines} - (last.empty() || last == "\n" ? 0 : 1);
}

void Downgraded::add(Piece piece) {
  if (piece.size == 0) return;
  piece.start = size_;
  size_ += piece.size;
  pieces_.push_back(std::move(piece));
}

void Downgraded::addStored(std::uint64_t from, std::uint64_t to) {
  if (to <= from) return;
  auto kind = needs_.nul ? Piece::Kind::masked : Piece::Kind::stored;
  auto* last = pieces_.empty() ? nullptr : &pieces_.back();
  if (last != nullptr && last->kind == kind && last->from + last->length == from) {
    last->length += to - from;
    last->size += to - from;
    size_ += to - from;
    return;
  }
  add({kind, 0, to - from, from, to - from, {}});
}

bool Downgraded::hasNul(std::uint64_t from, std::uint64_t to) const {
  std::string piece;
  for (; from < to; from += readPieceSize) {
    piece.clear();
    octets_(from, static_cast<std::size_t>(std::min<std::uint64_t>(readPieceSize, to - from)), piece);
    if (piece.find('\0') != std::string::npos) return true;
  }
  return false;
}

char Downgraded::lastOctet() const {
  std::string last;
  readInto(size_ - 1, 1, last);
  return last.at(0);
}

void Downgraded::readInto(std::uint64_t offset, std::size_t count, std::string& out) const {
  auto piece = std::upper_bound(pieces_.begin(), pieces_.end(), offset, [](std::uint64_t at, const Piece& one) { return at < one.start + one.size; });
  for (; piece != pieces_.end() && count > 0; ++piece) {
    auto from = offset - piece->start;
    auto size = static_cast<std::size_t>(std::min<std::uint64_t>(count, piece->size - from));
    readPiece(*piece, from, size, out);
    offset += size;
    count -= size;
  }
}

void Downgraded::readPiece(const Piece& piece, std::uint64_t offset, std::size_t count, std::string& out) const {
  auto at = out.size();
  switch (piece.kind) {
    case Piece::Kind::text: out.append(piece.text, static_cast<std::size_t>(offset), count); return;
    case Piece::Kind::stored: octets_(piece.from + offset, count, out); return;
    case Piece::Kind::masked:
      octets_(piece.from + offset, count, out);
      std::replace(out.begin() + static_cast<std::ptrdiff_t>(at), out.end(), '\0', nulMask);
      return;
    case Piece::Kind::base64: break;
  }
  // From the start of the line that `offset` is in.
  auto firstLine = offset / lineSize;
  auto lines = (offset + count + lineSize - 1) / lineSize - firstLine;
  std::string octets;
  auto from = firstLine * lineOctets;
  octets_(piece.from + from, static_cast<std::size_t>(std::min<std::uint64_t>(lines * lineOctets, piece.length - from)), octets);
  out += base64Lines(octets).substr(static_cast<std::size_t>(offset - firstLine * lineSize), count);
}

}  // namespace mox::message
