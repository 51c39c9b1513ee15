#include "message/EnvelopeFields.h"

#include <algorithm>
#include <unordered_set>

#include "base/Text.h"
#include "message/Addresses.h"
#include "message/SortFacts.h"
#include "message/Subject.h"

namespace mox::message {

namespace {

void appendAddresses(std::vector<EnvelopeAddress>& list, std::string_view value, std::size_t& left) {
  if (list.size() >= maxAddresses || left == 0) return;
  auto more = addresses(value, std::min(maxAddresses - list.size(), left)).addresses;
  left -= std::min(left, more.size());
  list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

std::string canonicalId(std::string_view id) {
  std::string out;
  for (char c : id)
    if (static_cast<unsigned char>(c) > ' ' && c != '\x7f') out += asciiLower(c);
  return out;
}

/// References first, then In-Reply-To; no id twice; the last maxReferences, for those are the nearest.
std::vector<std::string> withoutRepeats(std::vector<std::string> ids) {
  std::unordered_set<std::string> seen;
  std::vector<std::string> out;
  for (auto& id : ids)
    if (seen.insert(id).second) out.push_back(std::move(id));
  if (out.size() > maxReferences) out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(maxReferences));
  return out;
}

std::vector<std::uint64_t> ancestors(const std::vector<std::string>& references, const std::vector<std::string>& inReplyTo) {
  std::vector<std::uint64_t> out;
  auto skipped = references.size() - std::min(references.size(), maxReferences);
  for (auto id = references.begin() + static_cast<std::ptrdiff_t>(skipped); id != references.end(); ++id) out.push_back(messageIdHash(*id));
  if (out.empty() && !inReplyTo.empty()) out.push_back(messageIdHash(inReplyTo.front()));
  return out;
}

/// Gathers over both halves of the root header.
struct RootFields {
  std::vector<std::string> references, inReplyTo;
  std::optional<std::string_view> from, messageId, date, subject;
  Parsed& out;

  void take(const HeaderField& field) {
    out.hasHeader = true;
    if (field.is("Received")) ++out.receivedFields;
    else if (field.is("From")) takeFrom(field.value);
    else if (field.is("Message-ID")) first(messageId, field.value);
    else if (field.is("Date")) first(date, field.value);
    else if (field.is("Subject")) first(subject, field.value);
    else if (field.is("References")) append(references, messageIds(field.value));
    else if (field.is("In-Reply-To")) append(inReplyTo, messageIds(field.value));
    else if (field.is("List-Id") || field.is("List-Post")) out.isMailingList = true;
    else if (field.is("Precedence")) out.isMailingList = out.isMailingList || equalsNoCase(trim(field.value), "list");
  }
  void takeFrom(std::string_view value) {
    ++out.fromFields;
    first(from, value);
    out.fromAddresses += static_cast<unsigned>(countAddresses(addresses(value).addresses));
  }
  static void first(std::optional<std::string_view>& slot, std::string_view value) {
    if (!slot) slot = value;
  }
  static void append(std::vector<std::string>& list, std::vector<std::string> more) {
    list.insert(list.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }
};

}  // namespace

void readEnvelopeField(Envelope& e, const HeaderField& field, std::size_t& left) {
  auto once = [&](std::optional<std::string>& slot) {
    if (!slot) slot = unfold(field.value);
  };
  if (field.is("Date")) once(e.date);
  else if (field.is("Subject")) once(e.subject);
  else if (field.is("From")) appendAddresses(e.from, field.value, left);
  else if (field.is("Sender")) appendAddresses(e.sender, field.value, left);
  else if (field.is("Reply-To")) appendAddresses(e.replyTo, field.value, left);
  else if (field.is("To")) appendAddresses(e.to, field.value, left);
  else if (field.is("Cc")) appendAddresses(e.cc, field.value, left);
  else if (field.is("Bcc")) appendAddresses(e.bcc, field.value, left);
  else if (field.is("In-Reply-To")) once(e.inReplyTo);
  else if (field.is("Message-ID")) once(e.messageId);
}

void completeEnvelope(Envelope& e) {
  if (e.sender.empty()) e.sender = e.from;
  if (e.replyTo.empty()) e.replyTo = e.from;
}

std::vector<std::string> messageIds(std::string_view value) {
  std::vector<std::string> out;
  // From the end: the nearest ancestors come last, and only so many are kept.
  while (out.size() < maxReferences) {
    auto close = value.rfind('>');
    if (close == std::string_view::npos) break;
    auto open = value.rfind('<', close);
    if (open == std::string_view::npos) break;
    auto id = canonicalId(value.substr(open + 1, close - open - 1));
    if (!id.empty()) out.push_back(std::move(id));
    value = value.substr(0, open);
  }
  std::reverse(out.begin(), out.end());
  return out;
}

void readRootFields(std::string_view prefix, std::string_view data, Parsed& out) {
  RootFields found{{}, {}, {}, {}, {}, {}, out};
  for (auto block : {prefix, data}) {
    HeaderFields fields(block.substr(0, maxHeaderBytes));
    while (auto field = fields.next()) found.take(*field);
    if (block.size() > maxHeaderBytes && fields.end() >= maxHeaderBytes) out.headerCut = true;
  }
  // What follows the limit may hold another From field, and another reader may believe that one.
  if (found.from && out.fromFields == 1 && !out.headerCut) out.from = singleFrom(*found.from);
  if (found.date) out.date = parseRfc5322Date(unfold(*found.date));
  if (found.messageId) {
    auto ids = messageIds(*found.messageId);
    out.messageId = ids.empty() ? canonicalId(*found.messageId) : ids.front();
  }
  out.ancestors = ancestors(found.references, found.inReplyTo);
  RootFields::append(found.references, std::move(found.inReplyTo));
  out.references = withoutRepeats(std::move(found.references));
  if (found.subject) {
    auto base = baseSubject(*found.subject);
    out.subjectBase = std::move(base.text);
    out.isReplyOrForward = base.isReplyOrForward;
  }
}

}  // namespace mox::message
