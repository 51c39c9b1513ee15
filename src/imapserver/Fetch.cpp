#include "imapserver/Fetch.h"

#include <algorithm>

#include "imapserver/FetchMessageData.h"
#include "imapserver/ObjectId.h"
#include "imapserver/Selected.h"

namespace mox::imapserver {

namespace {

using Kind = imap::FetchItem::Kind;

class FetchProducer final : public net::Producer {
 public:
  FetchProducer(FetchRequest request, std::shared_ptr<FetchOutcome> outcome)
      : request_(std::move(request)), outcome_(std::move(outcome)), data_(MessageId()) {
    hasFlags_ = std::any_of(request_.items.begin(), request_.items.end(), [](const auto& item) { return item.kind == Kind::flags; });
    hasModSeq_ = std::any_of(request_.items.begin(), request_.items.end(), [](const auto& item) { return item.kind == Kind::modSeq; });
    advance();
  }

  bool produce(std::string& out) override {
    const auto enough = out.size() + fetchPiece;
    lineStart_ = std::string::npos;  // what an earlier piece said cannot be unsaid
    if (!message_) return false;
    auto reader = request_.account->reader();
    while (out.size() < enough && message_) {
      if (pending_) sendPending(out, enough - out.size());
      else step(reader, out);
    }
    return message_.has_value();
  }

 private:
  /// The next thing to write of the current message: its opening, an item, or its end.
  void step(store::Reader& reader, std::string& out) {
    const auto& entry = *message_->entry;
    if (item_ == 0) open(out);
    if (item_ < request_.items.size()) {
      separate(out);
      auto itemStart = out.size();
      if (!writeItem(reader, entry, request_.items[item_], out)) return giveUp(out, itemStart);
      ++item_;
      return;
    }
    bool isSeenNow = request_.seen && entry.modSeq == request_.seen;
    if (isSeenNow && !hasFlags_) {
      separate(out);
      out += "FLAGS ";
      writeFlags(entry, out);
    }
    if (!hasModSeq_ && (request_.tellModSeq || (isSeenNow && request_.tell.modSeq))) {
      separate(out);
      writeModSeq(entry, out);
    }
    out += ")\r\n";
    advance();
  }

  /// To the next message that is there.
  void advance() {
    item_ = 0;
    while ((message_ = request_.messages.next())) {
      if (message_->entry != nullptr) return;
      outcome_->isExpunged = true;
    }
  }

  void open(std::string& out) {
    data_ = FetchMessageData(*message_->entry, request_.mode.utf8);
    lineStart_ = out.size();
    openFetch(out, message_->sequence, message_->uid, request_.tell.uidOnly);
    isFirst_ = request_.tell.uidOnly;
    if (!request_.tell.uidOnly)  // it is told already
      while (item_ < request_.items.size() && request_.items[item_].kind == Kind::uid) ++item_;
  }

  /// Between the items of a line.
  void separate(std::string& out) {
    if (!isFirst_) out += ' ';
    isFirst_ = false;
  }

  /// The message is gone: its line is taken back, or ended after the items that were sent. Few items may be NIL, and a
  /// client told so would believe it.
  void giveUp(std::string& out, std::size_t itemStart) {
    outcome_->isExpunged = true;
    bool isUnsaid = lineStart_ != std::string::npos;
    out.resize(isUnsaid ? lineStart_ : itemStart - 1);  // separate() has put a space there: an item was sent
    if (!isUnsaid) out += ")\r\n";
    advance();
  }

  void writeFlags(const store::ViewEntry& entry, std::string& out) { writeEntryFlags(out, *request_.messages.now(), entry, request_.recent.contains(entry.uid.value)); }

  static void writeModSeq(const store::ViewEntry& entry, std::string& out) {
    out.append("MODSEQ (").append(std::to_string(entry.modSeq.value)).append(")");
  }

  /// False if the message turned out to be gone.
  bool writeItem(store::Reader& reader, const store::ViewEntry& entry, const imap::FetchItem& item, std::string& out) {
    switch (item.kind) {
      case Kind::uid:
        if (request_.tell.uidOnly) out.append("UID ").append(std::to_string(entry.uid.value));
        else out.pop_back();  // told at the start of the line
        return true;
      case Kind::modSeq: writeModSeq(entry, out); return true;
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
      case Kind::flags: writeFlags(entry, out); return true;
      case Kind::internalDate: imap::writeDateTime(out, fromUnixSeconds(entry.received)); return true;
      case Kind::rfc822Size: return data_.writeSize(reader, out);
      case Kind::envelope: return data_.writeEnvelope(reader, out);
      case Kind::body: return data_.writeBodyStructure(reader, false, out);
      case Kind::bodyStructure: return data_.writeBodyStructure(reader, true, out);
      case Kind::saveDate: return writeSaveDate(reader, entry, out);
      case Kind::preview: return writePreview(reader, entry, out);
      case Kind::emailId:
      case Kind::threadId: return writeObjectId(reader, entry, item.kind, out);
      default: return true;
    }
  }

  static bool writeSaveDate(store::Reader& reader, const store::ViewEntry& entry, std::string& out) {
    auto row = reader.message(entry.message);
    if (row) imap::writeDateTime(out, row->saved);
    return row.has_value();
  }

  /// RFC 8474 §5.
  static bool writeObjectId(store::Reader& reader, const store::ViewEntry& entry, Kind kind, std::string& out) {
    auto ids = reader.objectIds(entry.message);
    if (ids) out.append("(").append(kind == Kind::emailId ? emailIdText(ids->first) : threadIdText(ids->second)).append(")");
    return ids.has_value();
  }

  bool writePreview(store::Reader& reader, const store::ViewEntry& entry, std::string& out) const {
    auto preview = reader.preview(entry.message);
    if (preview) imap::writeString(out, *preview, request_.mode);
    return preview.has_value();
  }

  static imap::Section sectionOf(const imap::FetchItem& item) {
    imap::Section section;
    if (item.kind == Kind::rfc822Header) section.what = imap::Section::Text::header;
    if (item.kind == Kind::rfc822Text) section.what = imap::Section::Text::text;
    return item.kind == Kind::section ? item.section : section;
  }

  bool writeSection(store::Reader& reader, const imap::FetchItem& item, std::string& out) {
    if (!data_.content(reader)) return false;
    out.append(item.responseName()).append(" ");
    auto ranges = data_.ranges(reader, sectionOf(item));
    if (!ranges) {
      out += "NIL";  // there is no such part
      return true;
    }
    auto wanted = imap::cutRanges(*ranges, item.partial);
    auto size = imap::totalSize(wanted);
    imap::writeLiteralHeader(out, size);
    if (size > 0) pending_ = rangesLiteral(data_.octets(reader), std::move(wanted));
    return true;
  }

  void sendPending(std::string& out, std::size_t room) {
    if (!pending_->read(room, out)) pending_.reset();
  }

  /// RFC 3516, RFC 9051 §6.4.5. What cannot be had is told by the tagged reply.
  bool writeBinary(store::Reader& reader, const imap::FetchItem& item, std::string& out) {
    if (!data_.content(reader)) return false;
    MeasuredLiteral decoded;
    auto found = data_.binary(reader, item, decoded);
    outcome_->isUnknownCte = outcome_->isUnknownCte || found == FetchMessageData::Binary::unknownEncoding;
    outcome_->isMissingPart = outcome_->isMissingPart || found == FetchMessageData::Binary::noPart;
    out.append(item.responseName()).append(" ");
    if (item.kind == Kind::binarySize) {
      out += std::to_string(decoded.size);
    } else if (found != FetchMessageData::Binary::good) {
      out += "NIL";
    } else {
      imap::writeLiteralHeader(out, decoded.size, decoded.hasNul);
      pending_ = std::move(decoded.literal);
    }
    return true;
  }

  FetchRequest request_;
  std::shared_ptr<FetchOutcome> outcome_;
  bool hasFlags_ = false, hasModSeq_ = false;  ///< among the items
  std::optional<MessageWalk::Step> message_;   ///< at work
  std::size_t item_ = 0;  ///< its next item
  bool isFirst_ = false;  ///< nothing stands after "(" yet
  std::size_t lineStart_ = std::string::npos;  ///< in `out` of this piece, where the current line begins
  FetchMessageData data_;
  std::unique_ptr<FetchLiteral> pending_;  ///< of a literal whose header is written
};

}  // namespace

std::unique_ptr<net::Producer> makeFetchProducer(FetchRequest request, std::shared_ptr<FetchOutcome> outcome) {
  return std::make_unique<FetchProducer>(std::move(request), std::move(outcome));
}

}  // namespace mox::imapserver
