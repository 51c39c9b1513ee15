#include "message/Preview.h"

#include <algorithm>
#include <vector>

#include "base/Text.h"
#include "base/Unicode.h"
#include "message/Charset.h"
#include "message/Decode.h"
#include "message/HtmlText.h"

namespace mox::message {

namespace {

constexpr std::size_t enough = 250;        ///< octets after which no further line is looked at
constexpr std::size_t signatureLines = 5;  ///< fewer lines than this after "--": a signature
constexpr std::string_view ellipsis = "[...]";

std::string decodedText(const Part& part, std::string_view data, std::uint64_t base) {
  auto encoding = encodingOf(part.encoding);
  if (!encoding) return {};
  bool html = part.subtype == "html";
  auto body = data.substr(part.bodyStart - base, part.end - part.bodyStart);
  auto bytes = decode(*encoding, body.substr(0, html ? maxPreviewHtml : maxPreviewText));
  const auto* charset = part.parameter("charset");
  auto text = charsetToUtf8(bytes, charset == nullptr ? std::string_view() : std::string_view(*charset));
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  return html ? htmlToText(text) : text;
}

std::string_view trimmedEnd(std::string_view line) {
  while (!line.empty() && (isWsp(line.back()) || line.back() == '\r')) line.remove_suffix(1);
  return line;
}

/// One space for white space; no other control. `text` is valid UTF-8.
void appendWords(std::string_view text, std::string& out) {
  bool space = !out.empty();
  for (char c : trim(text)) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      space = !out.empty();
      continue;
    }
    if (space) out += ' ';
    space = false;
    out += c;
  }
}

std::string cutCharacters(std::string text, std::size_t limit) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool starts = (static_cast<unsigned char>(text[i]) & 0xc0) != 0x80;
    if (starts && ++count > limit) {
      text.resize(i);
      break;
    }
  }
  return text;
}

class TextPreview {
 public:
  explicit TextPreview(std::string_view text) : rest_(text) {}

  std::string run() {
    while (!rest_.empty() && out_.size() + held_.size() < enough) {
      auto line = takeLine();
      if (line.empty()) continue;
      if (line == "--" && isSignature()) break;
      if (line[0] == '>') quoted();
      else plain(line);
    }
    appendWords(held_, out_);
    // Nothing but quotes says nothing.
    if (out_ == ellipsis) out_.clear();
    return cutCharacters(std::move(out_), maxPreview);
  }

 private:
  std::string_view takeLine() {
    auto end = rest_.find('\n');
    auto line = trimmedEnd(rest_.substr(0, end));
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return line;
  }

  bool isSignature() const {
    auto after = rest_;
    std::size_t lines = 0;
    while (!after.empty() && lines < signatureLines) {
      auto end = after.find('\n');
      after.remove_prefix(end == std::string_view::npos ? after.size() : end + 1);
      ++lines;
    }
    return lines < signatureLines;
  }

  /// The last plain line is held back: it may turn out to introduce a quote.
  void plain(std::string_view line) {
    appendWords(held_, out_);
    held_ = line;
    inQuote_ = false;
  }

  void quoted() {
    if (inQuote_) return;
    inQuote_ = true;
    if (!held_.ends_with(':')) appendWords(held_, out_);
    held_ = {};
    appendWords(ellipsis, out_);
  }

  std::string_view rest_, held_;
  std::string out_;
  bool inQuote_ = false;
};

class PartWalk {
 public:
  PartWalk(std::string_view data, std::uint64_t base) : data_(data), base_(base) {}

  std::string of(const Part& part) {
    if (part.disposition && part.disposition->type == "attachment") return {};
    if (part.isMultipart() && part.subtype == "encrypted") return {};
    if (part.children.empty()) return leaf(part);
    bool firstOnly = part.isMultipart() && part.subtype == "signed";
    for (const auto& child : part.children) {
      auto text = of(child);
      if (!text.empty() || firstOnly) return text;
    }
    return {};
  }

 private:
  std::string leaf(const Part& part) {
    if (part.type != "text" || (part.subtype != "plain" && part.subtype != "html")) return {};
    if (attempts_++ >= maxPreviewAttempts) return {};
    return previewText(decodedText(part, data_, base_));
  }

  std::string_view data_;
  std::uint64_t base_;
  std::size_t attempts_ = 0;
};

}  // namespace

std::string previewText(std::string_view text) { return TextPreview(text).run(); }

std::string preview(const Part& root, std::string_view data, std::uint64_t base) { return PartWalk(data, base).of(root); }

}  // namespace mox::message
