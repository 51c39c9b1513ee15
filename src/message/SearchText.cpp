#include "message/SearchText.h"

#include <algorithm>

#include "base/Unicode.h"
#include "message/Charset.h"
#include "message/Decode.h"
#include "message/EncodedWords.h"
#include "message/HeaderFields.h"
#include "message/HtmlText.h"

namespace mox::message {

namespace {

std::string_view slice(std::string_view bytes, std::uint64_t start, std::uint64_t end) {
  if (start > bytes.size() || end < start) return {};
  return bytes.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start));
}

class Collector {
 public:
  Collector(std::string_view bytes, std::size_t limit) : bytes_(bytes), limit_(limit) {}

  /// RFC 9051 §6.4.4 TEXT: the header, and those of the parts. All in front, so that the text of BODY is an end of the whole.
  void headers(const Part& root) {
    header(root);
    mimeHeaders(root);
  }

  void part(const Part& part) {
    for (const auto& child : part.children) {
      if (full()) return;
      // The header of an embedded message is text of the outer one.
      if (part.isMessage()) header(child);
      this->part(child);
    }
    // Of a message/* that is no embedded message, such as delivery-status, people see the text.
    if (part.children.empty() && (part.type == "text" || part.type == "message") && !full()) leaf(part);
  }

  SearchText take() {
    if (conversionsLeft_ == 0) out_.whole = false;  // words may stand as they came: who searches must look at the message itself
    return std::move(out_);
  }

 private:
  void header(const Part& part) {
    HeaderFields fields(slice(bytes_, part.headerStart, part.bodyStart));
    while (auto field = fields.next()) {
      if (full()) return;
      add(std::string(field->name) + ": " + decodeWords(field->value, conversionsLeft_));
    }
  }

  void mimeHeaders(const Part& part) {
    extendedParameters(part);
    for (const auto& child : part.children) {
      if (full()) return;
      if (!part.isMessage()) header(child);
      mimeHeaders(child);
    }
  }

  /// RFC 2231 writes values, as names of files, in a way that is not how people see them; those are added.
  void extendedParameters(const Part& part) {
    if (slice(bytes_, part.headerStart, part.bodyStart).find('*') == std::string_view::npos) return;
    auto add = [this](const std::vector<Parameter>& parameters) {
      for (const auto& parameter : parameters)
        if (!full()) this->add(decodeWords(parameter.value, conversionsLeft_));
    };
    add(part.parameters);
    if (part.disposition) add(part.disposition->parameters);
  }

  /// Asked where something more is to come.
  bool full() {
    if (out_.text.size() >= limit_) out_.whole = false;
    return !out_.whole;
  }

  void leaf(const Part& part) {
    auto raw = slice(bytes_, part.bodyStart, part.end);
    // No encoding makes text of more than three octets an octet; a line of quoted-printable may be all soft breaks.
    auto cut = raw.substr(0, 4 * limit_);
    if (cut.size() < raw.size()) out_.whole = false;
    auto decoded = decode(encodingOf(part.encoding).value_or(Encoding::identity), cut);
    const auto* charset = part.parameter("charset");
    auto text = charsetToUtf8(decoded, charset == nullptr ? "" : *charset);
    add(part.subtype == "html" ? htmlToText(text, text.size()) : std::move(text));
  }

  void add(std::string text) {
    if (!isUtf8(text)) text = toUtf8(text, "us-ascii");
    if (text.find('\0') != std::string::npos) std::replace(text.begin(), text.end(), '\0', ' ');
    auto room = limit_ - std::min(limit_, out_.text.size());
    auto kept = cutUtf8(text, room);
    if (kept.size() < text.size()) out_.whole = false;
    out_.text.append(foldCase(kept)) += '\n';
  }

  std::string_view bytes_;
  std::size_t limit_;
  std::size_t conversionsLeft_ = maxWordConversions;  ///< of the whole message, for anybody may send it
  SearchText out_;
};

}  // namespace

SearchText searchText(const Part& root, std::string_view bytes, bool withHeader, std::size_t limit) {
  Collector collector(bytes, limit);
  if (withHeader) collector.headers(root);
  collector.part(root);
  return collector.take();
}

std::string searchFold(std::string_view text) { return foldCase(isUtf8(text) ? std::string(text) : toUtf8(text, "us-ascii")); }

}  // namespace mox::message
