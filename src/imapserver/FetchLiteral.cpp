#include "imapserver/FetchLiteral.h"

#include <algorithm>

namespace mox::imapserver {

namespace {

constexpr std::size_t readPiece = 64 * 1024;   ///< octets read from a message at a time
constexpr std::size_t keptLiteral = 64 * 1024;  ///< decoded literals up to this are kept instead of decoded twice

class RangesLiteral final : public FetchLiteral {
 public:
  RangesLiteral(OctetReader octets, std::vector<imap::ByteRange> ranges) : octets_(std::move(octets)), ranges_(std::move(ranges)) {}

  bool read(std::size_t room, std::string& out) override {
    while (next_ < ranges_.size() && room > 0) {
      auto& range = ranges_[next_];
      auto count = static_cast<std::size_t>(std::min<std::uint64_t>(room, range.size()));
      octets_(range.start, count, out);
      range.start += count;
      room -= count;
      if (range.size() == 0) ++next_;
    }
    return next_ < ranges_.size();
  }

 private:
  OctetReader octets_;
  std::vector<imap::ByteRange> ranges_;
  std::size_t next_ = 0;
};

class TextLiteral final : public FetchLiteral {
 public:
  explicit TextLiteral(std::string text) : text_(std::move(text)) {}

  bool read(std::size_t room, std::string& out) override {
    auto count = std::min(room, text_.size() - at_);
    out.append(text_, at_, count);
    at_ += count;
    return at_ < text_.size();
  }

 private:
  std::string text_;
  std::size_t at_ = 0;
};

/// Gives what a DecodedRange is, a piece at a time.
class DecodedStream {
 public:
  DecodedStream(OctetReader octets, const DecodedRange& what) : octets_(std::move(octets)), what_(what), decoder_(what.encoding) {}

  /// Appends the next piece; false if it was the last.
  bool next(std::string& out) {
    out += what_.head;
    what_.head.clear();
    encoded_.clear();
    auto& range = what_.range;
    auto count = static_cast<std::size_t>(std::min<std::uint64_t>(readPiece, range.size()));
    octets_(range.start, count, encoded_);
    range.start += count;
    decoder_.feed(encoded_, out);
    if (range.size() > 0) return true;
    decoder_.finish(out);
    return false;
  }

 private:
  OctetReader octets_;
  DecodedRange what_;
  message::Decoder decoder_;
  std::string encoded_;
};

class DecodedLiteral final : public FetchLiteral {
 public:
  DecodedLiteral(DecodedStream stream, std::uint64_t skip, std::uint64_t size) : stream_(std::move(stream)), skip_(skip), left_(size) {}

  bool read(std::size_t, std::string& out) override {
    auto at = out.size();
    stream_.next(out);
    auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, out.size() - at));
    out.erase(at, skipped);
    skip_ -= skipped;
    out.resize(at + static_cast<std::size_t>(std::min<std::uint64_t>(left_, out.size() - at)));
    left_ -= out.size() - at;
    return left_ > 0;
  }

 private:
  DecodedStream stream_;
  std::uint64_t skip_, left_;
};

}  // namespace

std::unique_ptr<FetchLiteral> rangesLiteral(OctetReader octets, std::vector<imap::ByteRange> ranges) {
  return std::make_unique<RangesLiteral>(std::move(octets), std::move(ranges));
}

MeasuredLiteral decodedLiteral(OctetReader octets, DecodedRange what, const std::optional<imap::Partial>& partial) {
  std::uint64_t skip = partial ? partial->offset : 0, wanted = partial ? partial->count : UINT64_MAX;
  MeasuredLiteral out;
  std::string kept, piece;
  std::uint64_t at = 0;  // of `piece` in the decoded octets
  DecodedStream stream(octets, what);
  for (bool more = true; more && out.size < wanted;) {
    piece.clear();
    more = stream.next(piece);
    std::string_view part = piece;
    part.remove_prefix(static_cast<std::size_t>(std::min<std::uint64_t>(skip - std::min(skip, at), part.size())));
    at += piece.size();
    part = part.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(wanted - out.size, part.size())));
    out.size += part.size();
    out.hasNul = out.hasNul || part.find('\0') != std::string_view::npos;
    if (out.size <= keptLiteral) kept += part;
  }
  if (out.size == 0) return out;
  if (out.size <= keptLiteral) out.literal = std::make_unique<TextLiteral>(std::move(kept));
  else out.literal = std::make_unique<DecodedLiteral>(DecodedStream(std::move(octets), what), skip, out.size);
  return out;
}

}  // namespace mox::imapserver
