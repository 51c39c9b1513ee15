#include "message/Trace.h"

#include <algorithm>

#include "base/Date.h"
#include "base/Text.h"
#include "message/FieldLexer.h"
#include "message/FieldWriter.h"

namespace mox::message {

namespace {

constexpr std::size_t maxReason = 400;    ///< octets of a reason or comment
constexpr std::size_t maxProperty = 320;  ///< octets of a property's value: an address fits

/// A localpart beyond ASCII has no ASCII form; where UTF-8 may not be written it is left out.
std::optional<std::string> pathText(const Mailbox& mailbox, bool utf8) {
  if (!utf8 && !mailbox.localpart.isAscii()) return std::nullopt;
  return mailbox.text(utf8);
}

/// RFC 8601 §2.2: a token, an address, or a quoted-string.
std::string propertyValue(std::string_view value, bool utf8) {
  auto text = safeText(value, maxProperty, utf8);
  bool bare = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c == '@' || c == '.' || !(nameEnds.has(c) || c == '.'); });
  bool oneAt = std::count(text.begin(), text.end(), '@') <= 1;
  return bare && oneAt ? text : quoted(text);
}

}  // namespace

std::string receivedField(const Received& hop) {
  FieldWriter field("Received");
  field.word("from " + hostText(hop.ehlo, hop.utf8));
  if (hop.peerIp) field.word("(" + (hop.reverseName ? hop.reverseName->ascii() + " " : "") + hop.peerIp->literal() + ")");
  const auto* name = std::get_if<Domain>(&hop.ehlo);
  if (hop.utf8 && name != nullptr && name->isIdn()) field.word("(" + name->ascii() + ")");
  field.word("by " + (hop.utf8 ? hop.by.unicode() : hop.by.ascii()));
  if (hop.localIp) field.word("(" + hop.localIp->literal() + ")");
  if (hop.utf8 && hop.by.isIdn()) field.word("(" + hop.by.ascii() + ")");
  field.word("via tcp with " + hop.with);
  if (hop.requireTls) field.word("(requiretls)");
  if (!hop.id.empty()) field.word("id " + hop.id);
  if (!hop.tls.empty()) field.word(comment(hop.tls));
  if (hop.recipient)
    if (auto path = pathText(*hop.recipient, hop.utf8)) field.word("for <" + *path + ">");
  field.glue(";").word(rfc5322Date(hop.date));
  return field.end();
}

std::string returnPathField(const ReversePath& from, bool utf8) {
  FieldWriter field("Return-Path");
  auto path = from ? pathText(*from, utf8) : std::nullopt;
  field.word("<" + path.value_or("") + ">");
  return field.end();
}

std::string deliveredToField(const Mailbox& to, bool utf8) {
  auto path = pathText(to, utf8);
  if (!path) return {};
  FieldWriter field("Delivered-To");
  field.word(*path);
  return field.end();
}

std::string authenticationResultsField(const AuthResults& results) {
  FieldWriter field("Authentication-Results");
  field.word(results.utf8 ? results.host.unicode() : results.host.ascii());
  if (!results.comment.empty()) field.word(comment(results.comment, maxReason, results.utf8));
  if (results.methods.empty()) field.glue(";").word("none");
  for (const auto& method : results.methods) {
    field.glue(";").word(method.method + "=" + method.result);
    if (!method.comment.empty()) field.words(comment(method.comment, maxReason, results.utf8));
    if (!method.reason.empty()) field.word("reason=" + quoted(safeText(method.reason, maxReason, results.utf8)));
    for (const auto& one : method.properties) field.word(one.type + "." + one.name + "=" + propertyValue(one.value, results.utf8));
  }
  return field.end();
}

}  // namespace mox::message
