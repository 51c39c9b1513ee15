#include "imapserver/Fetch.h"

#include "imapserver/FetchMessageData.h"
#include "imapserver/Selected.h"
#include "message/Decode.h"

namespace mox::imapserver {

namespace {

using Kind = imap::FetchItem::Kind;

class FetchProducer final : public net::Producer {
 public:
  FetchProducer(FetchRequest request, std::shared_ptr<FetchOutcome> outcome)
      : request_(std::move(request)), outcome_(std::move(outcome)), data_(MessageId()) {}

  bool produce(std::string& out) override {
    const auto enough = out.size() + fetchPiece;
    if (next_ == request_.messages.size()) return false;
    auto reader = request_.account->reader();
    while (out.size() < enough && next_ < request_.messages.size()) {
      if (!pending_.empty()) sendPending(out, enough - out.size());
      else step(reader, out);
    }
    return next_ < request_.messages.size();
  }

 private:
  /// The next thing to write of the current message: its opening, an item, or its end.
  void step(store::Reader& reader, std::string& out) {
    const auto& message = request_.messages[next_];
    if (item_ == 0 && !open(reader, message, out)) return advance();
    if (item_ < request_.items.size()) {
      out += ' ';
      writeItem(reader, message, request_.items[item_], out);
      ++item_;
      return;
    }
    if (message.tellFlags) {
      out += " FLAGS ";
      writeFlags(message.entry, out);
    }
    if (request_.tellModSeq) writeModSeq(message.entry, out);
    out += ")\r\n";
    advance();
  }

  void advance() {
    ++next_;
    item_ = 0;
  }

  /// False if the message is gone: then nothing of it is written.
  bool open(store::Reader& reader, const FetchMessage& message, std::string& out) {
    data_ = FetchMessageData(message.entry.message);
    if (needsStore() && !reader.structure(message.entry.message)) {
      outcome_->isExpunged = true;
      return false;
    }
    out.append("* ").append(std::to_string(message.sequence)).append(" FETCH (UID ").append(std::to_string(message.entry.uid.value));
    while (item_ < request_.items.size() && request_.items[item_].kind == Kind::uid) ++item_;
    return true;
  }

  /// Whether anything beyond the view is asked for.
  bool needsStore() const {
    for (const auto& item : request_.items) {
      switch (item.kind) {
        case Kind::flags:
        case Kind::internalDate:
        case Kind::rfc822Size:
        case Kind::uid:
        case Kind::modSeq: break;
        default: return true;
      }
    }
    return false;
  }

  void writeFlags(const store::ViewEntry& entry, std::string& out) {
    writeEntryFlags(out, *request_.view, entry);
  }

  static void writeModSeq(const store::ViewEntry& entry, std::string& out) {
    out.append(" MODSEQ (").append(std::to_string(entry.modSeq.value)).append(")");
  }

  void writeItem(store::Reader& reader, const FetchMessage& message, const imap::FetchItem& item, std::string& out) {
    const auto& entry = message.entry;
    switch (item.kind) {
      case Kind::uid: out.pop_back(); return;  // told at the start of the line
      case Kind::modSeq: out.pop_back(); writeModSeq(entry, out); return;
      case Kind::section:
      case Kind::rfc822:
      case Kind::rfc822Header:
      case Kind::rfc822Text: return writeSection(reader, item, out);
      case Kind::binary:
      case Kind::binarySize: return writeBinary(reader, item, out);
      default: break;
    }
    out.append(item.responseName()).append(" ");
    switch (item.kind) {
      case Kind::flags: writeFlags(entry, out); break;
      case Kind::internalDate: imap::writeDateTime(out, fromUnixSeconds(entry.received)); break;
      case Kind::rfc822Size: out += std::to_string(entry.size); break;
      case Kind::envelope: orNil(reader.appendEnvelope(entry.message, out), out); break;
      case Kind::body: orNil(reader.appendBodyStructure(entry.message, false, out), out); break;
      case Kind::bodyStructure: orNil(reader.appendBodyStructure(entry.message, true, out), out); break;
      case Kind::saveDate: writeSaveDate(reader, entry, out); break;
      case Kind::preview: imap::writeNstring(out, reader.preview(entry.message), request_.mode); break;
      default: out += "NIL"; break;  // emailId and threadId are refused by the handler
    }
  }

  static void orNil(bool isThere, std::string& out) {
    if (!isThere) out += "NIL";
  }

  static void writeSaveDate(store::Reader& reader, const store::ViewEntry& entry, std::string& out) {
    auto row = reader.message(entry.message);
    if (row) imap::writeDateTime(out, row->saved);
    else out += "NIL";
  }

  static imap::Section sectionOf(const imap::FetchItem& item) {
    imap::Section section;
    if (item.kind == Kind::rfc822Header) section.what = imap::Section::Text::header;
    if (item.kind == Kind::rfc822Text) section.what = imap::Section::Text::text;
    return item.kind == Kind::section ? item.section : section;
  }

  void writeSection(store::Reader& reader, const imap::FetchItem& item, std::string& out) {
    out.append(item.responseName()).append(" ");
    auto ranges = data_.ranges(reader, sectionOf(item));
    if (!ranges) {
      out += "NIL";
      return;
    }
    pending_ = imap::cutRanges(*ranges, item.partial);
    imap::writeLiteralHeader(out, imap::totalSize(pending_));
    pendingContent_ = data_.content(reader);
    std::erase_if(pending_, [](const imap::ByteRange& range) { return range.size() == 0; });
  }

  void sendPending(std::string& out, std::size_t room) {
    auto& range = pending_.front();
    auto count = std::min<std::uint64_t>(room, range.size());
    pendingContent_.readInto(range.start, static_cast<std::size_t>(count), out);
    range.start += count;
    if (range.size() == 0) pending_.erase(pending_.begin());
    if (pending_.empty()) pendingContent_ = {};
  }

  /// RFC 3516: the part with its transfer encoding undone.
  void writeBinary(store::Reader& reader, const imap::FetchItem& item, std::string& out) {
    auto decoded = decodedPart(reader, item.section);
    if (!decoded) {
      out.append(item.responseName()).append(item.kind == Kind::binarySize ? " 0" : " NIL");
      return;
    }
    out.append(item.responseName()).append(" ");
    if (item.kind == Kind::binarySize) {
      out += std::to_string(decoded->size());
      return;
    }
    std::string_view piece = *decoded;
    if (item.partial) {
      piece = piece.substr(static_cast<std::size_t>(std::min<std::uint64_t>(item.partial->offset, piece.size())));
      piece = piece.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(item.partial->count, piece.size())));
    }
    imap::writeLiteralHeader(out, piece.size(), piece.find('\0') != std::string_view::npos);
    out += piece;
  }

  std::optional<std::string> decodedPart(store::Reader& reader, const imap::Section& section) {
    const auto* root = data_.tree(reader);
    const auto* part = root == nullptr ? nullptr : message::find(*root, section.part);
    if (part == nullptr || (part->isMultipart() && !section.part.empty())) return std::nullopt;
    const auto& content = data_.content(reader);
    if (!content) return std::nullopt;
    auto encoding = part->isMultipart() ? message::Encoding::identity : message::encodingOf(part->encoding);
    if (!encoding) {
      outcome_->isUnknownCte = true;
      return std::nullopt;
    }
    // BINARY[] of the whole message: its header stays in front.
    std::string out;
    if (section.part.empty()) out = content.read(part->headerStart, static_cast<std::size_t>(part->bodyStart - part->headerStart));
    return out + message::decode(*encoding, content.read(part->bodyStart, static_cast<std::size_t>(part->end - part->bodyStart)));
  }

  FetchRequest request_;
  std::shared_ptr<FetchOutcome> outcome_;
  std::size_t next_ = 0;  ///< message at work
  std::size_t item_ = 0;  ///< its next item
  FetchMessageData data_;
  std::vector<imap::ByteRange> pending_;  ///< of a literal whose header is written
  store::Content pendingContent_;
};

}  // namespace

std::unique_ptr<net::Producer> makeFetchProducer(FetchRequest request, std::shared_ptr<FetchOutcome> outcome) {
  return std::make_unique<FetchProducer>(std::move(request), std::move(outcome));
}

}  // namespace mox::imapserver
