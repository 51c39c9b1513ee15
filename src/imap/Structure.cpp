#include "imap/Structure.h"

#include <algorithm>

#include "base/Text.h"
#include "imap/Output.h"
#include "message/FieldWriter.h"

namespace mox::imap {

namespace {

using message::Part;

// decode() could give deeper trees than parse() if the database were damaged.
constexpr std::size_t maxRenderDepth = message::maxNesting + 2;

void putString(std::string& out, std::string_view value) {
  if (value.find('\0') == std::string_view::npos) return writeString(out, value);
  std::string clean(value);
  clean.erase(std::remove(clean.begin(), clean.end(), '\0'), clean.end());
  writeString(out, clean);
}

void putUpper(std::string& out, std::string_view value) { putString(out, upper(value)); }

void putNstring(std::string& out, const std::optional<std::string>& value) {
  if (value) return putString(out, *value);
  out += "NIL";
}

void putAddresses(std::string& out, const std::vector<message::EnvelopeAddress>& addresses) {
  if (addresses.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const auto& address : addresses) {
    out += '(';
    putNstring(out, address.name);
    out += " NIL ";  // source routes are gone since RFC 5321
    putNstring(out, address.mailbox);
    out += ' ';
    putNstring(out, address.host);
    out += ')';
  }
  out += ')';
}

void putEnvelope(std::string& out, const message::Envelope& envelope) {
  out += '(';
  putNstring(out, envelope.date);
  out += ' ';
  putNstring(out, envelope.subject);
  for (const auto* addresses : {&envelope.from, &envelope.sender, &envelope.replyTo, &envelope.to, &envelope.cc, &envelope.bcc}) {
    out += ' ';
    putAddresses(out, *addresses);
  }
  out += ' ';
  putNstring(out, envelope.inReplyTo);
  out += ' ';
  putNstring(out, envelope.messageId);
  out += ')';
}

void putParameters(std::string& out, const std::vector<message::Parameter>& parameters) {
  if (parameters.empty()) {
    out += "NIL";
    return;
  }
  out += '(';
  for (const auto& parameter : parameters) {
    if (&parameter != &parameters.front()) out += ' ';
    // RFC 2231 §6: pieces are joined here. The charset is the client's to undo, since only so the value stays ASCII.
    bool isExtended = parameter.isExtended && !isAscii(parameter.value);
    putUpper(out, isExtended ? parameter.name + "*" : parameter.name);
    out += ' ';
    putString(out, isExtended ? message::extendedValue(parameter.value) : parameter.value);
  }
  out += ')';
}

/// body-fld-dsp, body-fld-lang, body-fld-loc.
void putExtension(std::string& out, const Part& part) {
  if (part.disposition) {
    out += " (";
    putUpper(out, part.disposition->type);
    out += ' ';
    putParameters(out, part.disposition->parameters);
    out += ")";
  } else {
    out += " NIL";
  }
  out += ' ';
  if (part.languages.size() > 1) {
    out += '(';
    for (const auto& language : part.languages) {
      if (&language != &part.languages.front()) out += ' ';
      putString(out, language);
    }
    out += ')';
  } else if (part.languages.empty()) {
    out += "NIL";
  } else {
    putString(out, part.languages.front());
  }
  out += ' ';
  putNstring(out, part.location);
}

class BodyWriter {
 public:
  BodyWriter(std::string& out, bool extended) : out_(out), extended_(extended) {}

  void part(const Part& part, std::size_t depth) {
    out_ += '(';
    if (part.isMultipart() && depth < maxRenderDepth) {
      multipart(part, depth);
    } else {
      single(part, depth);
    }
    out_ += ')';
  }

 private:
  void multipart(const Part& part, std::size_t depth) {
    for (const auto& child : part.children) this->part(child, depth + 1);
    // The grammar wants one body at least.
    if (part.children.empty()) this->part(Part{}, depth + 1);
    out_ += ' ';
    putUpper(out_, part.subtype);
    if (!extended_) return;
    out_ += ' ';
    putParameters(out_, part.parameters);
    putExtension(out_, part);
  }

  void single(const Part& part, std::size_t depth) {
    bool embedded = part.isMessage() && !part.children.empty() && depth < maxRenderDepth;
    typeAndFields(part, part.isMultipart() || (part.isMessage() && !embedded));
    if (embedded) {
      const Part& inner = part.children.front();
      out_ += ' ';
      putEnvelope(out_, inner.envelope.value_or(message::Envelope{}));
      out_ += ' ';
      this->part(inner, depth + 1);
    }
    if (embedded || part.type == "text") out_ += " " + std::to_string(part.lines);
    if (!extended_) return;
    out_ += ' ';
    putNstring(out_, part.md5);
    putExtension(out_, part);
  }

  /// `opaque`: what lies below the limits of parse() is told as plain octets, since its type would promise more.
  void typeAndFields(const Part& part, bool opaque) {
    putUpper(out_, opaque ? "application" : part.type);
    out_ += ' ';
    putUpper(out_, opaque ? "octet-stream" : part.subtype);
    out_ += ' ';
    putParameters(out_, part.parameters);
    out_ += ' ';
    putNstring(out_, part.id);
    out_ += ' ';
    putNstring(out_, part.description);
    out_ += ' ';
    putUpper(out_, part.encoding);
    out_ += " " + std::to_string(part.end - part.bodyStart);
  }

  std::string& out_;
  bool extended_;
};

}  // namespace

std::string renderEnvelope(const message::Envelope& envelope) {
  std::string out;
  putEnvelope(out, envelope);
  return out;
}

std::string renderBodyStructure(const message::Part& root) {
  std::string out;
  BodyWriter(out, true).part(root, 0);
  return out;
}

std::string renderBody(const message::Part& root) {
  std::string out;
  BodyWriter(out, false).part(root, 0);
  return out;
}

}  // namespace mox::imap
