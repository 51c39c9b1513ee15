#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "message/Charset.h"
#include "message/ContentFields.h"
#include "message/Decode.h"
#include "message/Dsn.h"
#include "message/EnvelopeFields.h"
#include "message/FieldLexer.h"
#include "message/HeaderFields.h"

namespace mox::message {

namespace {

std::string decodedBody(const Part& part, std::string_view message) {
  auto encoding = encodingOf(part.encoding);
  if (!encoding || part.end > message.size()) return {};
  return decode(*encoding, message.substr(part.bodyStart, std::min<std::uint64_t>(part.end - part.bodyStart, maxStatusPart)));
}

/// "type; value": the type in lower case and the value, comments and all. RFC 3464 §2.1.2.
std::pair<std::string, std::string> typed(std::string_view value) {
  auto parts = cut(value, ';');
  if (!parts) return {"", unfold(value)};
  return {lower(trim(parts->first)), unfold(parts->second)};
}

/// RFC 6533 §3: "\x{HEX}" to UTF-8.
std::string unitext(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    auto end = text.starts_with("\\x{") ? text.substr(0, 10).find('}') : std::string_view::npos;
    auto digits = end == std::string_view::npos ? std::string_view() : text.substr(3, end - 3);
    auto bytes = fromHex(digits.size() % 2 == 0 ? std::string(digits) : "0" + std::string(digits));
    if (digits.empty() || !bytes || bytes->size() > 4) {
      out += text[0];
      text.remove_prefix(1);
      continue;
    }
    std::string padded(4 - bytes->size(), '\0');
    auto character = charsetToUtf8(padded + *bytes, "utf-32be");
    std::erase_if(character, [](char c) { return static_cast<unsigned char>(c) < ' '; });
    out += character;
    text.remove_prefix(end + 1);
  }
  return out;
}

std::string address(std::string_view value) {
  auto [type, text] = typed(value);
  return type == "utf-8" ? unitext(text) : text;
}

std::optional<DsnAction> action(std::string_view value) {
  auto word = firstToken(value);
  for (auto one : {DsnAction::failed, DsnAction::delayed, DsnAction::delivered, DsnAction::relayed, DsnAction::expanded})
    if (equalsNoCase(word, dsnActionName(one))) return one;
  return std::nullopt;
}

void readStatus(std::string_view value, ReportedRecipient& out) {
  FieldLexer lexer(value);
  lexer.skipCfws();
  lexer.lastComment();
  auto code = lexer.run(nameEnds);
  auto parts = split(code, '.');
  bool good = parts.size() == 3 && std::all_of(parts.begin(), parts.end(), [](std::string_view p) { return !p.empty() && p.size() <= 3 && parseUnsigned(p); });
  if (good) out.status = std::string(code);
  lexer.skipCfws();
  out.statusComment = lexer.lastComment().value_or("");
}

std::optional<Time> date(std::string_view value) {
  auto parsed = parseRfc5322Date(unfold(value));
  if (!parsed) return std::nullopt;
  return parsed->time;
}

std::optional<int> replyCode(std::string_view text) {
  if (text.size() < 3 || (text.size() > 3 && isDigit(text[3]))) return std::nullopt;
  auto code = parseUnsigned(text.substr(0, 3));
  if (!code || *code < 200 || *code > 599) return std::nullopt;
  return static_cast<int>(*code);
}

void readRecipientField(const HeaderField& field, ReportedRecipient& out) {
  auto value = field.value;
  if (field.is("Original-Recipient")) out.originalRecipient = address(value);
  else if (field.is("Final-Recipient")) out.finalRecipient = address(value);
  else if (field.is("Action")) out.action = action(value);
  else if (field.is("Status")) readStatus(value, out);
  else if (field.is("Remote-MTA")) out.remoteMta = typed(value).second;
  else if (field.is("Last-Attempt-Date")) out.lastAttempt = date(value);
  else if (field.is("Will-Retry-Until")) out.willRetryUntil = date(value);
  else if (field.is("Diagnostic-Code")) {
    auto [type, text] = typed(value);
    if (type == "smtp") out.smtpCode = replyCode(text);
    out.diagnosticCode = std::string(cutUtf8(text, maxDiagnostic));
  }
}

void readMessageField(const HeaderField& field, DsnReport& out) {
  if (field.is("Reporting-MTA")) out.reportingMta = typed(field.value).second;
  else if (field.is("Original-Envelope-Id")) out.originalEnvelopeId = unfold(field.value);
  else if (field.is("Arrival-Date")) out.arrivalDate = date(field.value);
}

/// Blocks of fields between blank lines: the message's, then one a recipient.
void readBlocks(std::string_view body, DsnReport& out) {
  bool firstBlock = true;
  while (!body.empty() && out.recipients.size() < maxDsnRecipients) {
    HeaderFields fields(body);
    ReportedRecipient recipient;
    bool any = false;
    while (auto field = fields.next()) {
      any = true;
      if (firstBlock) readMessageField(*field, out);
      // Some senders forget the blank line after the first block.
      readRecipientField(*field, recipient);
    }
    if (!recipient.finalRecipient.empty() || !recipient.originalRecipient.empty()) out.recipients.push_back(std::move(recipient));
    if (any) firstBlock = false;
    if (!fields.hasBlankLine()) return;
    body.remove_prefix(fields.bodyStart());
  }
}

std::string originalId(const Part& part, std::string_view message) {
  std::string raw;
  if (part.isMessage() && !part.children.empty() && part.children[0].envelope) {
    raw = part.children[0].envelope->messageId.value_or("");
  } else if ((part.type == "text" && part.subtype == "rfc822-headers") || (part.type == "message" && part.subtype == "global-headers")) {
    auto header = decodedBody(part, message);
    if (auto value = firstField(header, "Message-ID")) raw = std::string(*value);
  }
  auto ids = messageIds(raw);
  return ids.empty() ? std::string() : ids.front();
}

}  // namespace

Result<DsnReport> parseDsn(const Part& root, std::string_view message) {
  if (!root.isMultipart() || root.subtype != "report") return fail(Errc::syntax, "not a delivery report");
  DsnReport out;
  bool found = false;
  for (const auto& part : root.children) {
    bool isStatus = part.type == "message" && (part.subtype == "delivery-status" || part.subtype == "global-delivery-status");
    if (isStatus && !found) readBlocks(decodedBody(part, message), out);
    else if (out.originalMessageId.empty()) out.originalMessageId = originalId(part, message);
    found = found || isStatus;
  }
  if (!found) return fail(Errc::syntax, "delivery report without delivery-status part");
  if (out.recipients.empty()) return fail(Errc::syntax, "delivery report without recipients");
  return out;
}

}  // namespace mox::message
