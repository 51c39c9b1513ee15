#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "message/Dsn.h"
#include "message/FieldWriter.h"
#include "message/HeaderFields.h"

namespace mox::message {

namespace {

constexpr std::size_t maxComment = 200;
constexpr std::size_t maxName = 300;

/// RFC 3464 §2.3.4 and RFC 3463 §2: class, subject, detail.
bool isStatus(std::string_view text) {
  auto parts = split(text, '.');
  return parts.size() == 3 && (parts[0] == "2" || parts[0] == "4" || parts[0] == "5") &&
         std::all_of(parts.begin(), parts.end(), [](std::string_view p) { return !p.empty() && p.size() <= 3 && parseUnsigned(p).has_value(); });
}

/// RFC 6533 §3: UTF-8 as it is, or with "\x{HEX}" where only ASCII may stand.
std::string typedAddress(const Mailbox& mailbox, bool utf8) {
  if (mailbox.localpart.isAscii()) return "rfc822; " + mailbox.text(false);
  if (utf8) return "utf-8; " + mailbox.text(true);
  std::string out = "utf-8; ";
  auto text = mailbox.text(true);
  for (std::size_t i = 0; i < text.size();) {
    auto first = static_cast<unsigned char>(text[i]);
    std::size_t size = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    std::uint32_t code = size == 1 ? first : first & (0xffu >> (size + 1));
    for (std::size_t k = 1; k < size && i + k < text.size(); ++k) code = code << 6 | (static_cast<unsigned char>(text[i + k]) & 0x3f);
    if (size == 1 && text[i] != '\\' && text[i] != '+' && text[i] != '=') {
      out += text[i];
    } else {
      std::string bytes;
      for (int shift = 16; shift >= 0; shift -= 8)
        if (code >> shift || shift == 0) bytes += static_cast<char>(code >> shift & 0xff);
      out += "\\x{" + upper(hex(bytes)) + "}";
    }
    i += size;
  }
  return out;
}

std::string status(const DsnRecipient& r) {
  if (isStatus(r.status)) return r.status;
  return r.action == DsnAction::failed ? "5.0.0" : r.action == DsnAction::delayed ? "4.0.0" : "2.0.0";
}

/// A field of a status block; nothing for an empty value.
void add(std::string& block, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  FieldWriter field(name);
  field.words(value);
  block += field.end();
}

std::string hostField(const Host& host, bool utf8) { return "dns; " + hostText(host, utf8); }

std::string recipientBlock(const DsnRecipient& r, bool utf8) {
  std::string out = "\r\n";
  add(out, "Original-Recipient", safeText(r.originalRecipient, maxName, utf8));
  add(out, "Final-Recipient", typedAddress(r.finalRecipient, utf8));
  add(out, "Action", dsnActionName(r.action));
  add(out, "Status", status(r) + (r.statusComment.empty() ? "" : " " + comment(r.statusComment, maxComment, utf8)));
  if (!r.remoteMta.empty()) add(out, "Remote-MTA", "dns; " + safeText(r.remoteMta, maxName, utf8));
  if (!r.diagnosticCode.empty()) add(out, "Diagnostic-Code", "smtp; " + safeText(r.diagnosticCode, maxDiagnostic, utf8));
  if (r.lastAttempt) add(out, "Last-Attempt-Date", rfc5322Date(*r.lastAttempt));
  if (r.willRetryUntil && r.action == DsnAction::delayed) add(out, "Will-Retry-Until", rfc5322Date(*r.willRetryUntil));
  return out;
}

std::string statusBody(const Dsn& dsn) {
  std::string out;
  add(out, "Original-Envelope-Id", safeText(dsn.originalEnvelopeId, maxName, dsn.utf8));
  add(out, "Reporting-MTA", hostField(dsn.reportingMta, dsn.utf8));
  if (dsn.receivedFromMta) add(out, "Received-From-MTA", hostField(*dsn.receivedFromMta, dsn.utf8));
  if (dsn.arrivalDate) add(out, "Arrival-Date", rfc5322Date(*dsn.arrivalDate));
  add(out, "Future-Release-Request", safeText(dsn.futureRelease, maxName));
  for (const auto& one : dsn.recipients) out += recipientBlock(one, dsn.utf8);
  return out;
}

/// Whole fields of the original header, as many as fit.
std::string returnedHeader(std::string_view header) {
  std::string out;
  HeaderFields fields(header);
  while (auto field = fields.next()) {
    if (out.size() + field->whole.size() > maxReturnedHeader) break;
    out += field->whole;
  }
  return out;
}

/// The id as its sender wrote it: the canonical one is for look-ups here, other readers compare octets.
std::string writtenId(const Dsn& dsn) {
  auto field = firstField(dsn.originalHeader, "Message-ID");
  if (!field) return dsn.originalMessageId;
  std::string id;
  auto open = field->find('<');
  for (char c : field->substr(open == std::string_view::npos ? 0 : open + 1)) {
    if (c == '>') break;
    if (static_cast<unsigned char>(c) > ' ' && c != '\x7f') id += c;
  }
  return equalsNoCase(id, dsn.originalMessageId) ? id : dsn.originalMessageId;
}

Result<HeaderBuilder> header(const Dsn& dsn, Time now, Random& random) {
  HeaderBuilder out(dsn.utf8);
  auto id = makeMessageId(random, dsn.reportingMta);
  std::vector<std::string> original;
  // An id of the original that cannot be written is left out; the report matters more.
  HeaderBuilder attempt(dsn.utf8);
  auto written = writtenId(dsn);
  if (!written.empty() && attempt.messageIds("References", {written})) original.push_back(written);
  auto to = dsn.to.localpart.isAscii() || dsn.utf8 ? "<" + dsn.to.text(dsn.utf8) + ">" : std::string("undisclosed-recipients:;");
  for (auto done : {out.addresses("From", {dsn.from}), out.structured("To", to), out.text("Subject", dsn.subject), out.date("Date", now),
                    out.messageIds("Message-ID", {id}), out.messageIds("References", original), out.structured("Auto-Submitted", "auto-replied")})
    if (!done) return tl::unexpected(done.error());
  return out;
}

}  // namespace

std::string_view dsnActionName(DsnAction action) {
  switch (action) {
    case DsnAction::failed: return "failed";
    case DsnAction::delayed: return "delayed";
    case DsnAction::delivered: return "delivered";
    case DsnAction::relayed: return "relayed";
    case DsnAction::expanded: return "expanded";
  }
  return "failed";
}

Result<std::string> composeDsn(const Dsn& dsn, Time now, Random& random) {
  if (dsn.recipients.empty()) return fail(Errc::syntax, "delivery report without recipients");
  auto fields = header(dsn, now, random);
  if (!fields) return tl::unexpected(fields.error());
  OutPart report;
  report.type = "multipart";
  report.subtype = "report";
  report.parameters = {{"report-type", "delivery-status"}};
  OutPart text;
  text.parameters = {{"charset", "utf-8"}};
  text.description = "Notification";
  text.body = dsn.text;
  OutPart status;
  status.type = "message";
  status.subtype = dsn.utf8 ? "global-delivery-status" : "delivery-status";
  status.description = "Delivery report";
  status.body = statusBody(dsn);
  report.parts = {text, status};
  if (!dsn.originalHeader.empty()) {
    OutPart returned;
    returned.type = dsn.utf8 ? "message" : "text";
    returned.subtype = dsn.utf8 ? "global-headers" : "rfc822-headers";
    returned.description = "Header of the message";
    returned.body = returnedHeader(dsn.originalHeader);
    report.parts.push_back(std::move(returned));
  }
  return compose(*fields, report, dsn.utf8, random);
}

}  // namespace mox::message
