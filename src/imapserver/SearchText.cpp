// What there is to read in a message, as one text.
#include "base/Text.h"
#include "base/Unicode.h"
#include "imapserver/Search.h"
#include "message/Charset.h"
#include "message/Decode.h"
#include "message/EncodedWords.h"
#include "message/HeaderFields.h"

namespace mox::imapserver {

namespace {

std::string_view cut(std::string_view bytes, std::uint64_t start, std::uint64_t end) {
  if (start > bytes.size() || end < start) return {};
  return bytes.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(end - start));
}

void addHeader(std::string_view block, std::string& out) {
  message::HeaderFields fields(block);
  while (auto field = fields.next()) {
    if (out.size() > searchTextLimit) return;
    out.append(field->name).append(": ").append(message::decodeWords(field->value)).append("\n");
  }
}

void addPart(const message::Part& part, std::string_view bytes, std::string& out) {
  if (out.size() > searchTextLimit) return;
  for (const auto& child : part.children) {
    // The header of an embedded message is text of the outer one.
    if (part.isMessage()) addHeader(cut(bytes, child.headerStart, child.bodyStart), out);
    addPart(child, bytes, out);
  }
  if (!part.children.empty() || part.type != "text") return;
  auto encoding = message::encodingOf(part.encoding).value_or(message::Encoding::identity);
  auto decoded = message::decode(encoding, cut(bytes, part.bodyStart, part.end).substr(0, searchTextLimit));
  const auto* charset = part.parameter("charset");
  out.append(message::charsetToUtf8(decoded, charset == nullptr ? "" : *charset)).append("\n");
}

}  // namespace

std::string searchText(const message::Part& root, std::string_view bytes, bool withHeader) {
  std::string text;
  if (withHeader) addHeader(cut(bytes, root.headerStart, root.bodyStart), text);
  addPart(root, bytes, text);
  if (!isUtf8(text)) text = toUtf8(text, "us-ascii");
  return foldCase(text);
}

}  // namespace mox::imapserver
